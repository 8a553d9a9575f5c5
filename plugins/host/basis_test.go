package host

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func basisOf(t *testing.T, h *Host, kind core.StepKind, s core.Step) string {
	t.Helper()
	on, err := h.Basis(t.Context(), kind, s, "")
	must(t, err)
	if anywhere, here, _ := strings.Cut(on, "."); len(anywhere) != 64 || len(here) != 64 {
		t.Errorf("got %q", on)
	}
	return on
}

// A filter's answers rest on its program and the code that it has loaded, whichever of its
// processes is asked, and after a restart.
func TestTheBasisOfAFilterOutlivesItsProcesses(t *testing.T) {
	dir := t.TempDir()
	h := open(t, Config{Dir: dir, Workers: 1}, "fault")
	first := basisOf(t, h, core.StepFilter, core.Step{})
	if _, _, err := clean(t, h, "crash"); err == nil {
		t.Fatal("it did not crash")
	}
	if again := basisOf(t, h, core.StepFilter, core.Step{Plugin: "fault"}); again != first {
		t.Errorf("with another process %s, want %s", again, first)
	}
	must(t, h.Close())
	must(t, os.Remove(filepath.Join(dir, "fault")))
	if again := basisOf(t, open(t, Config{Dir: dir, Workers: 1}, "fault"), core.StepFilter, core.Step{}); again != first {
		t.Errorf("after a restart %s, want %s", again, first)
	}
}

// Another program is another basis, though it calls itself the same.
func TestAnotherProgramIsAnotherBasis(t *testing.T) {
	first := basisOf(t, open(t, Config{Workers: 1}, "fault"), core.StepFilter, core.Step{})
	path, err := buildFault()
	must(t, err)
	data, err := os.ReadFile(path)
	must(t, err)
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "fault"), append(data, 0), 0o755))
	if other := basisOf(t, open(t, Config{Dir: dir, Workers: 1}), core.StepFilter, core.Step{}); other == first {
		t.Error("it is the same")
	}
}

// What a recognizer's engine says of itself is part of it: this one says something else
// each time.
func TestAnotherEngineIsAnotherBasis(t *testing.T) {
	h, does := fingerprints(t)
	first := basisOf(t, h, core.StepRecognizer, core.Step{})
	if again := basisOf(t, h, core.StepRecognizer, core.Step{}); again == first {
		t.Error("it is the same")
	}
	must(t, os.WriteFile(does, []byte("fail"), 0o644))
	if on, err := h.Basis(t.Context(), core.StepRecognizer, core.Step{}, ""); err == nil {
		t.Errorf("an engine that cannot tell has the basis %s", on)
	}
}

func TestQuestionsAboutTheEngineWearNothingOut(t *testing.T) {
	h, _ := fingerprints(t)
	before := h.plugins[0].status().Counts
	for range 3 {
		basisOf(t, h, core.StepRecognizer, core.Step{})
	}
	if after := h.plugins[0].status().Counts; after.Calls != before.Calls {
		t.Errorf("%d calls, want %d", after.Calls, before.Calls)
	}
}

func TestWhereNobodyCanKnowThereIsNoBasis(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	for _, settings := range []string{
		`{"do":"/srv/model"}`, `{"hosts":["example.org:443"]}`, `{"deep":{"list":["a","b/c"]}}`,
	} {
		if _, err := h.Basis(t.Context(), core.StepFilter, core.Step{Settings: json.RawMessage(settings)}, ""); !errors.Is(err, ErrNoBasis) {
			t.Errorf("settings %s: %v", settings, err)
		}
	}
	basisOf(t, h, core.StepFilter, core.Step{Settings: json.RawMessage(`{"do":"show"}`)})
	for name, p := range map[string]*plugin{
		"was added":           {stored: true},
		"runs programs":       {about: sdk.Manifest{Info: sdk.Info{Permissions: sdk.Permissions{Exec: []string{"sh"}}}}},
		"reaches the network": {about: sdk.Manifest{Info: sdk.Info{Permissions: sdk.Permissions{Net: []string{"example.org:443"}}}}},
	} {
		if err := (target{plugin: p}).groundless(sdk.KindFilter, nil); !errors.Is(err, ErrNoBasis) {
			t.Errorf("a filter that %s: %v", name, err)
		}
	}
	if err := (target{plugin: &plugin{}}).groundless(sdk.KindFilter, nil); err != nil {
		t.Errorf("a filter of the plug-in folder: %v", err)
	}
	if _, err := h.Basis(t.Context(), core.StepFilter, core.Step{Plugin: "nobody"}, ""); err == nil {
		t.Error("a plug-in that is not there has a basis")
	}
}

func TestARecognizerThatDoesNotTellHasNoBasis(t *testing.T) {
	h := openOld(t, Config{}, "recognizer")
	if _, err := h.Basis(t.Context(), core.StepRecognizer, core.Step{Plugin: "old-recognizer"}, ""); !errors.Is(err, ErrNoBasis) {
		t.Errorf("got %v", err)
	}
}

// A library that was exchanged is another file of the same name.
func TestMappedCodeIsNamedByItsFile(t *testing.T) {
	all := map[string]bool{}
	must(t, mappedBy("self", all))
	exe, err := os.Executable()
	must(t, err)
	var own []string
	for line := range all {
		if strings.Contains(line, exe) {
			own = append(own, line)
		}
	}
	if len(own) != 1 || !slices.ContainsFunc(own, func(s string) bool { return len(strings.Fields(s)) == 6 }) {
		t.Errorf("this program is mapped as %q", own)
	}
	if err := mappedBy("0", all); err == nil {
		t.Error("a process that is not there has a map")
	}
}

func BenchmarkBasis(b *testing.B) {
	h := open(b, Config{Workers: 1}, "fault")
	for _, kind := range []core.StepKind{core.StepFilter, core.StepRecognizer} {
		b.Run(string(kind), func(b *testing.B) {
			reportP50(b, func() {
				if _, err := h.Basis(b.Context(), kind, core.Step{}, ""); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}
