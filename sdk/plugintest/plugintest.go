// Package plugintest lets the author of a plug-in test it: its components without
// starting a process ([Call]), and the built program as a server will use it
// ([Build], [Conform]).
package plugintest

import (
	"encoding/json"
	"log/slog"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/conform"
)

// Timeout bounds one Call.
const Timeout = 2 * time.Minute

// Case is one call of a built plug-in and what must come of it.
type Case = conform.Case

// Call makes one call of a component in this process: op is one of the Op
// constants of package sdk, in its request, settings anything that makes JSON
// (nil: none). Files of the answer lie in a folder that lives as long as the
// test. An error is what the handler returned; it is never wrapped.
func Call[In, Out any](t testing.TB, component sdk.Component, op string, in In, settings any) (Out, error) {
	t.Helper()
	var out Out
	answer, err := component.Do(t.Context(), sdk.Call{
		ID: t.Name(), Op: op, Args: encode(t, in), Settings: encode(t, settings),
		Out: t.TempDir(), Temp: t.TempDir(), Deadline: time.Now().Add(Timeout),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("answer of %s: %v", op, err)
	}
	return out, nil
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode %T: %v", v, err)
	}
	return raw
}

// Build builds the program of a package ("." is the one under test) and gives its
// path, which is good until the test ends.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "plugin")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, pkg).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return bin
}

// Conform puts a built plug-in through the checks of package conform, each a subtest,
// with the given cases and, where there are any, those in testdata/cases. It runs the
// program without a sandbox; `twinleaf plugin test PROGRAM` makes the same checks in
// the strictest one that the machine has.
func Conform(t *testing.T, bin string, cases ...Case) {
	t.Helper()
	if own, err := filepath.Glob(filepath.Join("testdata", "cases", "*")); err == nil && len(own) > 0 {
		loaded, err := conform.Load(filepath.Join("testdata", "cases"))
		if err != nil {
			t.Fatal(err)
		}
		cases = append(loaded, cases...)
	}
	err := conform.Run(t.Context(), conform.Options{Bin: bin, Cases: cases}, func(r conform.Result) {
		t.Run(r.Check, func(t *testing.T) {
			if r.OK {
				t.Log(r.Detail)
				return
			}
			t.Errorf("%s\nhint: %s", r.Detail, r.Hint)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
