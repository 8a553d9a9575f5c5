package access

import (
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func FuzzCredentials(f *testing.F) {
	c := &clock{time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	d := New(Config{cost: cheap, Now: func() time.Time { return c.now }}, &shelf{all: map[string][]byte{}}, wax("red"))
	if _, err := d.SetUser(f.Context(), "ada", Change{core.Administrator, words}, ""); err != nil {
		f.Fatal(err)
	}
	session, err := d.LogIn(f.Context(), "ada", words, "192.0.2.1")
	if err != nil {
		f.Fatal(err)
	}
	_, token, err := d.AddToken(f.Context(), Wanted{Name: "mfd", Role: core.Submitter}, "ada")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"twt_000000000000_x", "tws_e30.x", "tws_.", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		caller, err := d.Identify(text)
		if err == nil && text != session.Text && text != token {
			t.Errorf("%q is %+v", text, caller)
		}
	})
}

func FuzzHash(f *testing.F) {
	f.Add(hashed{present, make([]byte, 16), make([]byte, 32)}.String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err == nil && (h.String() != text || !h.cost.bearable()) {
			t.Errorf("%q is read as %q", text, h)
		}
	})
}
