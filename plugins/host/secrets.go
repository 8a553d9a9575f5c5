package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Secrets gives the JSON pointers of the strings in a step's settings that the
// plug-in's schema calls writeOnly.
func (h *Host) Secrets(_ context.Context, kind core.StepKind, s core.Step) ([]string, error) {
	t, err := h.step(s, sdk.Kind(kind), "")
	if err != nil {
		return nil, err
	}
	found, err := secretsOf(t.schema(), s.Settings)
	return slices.Sorted(maps.Keys(found)), err
}

// hide keeps the secrets of a call out of what the process says on its standard error.
func (w *worker) hide(t target, settings json.RawMessage) {
	// Settings that cannot be walked through are refused by the plug-in.
	found, _ := secretsOf(t.schema(), settings)
	w.stderr.hide(slices.Sorted(maps.Values(found)))
}

// secretsOf walks through a schema and settings together; it gives the secrets by JSON
// pointer.
func secretsOf(schema, settings json.RawMessage) (map[string]string, error) {
	if len(bytes.TrimSpace(settings)) == 0 || !bytes.Contains(schema, []byte(`"writeOnly"`)) {
		return nil, nil
	}
	var root secretSchema
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, fmt.Errorf("schema of the settings: %w", err)
	}
	var value any
	if err := json.Unmarshal(settings, &value); err != nil {
		return nil, &sdk.SettingsError{Detail: "not JSON"}
	}
	w := secretWalk{root: &root, found: map[string]string{}}
	err := w.visit(&root, value, "", 0)
	return w.found, err
}

// secretSchema is as much of a JSON Schema as tells of secrets.
type secretSchema struct {
	WriteOnly  bool                     `json:"writeOnly"`
	Ref        string                   `json:"$ref"`
	Defs       map[string]*secretSchema `json:"$defs"`
	Old        map[string]*secretSchema `json:"definitions"`
	Properties map[string]*secretSchema `json:"properties"`
	Patterns   map[string]*secretSchema `json:"patternProperties"`
	More       *secretSchema            `json:"additionalProperties"`
	Prefix     []*secretSchema          `json:"prefixItems"`
	Items      *secretSchema            `json:"items"`
	AllOf      []*secretSchema          `json:"allOf"`
	AnyOf      []*secretSchema          `json:"anyOf"`
	OneOf      []*secretSchema          `json:"oneOf"`
	If         *secretSchema            `json:"if"`
	Then       *secretSchema            `json:"then"`
	Else       *secretSchema            `json:"else"`
}

// UnmarshalJSON takes true and false, too.
func (s *secretSchema) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return nil
	}
	type plain secretSchema
	return json.Unmarshal(raw, (*plain)(s))
}

// secretWalk collects secrets. Where several schemas may apply all are asked: one
// secret too many is better than one too few.
type secretWalk struct {
	root    *secretSchema
	visited int
	found   map[string]string
}

// maxVisited bounds a walk: references may lead through a schema on very many ways.
const maxVisited = 100_000

func (w *secretWalk) visit(s *secretSchema, value any, at string, depth int) error {
	if s == nil || value == nil {
		return nil
	}
	if w.visited++; depth > maxDepth || w.visited > maxVisited {
		return &sdk.SettingsError{Path: at, Detail: "nested too deep"}
	}
	if s.WriteOnly {
		w.all(value, at)
		return nil
	}
	for _, also := range slices.Concat(w.resolve(s.Ref), s.AllOf, s.AnyOf, s.OneOf, []*secretSchema{s.If, s.Then, s.Else}) {
		if err := w.visit(also, value, at, depth+1); err != nil {
			return err
		}
	}
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			if err := w.field(s, name, field, at, depth+1); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range v {
			schema := s.Items
			if i < len(s.Prefix) {
				schema = s.Prefix[i]
			}
			if err := w.visit(schema, item, at+"/"+strconv.Itoa(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *secretWalk) field(s *secretSchema, name string, value any, at string, depth int) error {
	at += "/" + pointer(name)
	if field, known := s.Properties[name]; known {
		return w.visit(field, value, at, depth)
	}
	for _, field := range s.Patterns {
		if err := w.visit(field, value, at, depth); err != nil {
			return err
		}
	}
	return w.visit(s.More, value, at, depth)
}

// all takes every string at and below a secret place.
func (w *secretWalk) all(value any, at string) {
	switch v := value.(type) {
	case string:
		w.found[at] = v
	case map[string]any:
		for name, field := range v {
			w.all(field, at+"/"+pointer(name))
		}
	case []any:
		for i, item := range v {
			w.all(item, at+"/"+strconv.Itoa(i))
		}
	}
}

// resolve finds what a local reference names.
func (w *secretWalk) resolve(ref string) []*secretSchema {
	const now, old = "#/$defs/", "#/definitions/"
	switch {
	case ref == "#":
		return []*secretSchema{w.root}
	case len(ref) > len(now) && ref[:len(now)] == now:
		return []*secretSchema{w.root.Defs[ref[len(now):]]}
	case len(ref) > len(old) && ref[:len(old)] == old:
		return []*secretSchema{w.root.Old[ref[len(old):]]}
	}
	return nil
}
