package host

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestSecretsAreWhatTheSchemaCallsWriteOnly(t *testing.T) {
	for name, c := range map[string]struct {
		schema, settings string
		want             string
	}{
		"none":            {`{"properties":{"a":{"type":"string"}}}`, `{"a":"x"}`, ""},
		"a field":         {`{"properties":{"a":{"writeOnly":true},"b":{}}}`, `{"a":"x","b":"y"}`, "/a"},
		"said not to be":  {`{"properties":{"a":{"writeOnly":false}}}`, `{"a":"x"}`, ""},
		"not there":       {`{"properties":{"a":{"writeOnly":true}}}`, `{"b":"x"}`, ""},
		"no settings":     {`{"properties":{"a":{"writeOnly":true}}}`, ``, ""},
		"name to escape":  {`{"properties":{"a/b~c":{"writeOnly":true}}}`, `{"a/b~c":"x"}`, "/a~1b~0c"},
		"in an object":    {`{"properties":{"auth":{"properties":{"key":{"writeOnly":true}}}}}`, `{"auth":{"key":"x","id":"y"}}`, "/auth/key"},
		"a whole object":  {`{"properties":{"auth":{"writeOnly":true}}}`, `{"auth":{"key":"x","more":["y",1]}}`, "/auth/key /auth/more/0"},
		"in a list":       {`{"properties":{"to":{"items":{"properties":{"key":{"writeOnly":true}}}}}}`, `{"to":[{"key":"x"},{},{"key":"y"}]}`, "/to/0/key /to/2/key"},
		"first of a list": {`{"properties":{"to":{"prefixItems":[{"writeOnly":true}]}}}`, `{"to":["x","y"]}`, "/to/0"},
		"values of a map": {`{"properties":{"headers":{"additionalProperties":{"writeOnly":true}}}}`, `{"headers":{"A":"x"}}`, "/headers/A"},
		"other pattern":   {`{"patternProperties":{"^x":{"writeOnly":true}}}`, `{"ya":"x"}`, ""},
		"by pattern":      {`{"patternProperties":{"^x":{"writeOnly":true}},"additionalProperties":false}`, `{"xa":"x"}`, "/xa"},
		"by reference":    {`{"properties":{"a":{"$ref":"#/$defs/s"}},"$defs":{"s":{"writeOnly":true}}}`, `{"a":"x"}`, "/a"},
		"old reference":   {`{"properties":{"a":{"$ref":"#/definitions/s"}},"definitions":{"s":{"writeOnly":true}}}`, `{"a":"x"}`, "/a"},
		"one of several":  {`{"oneOf":[{"properties":{"a":{"writeOnly":true}}},{"properties":{"a":{}}}]}`, `{"a":"x"}`, "/a"},
		"if and then":     {`{"if":{"properties":{"k":{}}},"then":{"properties":{"a":{"writeOnly":true}}}}`, `{"a":"x"}`, "/a"},
		"all of, twice":   {`{"properties":{"a":{"writeOnly":true}},"allOf":[{"properties":{"a":{"writeOnly":true}}}]}`, `{"a":"x"}`, "/a"},
		"through itself":  {`{"properties":{"a":{"writeOnly":true},"next":{"$ref":"#"}}}`, `{"a":"x","next":{"a":"y"}}`, "/a /next/a"},
	} {
		found, err := secretsOf([]byte(c.schema), []byte(c.settings))
		got := slices.Sorted(maps.Keys(found))
		if want := strings.Fields(c.want); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestASchemaThatRefersToItselfEnds(t *testing.T) {
	for _, schema := range []string{
		`{"$ref":"#","properties":{"a":{"writeOnly":true}}}`,
		`{"allOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}],"properties":{"a":{"writeOnly":true}}}`,
	} {
		if got, err := secretsOf([]byte(schema), []byte(`{"a":"x"}`)); err == nil || !strings.Contains(err.Error(), "too deep") {
			t.Errorf("%s: got %q, %v", schema, got, err)
		}
	}
}

func TestPatternsOfASchemaAreBounded(t *testing.T) {
	long := `{"patternProperties":{"` + strings.Repeat("x", maxPattern+1) + `":{"writeOnly":true}}}`
	if _, err := secretsOf([]byte(long), []byte(`{"a":"x"}`)); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("long: %v", err)
	}
	if _, err := secretsOf([]byte(`{"patternProperties":{"(":{"writeOnly":true}}}`), []byte(`{"a":"x"}`)); err == nil {
		t.Error("what is no pattern was taken for one")
	}
}

func TestAHostKnowsTheSecretsOfItsPlugins(t *testing.T) {
	h := openOld(t, Config{Workers: 1}, "deliverer")
	got, err := h.Secrets(t.Context(), core.StepDeliverer, step("old-deliverer", `{"dir":"/x","token":"hunter2"}`))
	if err != nil || !slices.Equal(got, []string{"/token"}) {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := h.Secrets(t.Context(), core.StepDeliverer, step("nobody", `{"token":"hunter2"}`)); err == nil || got != nil {
		t.Errorf("of a plug-in that is not there: %q, %v", got, err)
	}
}

func TestSecretsAreKeptOutOfWhatAPluginSays(t *testing.T) {
	var out strings.Builder
	l := &stderrLog{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	l.hide([]string{"", "abc", "hunter2", `quo"te`})
	l.reset()
	l.hide([]string{"hunter2-long", "hunter2"}) // of the next call
	l.write("plain hunter2-long, hunter2 and abc")
	l.write(`{"level":"warn","msg":"json hunter2","password":"quo\"te"}`)
	if got := out.String(); strings.Contains(got, "hunter2") || strings.Contains(got, "quo") ||
		!strings.Contains(got, "plain ********, ******** and abc") || !strings.Contains(got, "password=********") {
		t.Errorf("the log: %s", got)
	}
	if got := l.said(); len(got) != 1 || strings.Contains(got[0], "hunter2") {
		t.Errorf("of a crash: %q", got)
	}
}

func FuzzSecretsOf(f *testing.F) {
	f.Add([]byte(`{"properties":{"a":{"writeOnly":true}}}`), []byte(`{"a":"x"}`))
	f.Add([]byte(`{"$ref":"#","allOf":[{"$ref":"#"}]}`), []byte(`{"writeOnly":[]}`))
	f.Fuzz(func(t *testing.T, schema, settings []byte) {
		if len(schema)+len(settings) > 4096 {
			return
		}
		found, err := secretsOf(schema, settings)
		if err != nil && len(found) > len(settings) {
			t.Errorf("%d secrets in %d bytes", len(found), len(settings))
		}
	})
}
