package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"
)

// RawFunc does one operation, JSON in and JSON out. args is the operation's request,
// settings what the schema lets through ("{}" where there are none).
type RawFunc func(ctx context.Context, op string, args, settings json.RawMessage) (json.RawMessage, error)

// Raw makes a component of a kind out of a JSON Schema and one function, for adapters to
// programs that are no Go. Everyone else uses [Reader], [Filter] and their like, which know
// the types. media is for readers. An empty schema allows no settings.
func Raw(kind Kind, media []string, schema json.RawMessage, do RawFunc) Component {
	c := Component{id: string(kind), kind: kind, media: media, ops: map[string]operation{}}
	ops, known := operations[kind]
	if !known {
		c.err = fmt.Errorf("there is no kind %q", kind)
		return c
	}
	var valid *jsonschema.Resolved
	if c.schema, valid, c.err = rawSchema(schema); c.err != nil {
		return c
	}
	c.check = func(settings []byte) error { return rawCheck(c.schema, valid, settings) }
	for _, op := range ops {
		c.ops[op] = func(ctx context.Context, args, settings []byte) (any, error) {
			if err := c.check(settings); err != nil {
				return nil, &Error{Code: "settings", Detail: err.Error(), Remedy: `"PROGRAM describe" prints the settings that it knows`}
			}
			return do(ctx, op, args, orEmpty(settings))
		}
	}
	return c
}

// operations are those of each kind.
var operations = map[Kind][]string{
	KindReader: {OpInspect, OpPage}, KindFilter: {OpClean}, KindRecognizer: {OpRecognize},
	KindIndexer: {OpIndex}, KindAssembler: {OpAssemble}, KindDeliverer: {OpDeliver},
}

func orEmpty(settings []byte) json.RawMessage {
	if len(settings) == 0 || string(settings) == "null" {
		return json.RawMessage("{}")
	}
	return settings
}

func rawSchema(raw json.RawMessage) (*jsonschema.Schema, *jsonschema.Resolved, error) {
	if len(raw) == 0 {
		raw = json.RawMessage(`{"type":"object","additionalProperties":false}`)
	}
	s := new(jsonschema.Schema)
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, nil, fmt.Errorf("schema of the settings: %w", err)
	}
	if s.Type != "object" {
		return nil, nil, errors.New(`schema of the settings: its type must be "object"`)
	}
	valid, err := s.Resolve(nil)
	if err != nil {
		return nil, nil, fmt.Errorf("schema of the settings: %w", err)
	}
	return s, valid, nil
}

// rawCheck holds settings to the schema: first with the words that Go plug-ins have
// for an unknown or missing field, then with all that JSON Schema can say.
func rawCheck(s *jsonschema.Schema, valid *jsonschema.Resolved, settings []byte) error {
	var tree any
	if err := decodeOne(orEmpty(settings), &tree); err != nil {
		return &SettingsError{"", "not JSON: " + err.Error()}
	}
	if err := checkFields(s, tree, ""); err != nil {
		return err
	}
	if err := valid.Validate(tree); err != nil {
		return &SettingsError{"", err.Error()}
	}
	return nil
}
