package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// settingsOf are the settings of a call: the case's own, else the ones that were given
// for the built-in cases, else made-up ones.
func (s *suite) settingsOf(c sdk.ComponentManifest, k Case, p Place) ([]byte, error) {
	switch {
	case k.Settings != nil:
		return bytes.ReplaceAll(k.Settings, []byte("$GRANTED"), []byte(p.Grant)), nil
	case k.builtin && s.Settings != nil:
		return bytes.ReplaceAll(s.Settings, []byte("$GRANTED"), []byte(p.Grant)), nil
	}
	schema, err := schemaOf(c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(madeUp(schema, p.Grant, false))
}

func schemaOf(c sdk.ComponentManifest) (*jsonschema.Schema, error) {
	var schema jsonschema.Schema
	if err := json.Unmarshal(c.Schema, &schema); err != nil {
		return nil, fail("the manifest's field settings is a JSON Schema", "the settings of %s have no schema: %v", c.ID, err)
	}
	return &schema, nil
}

// madeUp is a value that fits a schema: of an object the fields that are required, or
// all of them.
func madeUp(s *jsonschema.Schema, folder string, all bool) any {
	switch {
	case s == nil:
		return nil
	case s.Const != nil:
		return *s.Const
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Default != nil:
		var v any
		if json.Unmarshal(s.Default, &v) == nil {
			return v
		}
	}
	kind := s.Type
	for _, t := range s.Types { // a pointer is "null or something"
		if t != "null" {
			kind = t
		}
	}
	switch kind {
	case "object":
		return madeUpObject(s, folder, all)
	case "array":
		if s.MinItems != nil && *s.MinItems > 0 {
			return []any{madeUp(s.Items, folder, all)}
		}
		return []any{}
	case "string":
		return madeUpWord(s, folder)
	case "integer", "number":
		if s.Minimum != nil {
			return *s.Minimum
		}
		return 1
	case "boolean":
		return false
	}
	return nil
}

func madeUpObject(s *jsonschema.Schema, folder string, all bool) any {
	object := map[string]any{}
	for _, name := range s.Required {
		object[name] = madeUp(s.Properties[name], folder, all)
	}
	if all {
		for name, field := range s.Properties {
			object[name] = madeUp(field, folder, all)
		}
	}
	return object
}

func madeUpWord(s *jsonschema.Schema, folder string) any {
	switch s.Extra[sdk.GrantKeyword] {
	case sdk.GrantWrite:
		return folder
	case sdk.GrantNet, sdk.GrantHost:
		return "https://scan.invalid:443/"
	}
	if strings.Contains(s.Description, "folder") || strings.Contains(s.Description, "absolute path") {
		return folder
	}
	return "example"
}

// unknownField is what no plug-in calls a setting.
const unknownField = "no-such-setting"

// strict checks that the schema of a component refuses unknown fields, and that the
// component does, too, with the place.
func (s *suite) strict(ctx context.Context, c sdk.ComponentManifest) (string, error) {
	schema, err := schemaOf(c)
	if err != nil {
		return "", err
	}
	if schema.Type != "object" || schema.AdditionalProperties == nil || schema.AdditionalProperties.Not == nil {
		return "", fail(`say "type":"object" and "additionalProperties":false`, "the schema lets unknown settings pass")
	}
	if _, err := schema.Resolve(nil); err != nil {
		return "", fail("", "the schema is no JSON Schema: %v", err)
	}
	p, err := s.start(ctx)
	if err != nil {
		return "", err
	}
	defer p.end()
	object, _ := madeUp(schema, p.place.Grant, false).(map[string]any)
	object[unknownField] = 1
	found, err := p.validate(ctx, c, object)
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fail("a misspelt setting must not pass for a default", "the unknown setting %s was taken", unknownField)
	}
	if got := found[0].Path; got != "/"+unknownField {
		return "", fail("a diagnostic's path is a JSON pointer into the settings", "the unknown setting %s was refused at %q, want %q: %s", unknownField, got, "/"+unknownField, found[0].Detail)
	}
	return fmt.Sprintf("%d known", len(schema.Properties)), p.knows(ctx, c, schema)
}

// knows checks that all fields of the schema are known to the component: it may dislike
// made-up values, but not the names.
func (p *process) knows(ctx context.Context, c sdk.ComponentManifest, schema *jsonschema.Schema) error {
	object, _ := madeUp(schema, p.place.Grant, true).(map[string]any)
	found, err := p.validate(ctx, c, object)
	if err != nil {
		return err
	}
	for _, d := range found {
		if strings.Contains(d.Detail, "unknown") {
			return fail("schema and reading of the settings must come from one place", "the schema has a setting %s that is refused: %s", d.Path, d.Detail)
		}
	}
	return nil
}

func (p *process) validate(ctx context.Context, c sdk.ComponentManifest, object map[string]any) ([]*pluginv2.Diagnostic, error) {
	raw, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, p.StartTimeout)
	defer cancel()
	r, err := p.rpc.Validate(ctx, &pluginv2.ValidateRequest{Component: c.ID, SettingsJson: raw})
	if err != nil {
		return nil, fail("a diagnostic is an answer, not an error of the call", "Validate: %v", err)
	}
	return r.Diagnostics, nil
}
