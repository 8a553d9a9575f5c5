package access

import (
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

// BenchmarkIdentify is what each request costs.
func BenchmarkIdentify(b *testing.B) {
	d := New(Config{cost: cheap}, &shelf{all: map[string][]byte{}}, wax("red"))
	if _, err := d.SetUser(b.Context(), "ada", Change{core.Administrator, words}, ""); err != nil {
		b.Fatal(err)
	}
	session, err := d.LogIn(b.Context(), "ada", words, "192.0.2.1")
	if err != nil {
		b.Fatal(err)
	}
	_, token, err := d.AddToken(b.Context(), Wanted{Name: "mfd", Role: core.Submitter}, "ada")
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"session": session.Text, "token": token} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Identify(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLogIn is what a right password costs.
func BenchmarkLogIn(b *testing.B) {
	d := New(Config{}, &shelf{all: map[string][]byte{}}, wax("red"))
	if _, err := d.SetUser(b.Context(), "ada", Change{core.Administrator, words}, ""); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := d.LogIn(b.Context(), "ada", words, "192.0.2.1"); err != nil {
			b.Fatal(err)
		}
	}
}
