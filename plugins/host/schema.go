package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// schemaNode is as much of a JSON Schema as tells what the fields of settings mean to a
// host. true and false are schemas that say nothing.
type schemaNode struct {
	Grant      string                 `json:"x-grant"`
	WriteOnly  bool                   `json:"writeOnly"`
	Ref        string                 `json:"$ref"`
	Defs       map[string]*schemaNode `json:"$defs"`
	Old        map[string]*schemaNode `json:"definitions"`
	Properties map[string]*schemaNode `json:"properties"`
	Patterns   map[string]*schemaNode `json:"patternProperties"`
	More       *schemaNode            `json:"additionalProperties"`
	Prefix     []*schemaNode          `json:"prefixItems"`
	Items      *schemaNode            `json:"items"`
	AllOf      []*schemaNode          `json:"allOf"`
	AnyOf      []*schemaNode          `json:"anyOf"`
	OneOf      []*schemaNode          `json:"oneOf"`
	Then       *schemaNode            `json:"then"`
	Else       *schemaNode            `json:"else"`
}

// UnmarshalJSON takes true and false, too.
func (s *schemaNode) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return nil
	}
	type plain schemaNode
	return json.Unmarshal(raw, (*plain)(s))
}

// Bounds of a walk through settings.
const (
	maxDepth   = 32
	maxVisits  = 100_000 // a small schema can name itself twice at every turn
	maxPattern = 200     // bytes
)

// field is a value of settings with a schema that may apply to it.
type field struct {
	schema *schemaNode
	value  any
	at     string         // JSON pointer
	owner  *schemaNode    // schema of the object that the value is a field of; nil: of none
	beside map[string]any // that object
}

// walkSettings shows mark every value of settings with every schema that may apply to it,
// the alternatives of a schema too. Where mark reports true it does not go below. It goes
// nowhere where the schema does not have the keyword.
func walkSettings(schema, settings json.RawMessage, keyword string, mark func(field) (bool, error)) error {
	if len(bytes.TrimSpace(settings)) == 0 || !bytes.Contains(schema, []byte(`"`+keyword+`"`)) {
		return nil
	}
	var root schemaNode
	if err := json.Unmarshal(schema, &root); err != nil {
		return fmt.Errorf("schema of the settings: %w", err)
	}
	var value any
	if err := json.Unmarshal(settings, &value); err != nil {
		return &sdk.SettingsError{Detail: "not JSON: " + err.Error()}
	}
	w := &settingsWalk{root: &root, mark: mark}
	return w.visit(field{schema: &root, value: value}, 0)
}

// settingsWalk goes through a schema and a value together.
type settingsWalk struct {
	root   *schemaNode
	mark   func(field) (bool, error)
	visits int
}

func (w *settingsWalk) visit(f field, depth int) error {
	if f.schema == nil || f.value == nil {
		return nil
	}
	if w.visits++; depth > maxDepth || w.visits > maxVisits {
		return &sdk.SettingsError{Path: f.at, Detail: "nested too deep"}
	}
	if done, err := w.mark(f); done || err != nil {
		return err
	}
	s := f.schema
	for _, also := range slices.Concat([]*schemaNode{w.resolve(s.Ref), s.Then, s.Else}, s.AllOf, s.AnyOf, s.OneOf) {
		if err := w.visit(field{also, f.value, f.at, f.owner, f.beside}, depth+1); err != nil {
			return err
		}
	}
	switch v := f.value.(type) {
	case map[string]any:
		return w.object(s, v, f.at, depth+1)
	case []any:
		return w.list(s, v, f.at, depth+1)
	}
	return nil
}

func (w *settingsWalk) object(s *schemaNode, object map[string]any, at string, depth int) error {
	for name, value := range object {
		schemas, err := w.schemasOf(s, name)
		if err != nil {
			return err
		}
		for _, schema := range schemas {
			if err := w.visit(field{schema, value, at + "/" + pointer(name), s, object}, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

// schemasOf are those within an object's own schema that apply to a field.
func (w *settingsWalk) schemasOf(s *schemaNode, name string) ([]*schemaNode, error) {
	var found []*schemaNode
	if field, known := s.Properties[name]; known {
		found = append(found, field)
	}
	for pattern, field := range s.Patterns {
		if w.visits++; w.visits > maxVisits || len(pattern) > maxPattern {
			return nil, &sdk.SettingsError{Detail: "its schema has too many patterns, or too long ones"}
		}
		fits, err := regexp.MatchString(pattern, name)
		if err != nil {
			return nil, fmt.Errorf("schema of the settings: %w", err)
		}
		if fits {
			found = append(found, field)
		}
	}
	if len(found) == 0 {
		found = append(found, s.More)
	}
	return found, nil
}

func (w *settingsWalk) list(s *schemaNode, list []any, at string, depth int) error {
	for i, item := range list {
		schema := s.Items
		if i < len(s.Prefix) {
			schema = s.Prefix[i]
		}
		if err := w.visit(field{schema: schema, value: item, at: at + "/" + strconv.Itoa(i)}, depth); err != nil {
			return err
		}
	}
	return nil
}

// resolve finds what a local reference names; nil if there is none.
func (w *settingsWalk) resolve(ref string) *schemaNode {
	if ref == "#" {
		return w.root
	}
	if name, ok := strings.CutPrefix(ref, "#/$defs/"); ok {
		return w.root.Defs[name]
	}
	if name, ok := strings.CutPrefix(ref, "#/definitions/"); ok {
		return w.root.Old[name]
	}
	return nil
}

// pointer escapes a name for a JSON pointer.
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
