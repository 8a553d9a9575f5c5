package main

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/conform"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// failures are the checks that a program fails, with what is told of each.
func failures(t *testing.T, o conform.Options) map[string]string {
	t.Helper()
	o.StartTimeout, o.CallTimeout = cmp.Or(o.StartTimeout, 10*time.Second), 5*time.Second
	failed := map[string]string{}
	if err := conform.Run(t.Context(), o, func(r conform.Result) {
		if !r.OK {
			failed[r.Check] = r.Detail
		}
	}); err != nil {
		t.Fatal(err)
	}
	return failed
}

// doing is a case in which the filter does a deed.
func doing(t *testing.T, deed string) conform.Case {
	t.Helper()
	settings, err := json.Marshal(Settings{Do: deed})
	if err != nil {
		t.Fatal(err)
	}
	page := sdk.File{Path: "in/page.bin", Name: "page.bin"}
	args, err := json.Marshal(sdk.FilterRequest{Image: page, Width: 10, Height: 10})
	if err != nil {
		t.Fatal(err)
	}
	return conform.Case{Name: "deed", Component: "filter", Op: sdk.OpClean, Settings: settings, Args: args, Files: map[string][]byte{"page.bin": []byte("page")}}
}

// wantFailure checks that the check was failed for the reason.
func wantFailure(t *testing.T, failed map[string]string, check, words string) {
	t.Helper()
	for name, detail := range failed {
		if strings.Contains(name, check) && strings.Contains(detail, words) {
			return
		}
	}
	t.Errorf("failed %v, want … %s … with … %s …", failed, check, words)
}

func TestAPluginThatBehavesConforms(t *testing.T) {
	bin := plugintest.Build(t, ".")
	if failed := failures(t, conform.Options{Bin: bin, Cases: []conform.Case{doing(t, "good")}}); len(failed) > 0 {
		t.Errorf("failed %v, want nothing", failed)
	}
}

func TestBadDeedsDoNotConform(t *testing.T) {
	bin := plugintest.Build(t, ".")
	for _, test := range []struct{ deed, check, words string }{
		{"crash", "case deed", "the process ended in the call"},
		{"exit", "case deed", "the process ended in the call"},
		{"segfault", "case deed", "the process ended in the call"},
		{"panic", "case deed", "refused: internal"},
		{"hang", "case deed", "Exceeded"},
		{"missing", "case deed", "is not there"},
		{"elsewhere", "case deed", "outside the output folder"},
		{"dots", "case deed", "outside the output folder"},
		{"symlink", "case deed", "is not a plain file"},
		{"hardlink", "case deed", "has 2 names"},
		{"fifo", "case deed", "is not a plain file"},
		{"folder", "case deed", "is not a plain file"},
		{"env", "same answer in a second process", "differs"},
		{"slow 2600", "stops soon when it is cancelled", "goes on"},
		{"slow 2600", "keeps its deadline", "goes on"},
		{"keep", "leaks nothing", "grew"},
		{"refuse it", "case deed", "refused: damaged"},
	} {
		t.Run(test.deed, func(t *testing.T) {
			t.Parallel()
			calls := 1
			if test.deed == "keep" {
				calls = 60
			}
			wantFailure(t, failures(t, conform.Options{Bin: bin, Cases: []conform.Case{doing(t, test.deed)}, Calls: calls}), test.check, test.words)
		})
	}
}

func TestLiesDoNotConform(t *testing.T) {
	bin, dir := plugintest.Build(t, "."), t.TempDir()
	for lie, words := range map[string]string{
		"garbage": "no handshake", "silent": "no handshake line within", "endless": "no handshake", "closed": "before the handshake",
		"exits": "before the handshake", "tcp": "want unix and grpc", "foreign": "not in the folder", "dots": "not in the folder",
		"netrpc": "want unix and grpc", "generation": "it speaks generation", "core": "no handshake", "nothing": "Describe",
		"deaf": "Describe", "http": "Describe", "manifest": "manifest",
	} {
		t.Run(lie, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, "lie-"+lie)
			if err := os.Symlink(bin, path); err != nil {
				t.Fatal(err)
			}
			wantFailure(t, failures(t, conform.Options{Bin: path, StartTimeout: time.Second / 2}), "starts and shakes hands", words)
		})
	}
}

func TestWantedAnswersAreCompared(t *testing.T) {
	bin := plugintest.Build(t, ".")
	for _, test := range []struct{ want, words string }{
		{`{"blank":true}`, "/blank: got null, want true"},
		{`{"image":{"name":"other"}}`, `/image/name: got "good.bin", want "other"`},
		{`{"error":{"code":"damaged"}}`, "/error: got null"},
	} {
		k := doing(t, "good")
		k.Want = json.RawMessage(test.want)
		wantFailure(t, failures(t, conform.Options{Bin: bin, Cases: []conform.Case{k}, Calls: 1}), "case deed", test.words)
	}
	k := doing(t, "good")
	k.Outputs = map[string][]byte{"good.bin": []byte("better")}
	wantFailure(t, failures(t, conform.Options{Bin: bin, Cases: []conform.Case{k}, Calls: 1}), "case deed", "good.bin has 4 bytes")
	k = doing(t, "refuse it")
	k.Want = json.RawMessage(`{"error":{"code":"damaged","temporary":false}}`)
	if failed := failures(t, conform.Options{Bin: bin, Cases: []conform.Case{k}, Calls: 1}); len(failed) > 0 {
		t.Errorf("a wanted refusal failed %v", failed)
	}
}
