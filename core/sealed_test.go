package core

import "testing"

func TestSealedSecretsAreShownMasked(t *testing.T) {
	for in, want := range map[string]string{
		``:                                      ``,
		`{"a": 1}`:                              `{"a": 1}`, // not touched at all
		`{"sealed":"v1:AA=="}`:                  `"********"`,
		`{"b":[1,{"sealed":"v1:"}],"a":1.0}`:    `{"a":1.0,"b":[1,"********"]}`,
		`{"sealed":"v1:AA==","more":1}`:         `{"more":1,"sealed":"v1:AA=="}`, // no secret: only the server writes the form
		`{"sealed":true,"n":12345678901234567}`: `{"n":12345678901234567,"sealed":true}`,
		`{"sealed":`:                            `"********"`,
	} {
		if got := string(MaskSecrets([]byte(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestTheFormOfASealedSecret(t *testing.T) {
	if got, ok := Sealed(SealedForm("v1:x")); got != "v1:x" || !ok {
		t.Errorf("got %q, %v", got, ok)
	}
	for _, v := range []any{nil, "v1:x", map[string]any{}, SealedForm("x"), map[string]any{"sealed": "v1:x", "b": 1}, map[string]any{"sealed": 1}} {
		if got, ok := Sealed(v); ok {
			t.Errorf("%v was taken for a sealed secret %q", v, got)
		}
	}
}
