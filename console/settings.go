package console

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// Shared settings of these prefixes have a form and resources of their own.
const (
	profiles     = "profile/"
	destinations = "destination/"
)

type nameInput struct {
	Name string `path:"name" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$"`
}

type profileBody struct{ Body api.Profile }

type destinationBody struct{ Body core.Destination }

func (s *Server) settings(ctx context.Context) (map[string][]byte, error) {
	if s.parts.Settings == nil {
		return nil, missing("its settings")
	}
	all, err := s.parts.Settings.Settings(ctx)
	if err != nil {
		return nil, s.problemOf(ctx, "read the settings", err)
	}
	return all, nil
}

func (s *Server) set(ctx context.Context, key string, v any) error {
	if s.parts.Settings == nil {
		return missing("its settings")
	}
	var value []byte
	if v != nil {
		var err error
		if value, err = json.Marshal(v); err != nil {
			return s.problemOf(ctx, "write the setting "+key, err)
		}
	}
	if err := s.parts.Settings.SetSetting(ctx, key, value, callerOf(ctx).Name); err != nil {
		return s.problemOf(ctx, "change the setting "+key, err)
	}
	return nil
}

// get decodes one setting into v.
func (s *Server) get(ctx context.Context, prefix, name string, v any) error {
	all, err := s.settings(ctx)
	if err != nil {
		return err
	}
	value, ok := all[prefix+name]
	if !ok {
		value, ok = s.builtIn(prefix, name)
	}
	if !ok {
		return s.problemOf(ctx, "read a setting", &core.Failure{
			Code: core.CodeUnknown, Detail: fmt.Sprintf("there is no setting %s%s", prefix, name),
			Remedy: "list the settings with twinleaf settings get",
		})
	}
	if err := json.Unmarshal(value, v); err != nil {
		return s.problemOf(ctx, "read the setting "+prefix+name, err)
	}
	return nil
}

// builtIn is a profile or destination that is there without being set.
func (s *Server) builtIn(prefix, name string) (value []byte, ok bool) {
	var v any
	switch prefix {
	case profiles:
		v, ok = s.parts.Defaults.Profiles[name]
		if name == core.DefaultProfile && !ok {
			v, ok = core.Profile{}, true
		}
	case destinations:
		v, ok = s.parts.Defaults.Destinations[name]
	}
	if !ok {
		return nil, false
	}
	value, err := json.Marshal(v)
	return value, err == nil
}

// builtInNames lists what is there without being set.
func (s *Server) builtInNames(prefix string) []string {
	if prefix == destinations {
		return slices.Collect(maps.Keys(s.parts.Defaults.Destinations))
	}
	return append(slices.Collect(maps.Keys(s.parts.Defaults.Profiles)), core.DefaultProfile)
}

// remove deletes one setting; a second time it is not found.
func (s *Server) remove(prefix string) func(context.Context, *nameInput) (*struct{}, error) {
	return func(ctx context.Context, in *nameInput) (*struct{}, error) {
		return nil, s.set(ctx, prefix+in.Name, nil)
	}
}

// names lists what has a prefix.
func (s *Server) names(prefix string) func(context.Context, *struct{}) (*struct{ Body []string }, error) {
	return func(ctx context.Context, _ *struct{}) (*struct{ Body []string }, error) {
		all, err := s.settings(ctx)
		if err != nil {
			return nil, err
		}
		names := s.builtInNames(prefix)
		for key := range all {
			if name, ok := strings.CutPrefix(key, prefix); ok {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return &struct{ Body []string }{append([]string{}, slices.Compact(names)...)}, nil
	}
}

func (s *Server) getProfile(ctx context.Context, in *nameInput) (*profileBody, error) {
	var p core.Profile
	if err := s.get(ctx, profiles, in.Name, &p); err != nil {
		return nil, err
	}
	return &profileBody{api.OfProfile(p)}, nil
}

func (s *Server) putProfile(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$"`
	Body api.Profile
}) (*profileBody, error) {
	p, err := in.Body.Core()
	if err != nil {
		return nil, s.problemOf(ctx, "read the profile", err)
	}
	if err := s.set(ctx, profiles+in.Name, p); err != nil {
		return nil, err
	}
	return s.getProfile(ctx, &nameInput{in.Name}) // as it is shown: without its secrets
}

func (s *Server) getDestination(ctx context.Context, in *nameInput) (*destinationBody, error) {
	var d core.Destination
	if err := s.get(ctx, destinations, in.Name, &d); err != nil {
		return nil, err
	}
	return &destinationBody{d}, nil
}

func (s *Server) putDestination(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$"`
	Body core.Destination
}) (*destinationBody, error) {
	if err := core.CheckName(in.Body.Plugin); err != nil {
		return nil, s.problemOf(ctx, "read the destination", err)
	}
	if err := s.set(ctx, destinations+in.Name, in.Body); err != nil {
		return nil, err
	}
	return s.getDestination(ctx, &nameInput{in.Name}) // as it is shown: without its secrets
}

