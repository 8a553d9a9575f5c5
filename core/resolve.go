package core

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Defaults are the profiles and destinations that exist without being set. A
// setting of the same name goes before them.
type Defaults struct {
	Profiles     map[string]Profile // "default" is there even if it is not named
	Destinations map[string]Destination
}

// Names of the built-in profile and destination.
const (
	DefaultProfile     = "default"
	DefaultDestination = "delivered"
)

// Choice is what a submission comes to: options with defaults, and at least one destination.
type Choice struct {
	Profile      string
	Options      Options
	Destinations []string
}

// Resolve finds what a submission asks for. The error is a [*Failure] that names the unknown
// profile, destination or option.
func (s *State) Resolve(sub Submission, have Defaults) (Choice, error) {
	name := sub.Profile
	if name == "" {
		name = DefaultProfile
	}
	profile, err := s.Profile(name, have)
	if err != nil {
		return Choice{}, err
	}
	c := Choice{Profile: name, Options: profile.Options, Destinations: profile.Destinations}
	if len(sub.Languages) > 0 {
		c.Options.Languages = sub.Languages
	}
	c.Options.Languages = splitLanguages(c.Options.Languages)
	if sub.Override != nil {
		sub.Override(&c.Options)
	}
	if len(sub.Destinations) > 0 {
		c.Destinations = sub.Destinations
	}
	if len(c.Destinations) == 0 {
		c.Destinations = []string{DefaultDestination}
	}
	c.Destinations = unique(c.Destinations)
	for _, d := range c.Destinations {
		_, err := s.Destination(d, have)
		if err != nil && len(sub.Destinations) == 0 { // a person finds it in the profile alone
			f := AsFailure(err)
			f.Detail = fmt.Sprintf("profile %q: %s", name, f.Detail)
			err = &f
		}
		if err != nil {
			return Choice{}, err
		}
	}
	if err := c.Options.Check(); err != nil {
		return Choice{}, err
	}
	c.Options = c.Options.WithDefaults()
	return c, nil
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func splitLanguages(list []string) []string {
	var out []string
	for _, l := range list {
		out = append(out, strings.Split(l, "+")...)
	}
	return unique(out)
}

// Profile gives the profile of a name.
func (s *State) Profile(name string, have Defaults) (Profile, error) {
	if v, ok := s.Setting(ProfileKey(name)); ok {
		return ParseProfile(v.Value)
	}
	if p, ok := have.Profiles[name]; ok || name == DefaultProfile {
		return p, nil
	}
	known := names(s, "profile/", slices.Collect(maps.Keys(have.Profiles)), DefaultProfile)
	return Profile{}, Refuse(CodeUnknown, "known profiles: "+known, "there is no profile %q", name)
}

// Destination gives the destination of a name.
func (s *State) Destination(name string, have Defaults) (Destination, error) {
	if v, ok := s.Setting(DestinationKey(name)); ok {
		return ParseDestination(v.Value)
	}
	if d, ok := have.Destinations[name]; ok {
		return d, nil
	}
	known := names(s, "destination/", slices.Collect(maps.Keys(have.Destinations)))
	return Destination{}, Refuse(CodeUnknown, "known destinations: "+known, "there is no destination %q", name)
}

func names(s *State, prefix string, more []string, also ...string) string {
	all := slices.Concat(more, also)
	for v := range s.Settings(prefix) {
		all = append(all, strings.TrimPrefix(v.Key, prefix))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

// CheckName refuses names of profiles and destinations that would not do as part of a key,
// a path or an address.
func CheckName(name string) error {
	if !settingName.MatchString(name) {
		return Refuse(CodeBadRequest, "use letters, digits, dot, dash and underscore, at most 64",
			"%q is no name for a profile or destination", name)
	}
	return nil
}

var settingName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
