package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// settings decodes the author's settings struct and knows its schema.
type settings[S any] struct {
	schema *jsonschema.Schema
	err    error // why S has no schema
}

func settingsOf[S any]() settings[S] {
	if reflect.TypeFor[S]().Kind() != reflect.Struct {
		return settings[S]{err: fmt.Errorf("the settings of a component are a struct, not %s", reflect.TypeFor[S]())}
	}
	schema, err := jsonschema.For[S](nil)
	if err != nil {
		return settings[S]{err: fmt.Errorf("no JSON Schema for %s: %w", reflect.TypeFor[S](), err)}
	}
	err = mark(schema, reflect.TypeFor[S]())
	return settings[S]{schema, err}
}

// SettingsError says what is wrong with settings.
type SettingsError struct {
	Path   string // JSON pointer; empty: the whole
	Detail string
}

func (e *SettingsError) Error() string {
	if e.Path == "" {
		return "settings: " + e.Detail
	}
	return "settings: " + e.Path + ": " + e.Detail
}

// decode is strict: an unknown field, a missing one (a field without omitempty
// or omitzero is required) and a wrong type are errors that name their place.
// Then S's own Validate has the last word, where S has one.
func (s settings[S]) decode(raw []byte) (S, error) {
	var out S
	if s.err != nil {
		return out, s.err
	}
	if len(bytes.TrimSpace(raw)) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		raw = []byte("{}")
	}
	var tree any
	if err := decodeOne(raw, &tree); err != nil {
		return out, &SettingsError{"", "not JSON: " + err.Error()}
	}
	if err := checkFields(s.schema, tree, ""); err != nil {
		return out, err
	}
	if err := decodeOne(raw, &out); err != nil {
		return out, typeError(err)
	}
	if v, ok := any(&out).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return out, ownError(err)
		}
	}
	return out, nil
}

func decodeOne(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	return nil
}

func ownError(err error) error {
	if _, ok := errors.AsType[*SettingsError](err); ok {
		return err
	}
	return &SettingsError{"", err.Error()}
}

func typeError(err error) error {
	t, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return &SettingsError{"", err.Error()}
	}
	path := ""
	if t.Field != "" {
		path = "/" + strings.ReplaceAll(t.Field, ".", "/")
	}
	return &SettingsError{path, fmt.Sprintf("a %s cannot be a %s", t.Value, t.Type)}
}

// checkFields finds the first field that the schema does not know or misses.
func checkFields(s *jsonschema.Schema, value any, path string) error {
	if s == nil {
		return nil
	}
	switch v := value.(type) {
	case map[string]any:
		return checkObject(s, v, path)
	case []any:
		for i, item := range v {
			if err := checkFields(s.Items, item, path+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkObject(s *jsonschema.Schema, object map[string]any, path string) error {
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			return &SettingsError{path + "/" + pointer(name), "is required"}
		}
	}
	for _, name := range sortedKeys(object) {
		at := path + "/" + pointer(name)
		field, known := s.Properties[name]
		if !known && len(s.Properties) == 0 && s.AdditionalProperties != nil && s.AdditionalProperties.Not == nil {
			field, known = s.AdditionalProperties, true // a map
		}
		if !known && s.Type == "object" {
			return &SettingsError{at, "unknown field" + knownFields(s)}
		}
		if err := checkFields(field, object[name], at); err != nil {
			return err
		}
	}
	return nil
}

func knownFields(s *jsonschema.Schema) string {
	if len(s.Properties) == 0 {
		return "; there are no settings here"
	}
	return "; known are " + strings.Join(sortedKeys(s.Properties), ", ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// pointer escapes a name for a JSON pointer.
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