type settingsBody struct{ Body map[string]json.RawMessage }

func (s *Server) getSettings(ctx context.Context, _ *struct{}) (*settingsBody, error) {
	all, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	out := &settingsBody{Body: map[string]json.RawMessage{}}
	for k, v := range all {
		out.Body[k] = v
	}
	return out, nil
}

// putSettings changes the keys that are named and leaves the others alone; null
// removes a key. A key with a wrong value changes nothing at all.
func (s *Server) putSettings(ctx context.Context, in *struct {
	Body map[string]any
}) (*settingsBody, error) {
	if s.parts.Settings == nil {
		return nil, missing("its settings")
	}
	values := map[string][]byte{}
	for _, key := range slices.Sorted(maps.Keys(in.Body)) {
		value, err := storedSetting(key, in.Body[key])
		if err != nil {
			return nil, s.problemOf(ctx, "read the setting "+key, err)
		}
		values[key] = value
	}
	if err := s.parts.Settings.CheckSettings(ctx, values); err != nil {
		return nil, s.problemOf(ctx, "read the settings", err)
	}
	for _, key := range inOrder(values) {
		if err := s.parts.Settings.SetSetting(ctx, key, values[key], callerOf(ctx).Name); err != nil {
			return nil, s.problemOf(ctx, "change the setting "+key, err)
		}
	}
	return s.getSettings(ctx, nil)
}

// inOrder is the order in which settings that are changed together are right at every
// moment: destinations come before the profiles that name them, and go after those.
func inOrder(values map[string][]byte) []string {
	var come, gone []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if len(values[key]) > 0 {
			come = append(come, key)
		} else {
			gone = append(gone, key)
		}
	}
	slices.Reverse(gone)
	return append(come, gone...)
}

// storedSetting gives the value as it is stored, nil for one that is removed.
func storedSetting(key string, v any) ([]byte, error) {
	prefix, name, named := strings.Cut(key, "/")
	if core.CheckName(prefix) != nil || (named && core.CheckName(name) != nil) {
		return nil, core.Refuse(core.CodeBadRequest, "write it as profile/invoices", "%q is no key of a setting", key)
	}
	if v == nil {
		return nil, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	switch prefix + "/" {
	case profiles:
		return parsed(raw, core.ParseProfile)
	case destinations:
		return parsed(raw, core.ParseDestination)
	}
	return raw, nil
}

// parsed is raw in the form that parse gives it.
func parsed[T any](raw []byte, parse func([]byte) (T, error)) ([]byte, error) {
	v, err := parse(raw)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func (s *Server) deleteSetting(ctx context.Context, in *struct {
	Key string `query:"key" required:"true" maxLength:"130"`
}) (*struct{}, error) {
	return nil, s.set(ctx, in.Key, nil)
}

func (s *Server) listPlugins(ctx context.Context, _ *struct{}) (*struct{ Body []api.Plugin }, error) {
	if s.parts.Plugins == nil {
		return nil, missing("its plug-ins")
	}
	list, err := s.parts.Plugins(ctx)
	if err != nil {
		return nil, s.problemOf(ctx, "list the plug-ins", err)
	}
	return &struct{ Body []api.Plugin }{append([]api.Plugin{}, list...)}, nil
}

func (s *Server) routeSettings(a huma.API) {
	operation(a, "list-profiles", http.MethodGet, "/v1/profiles", "Names of the profiles", s.names(profiles))
	operation(a, "get-profile", http.MethodGet, "/v1/profiles/{name}", "Look at a profile", s.getProfile)
	operation(a, "put-profile", http.MethodPut, "/v1/profiles/{name}", "Set a profile; running jobs keep theirs", s.putProfile)
	operation(a, "delete-profile", http.MethodDelete, "/v1/profiles/{name}", "Remove a profile", s.remove(profiles))
	operation(a, "list-destinations", http.MethodGet, "/v1/destinations", "Names of the destinations", s.names(destinations))
	operation(a, "get-destination", http.MethodGet, "/v1/destinations/{name}", "Look at a destination", s.getDestination)
	operation(a, "put-destination", http.MethodPut, "/v1/destinations/{name}", "Set a destination", s.putDestination)
	operation(a, "delete-destination", http.MethodDelete, "/v1/destinations/{name}", "Remove a destination", s.remove(destinations))
	operation(a, "get-settings", http.MethodGet, "/v1/settings", "All shared settings", s.getSettings)
	operation(a, "put-settings", http.MethodPut, "/v1/settings", "Change settings; null removes one", s.putSettings)
	operation(a, "delete-setting", http.MethodDelete, "/v1/settings", "Remove one setting", s.deleteSetting)
	operation(a, "list-plugins", http.MethodGet, "/v1/plugins", "The plug-ins and how they are", s.listPlugins)
}
