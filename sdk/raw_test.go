package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func echo(_ context.Context, op string, args, settings json.RawMessage) (json.RawMessage, error) {
	return json.RawMessage(`{"op":"` + op + `","args":` + string(args) + `,"settings":` + string(settings) + `}`), nil
}

func TestARawComponentPassesJSONThroughItsSchema(t *testing.T) {
	schema := json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer","minimum":1}},"additionalProperties":false}`)
	c := Raw(KindIndexer, nil, schema, echo)
	m, err := Describe(Info{Name: "raw", Version: "1.0.0"}, c)
	if err != nil || len(m.Components) != 1 || m.Components[0].Ops[0] != OpIndex || !strings.Contains(string(m.Components[0].Schema), `"minimum":1`) {
		t.Fatalf("manifest %+v (%v)", m, err)
	}
	got, err := c.Do(t.Context(), Call{Op: OpIndex, Args: []byte(`{"name":"x"}`), Settings: []byte(`{"n":2}`)})
	if err != nil || string(got) != `{"op":"index","args":{"name":"x"},"settings":{"n":2}}` {
		t.Errorf("got %s (%v)", got, err)
	}
	for settings, want := range map[string]string{`{"n":0}`: "minimum", `{"m":1}`: "/m: unknown field; known are n", `{"n":"x"}`: "type", `{`: "not JSON"} {
		_, err := c.Do(t.Context(), Call{Op: OpIndex, Args: []byte(`{}`), Settings: []byte(settings)})
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "settings" || !strings.Contains(e.Detail, want) {
			t.Errorf("settings %s: got %v, want … %s …", settings, err, want)
		}
	}
}

func TestARawComponentThatCannotBeIsRefused(t *testing.T) {
	for want, c := range map[string]Component{
		`there is no kind "baker"`: Raw("baker", nil, nil, echo),
		"schema of the settings":   Raw(KindFilter, nil, json.RawMessage(`{"type":3}`), echo),
		`must be "object"`:         Raw(KindFilter, nil, json.RawMessage(`{"type":"string"}`), echo),
	} {
		if _, err := Describe(Info{Name: "raw", Version: "1.0.0"}, c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want … %s …", err, want)
		}
	}
}
