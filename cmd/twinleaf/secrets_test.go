package main

import (
	"context"
	"errors"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

// pointers says that these places of settings are secret.
type pointers []string

func (p pointers) Secrets(context.Context, core.StepKind, core.Step) ([]string, error) {
	if p == nil {
		return nil, errors.New("there is no such plug-in")
	}
	return p, nil
}

func TestSecretsInClearAreTakenOutOfWhatAPluginSays(t *testing.T) {
	const said = "the token hunter2-tr0ub4dor of north is not taken"
	for name, c := range map[string]struct {
		at       pointers
		settings string
		want     string
	}{
		"a secret":         {pointers{"/token"}, `{"token":"hunter2-tr0ub4dor","host":"north"}`, "the token ******** of north is not taken"},
		"none":             {pointers{}, `{"token":"hunter2-tr0ub4dor"}`, said},
		"unknown plug-in":  {nil, `{"token":"hunter2-tr0ub4dor"}`, said},
		"settings torn":    {pointers{"/token"}, `{"token`, said},
		"no settings":      {pointers{"/token"}, ``, said},
		"deeper in a list": {pointers{"/to/0/key"}, `{"to":[{"key":"hunter2-tr0ub4dor"}]}`, "the token ******** of north is not taken"},
	} {
		s := core.Step{Plugin: "vault", Settings: []byte(c.settings)}
		if got := inClear(t.Context(), c.at, core.StepRecognizer, s).Text(said); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
