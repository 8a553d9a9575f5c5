package sdk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// What a plug-in says of itself goes into the journal with every page that it worked on.
func TestAManifestSaysLittleAndPlainly(t *testing.T) {
	good := func() sdk.Manifest {
		return sdk.Manifest{
			Info:     sdk.Info{Name: "a", Version: "1.0.0", Engine: "Maschine 5.3 (日本)", Summary: "räumt auf", License: "MIT"},
			Protocol: 2, Components: []sdk.ComponentManifest{{ID: "a", Kind: sdk.KindFilter, Ops: []string{"clean"}}},
		}
	}
	if err := good().Check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*sdk.Manifest){
		"long engine":   func(m *sdk.Manifest) { m.Engine = strings.Repeat("e", 501) },
		"escape":        func(m *sdk.Manifest) { m.Engine = "x\x1b[2J" },
		"line break":    func(m *sdk.Manifest) { m.Summary = "fine\n  signer  acme, trusted" },
		"turned line":   func(m *sdk.Manifest) { m.Summary = "\u202edetsurt" },
		"C1":            func(m *sdk.Manifest) { m.License = "\u009b31m" },
		"broken letter": func(m *sdk.Manifest) { m.License = "\xff" },
		"many": func(m *sdk.Manifest) {
			for i := range 100 {
				m.Components = append(m.Components, sdk.ComponentManifest{ID: fmt.Sprint("c", i), Kind: sdk.KindFilter, Ops: []string{"clean"}})
			}
		},
	} {
		m := good()
		spoil(&m)
		if err := m.Check(); err == nil || strings.ContainsAny(err.Error(), "\x1b\u202e\u009b\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
