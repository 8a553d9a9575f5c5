package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
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
		if _, err := s.Destination(d, have); err != nil {
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

// profileJSON is how people write a profile: durations are words like "90s".
type profileJSON struct {
	Languages    []string   `json:"languages"`
	Mode         Mode       `json:"mode"`
	PDFA         string     `json:"pdfa"`
	Optimize     string     `json:"optimize"`
	Outputs      []string   `json:"outputs"`
	Deliver      []string   `json:"deliver"`
	Limits       limitsJSON `json:"limits"`
	Destinations []string   `json:"destinations"`
}

type limitsJSON struct {
	Bytes       int64    `json:"bytes"`
	Pages       int      `json:"pages"`
	Pixels      int64    `json:"pixels"`
	PageTimeout duration `json:"pageTimeout"`
	JobTimeout  duration `json:"jobTimeout"`
}

// duration is a number of nanoseconds or a word like "90s".
type duration time.Duration

func (d *duration) UnmarshalJSON(data []byte) error {
	var n int64
	if json.Unmarshal(data, &n) == nil {
		*d = duration(n)
		return nil
	}
	var word string
	if err := json.Unmarshal(data, &word); err != nil {
		return fmt.Errorf("a duration is written like \"90s\"")
	}
	v, err := time.ParseDuration(word)
	*d = duration(v)
	return err
}

// ParseProfile reads a profile as the setting profile/NAME holds it. It refuses fields that it
// does not know and values that make no sense.
func ParseProfile(data []byte) (Profile, error) {
	var p profileJSON
	if err := strict(data, &p); err != nil {
		return Profile{}, Refuse(CodeBadRequest, "docs/operations.md names the fields of a profile", "this is no profile: %v", err)
	}
	profile := Profile{
		Options: Options{
			Languages: splitLanguages(p.Languages), Mode: p.Mode, PDFA: p.PDFA, Optimize: p.Optimize,
			Outputs: p.Outputs, Deliver: p.Deliver,
			Limits: Limits{
				Bytes: p.Limits.Bytes, Pages: p.Limits.Pages, Pixels: p.Limits.Pixels,
				PageTimeout: time.Duration(p.Limits.PageTimeout), JobTimeout: time.Duration(p.Limits.JobTimeout),
			},
		},
		Destinations: p.Destinations,
	}
	return profile, profile.Options.Check()
}

// ParseDestination reads a destination as the setting destination/NAME holds it.
func ParseDestination(data []byte) (Destination, error) {
	var d struct {
		Plugin   string          `json:"plugin"`
		Settings json.RawMessage `json:"settings"`
	}
	err := strict(data, &d)
	if err == nil && d.Plugin == "" {
		err = errors.New("it names no plugin")
	}
	if err != nil {
		return Destination{}, Refuse(CodeBadRequest, `write {"plugin": "folder", "settings": {…}}`, "this is no destination: %v", err)
	}
	dest := Destination{Plugin: d.Plugin}
	if len(d.Settings) > 0 {
		dest.Settings = d.Settings
	}
	return dest, nil
}

// strict decodes one JSON value without unknown fields.
func strict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows it")
	}
	return nil
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

var (
	settingName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	languageName = regexp.MustCompile(`^[a-zA-Z_]+(/[a-zA-Z_]+)?$`)
)

// Check says what is wrong with options. Zero fields are right.
func (o Options) Check() error {
	for _, l := range o.Languages {
		if len(l) > 64 || !languageName.MatchString(l) {
			return Refuse(CodeBadRequest, "join languages by +, e.g. eng+deu or script/Latin", "%q is no name of a language", l)
		}
	}
	if len(o.Languages) > 16 {
		return Refuse(CodeBadRequest, "name at most 16", "%d languages are too many", len(o.Languages))
	}
	for _, c := range []struct {
		what  string
		got   []string
		known []string
	}{
		{"mode", []string{string(o.Mode)}, []string{"", string(ModeSkip), string(ModeRedo), string(ModeForce)}},
		{"pdfa", []string{o.PDFA}, []string{"", "2u", "2b", "1b", "none"}},
		{"optimize", []string{o.Optimize}, []string{"", "none", "lossless"}},
		{"output", o.Outputs, []string{OutputPDF, OutputText, OutputHOCR, OutputALTO}},
		{"kind to deliver", o.Deliver, []string{OutputPDF, OutputText, OutputHOCR, OutputALTO, OutputManifest}},
	} {
		for _, v := range c.got {
			if !slices.Contains(c.known, v) {
				known := strings.Join(slices.DeleteFunc(c.known, func(s string) bool { return s == "" }), ", ")
				return Refuse(CodeBadRequest, "known are: "+known, "%q is no %s", v, c.what)
			}
		}
	}
	return o.checkDeliver()
}

// checkDeliver refuses to deliver what is not made.
func (o Options) checkDeliver() error {
	full := o.WithDefaults()
	for _, kind := range full.Deliver {
		if kind != OutputManifest && !slices.Contains(full.Outputs, kind) {
			return Refuse(CodeBadRequest, "add it to outputs or leave it out of deliver", "%q is to be delivered but is not among the outputs", kind)
		}
	}
	l := o.Limits
	if l.Bytes < 0 || l.Pages < 0 || l.Pixels < 0 || l.PageTimeout < 0 || l.JobTimeout < 0 {
		return Refuse(CodeBadRequest, "leave a limit out for its default", "a limit is negative")
	}
	return nil
}
