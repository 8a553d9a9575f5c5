package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// scripted makes a component out of a shell script.
func scripted(t *testing.T, kind sdk.Kind, script string) sdk.Component {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p := Plugin{Kind: kind, Command: []string{"./run.sh"}}
	return sdk.Raw(kind, nil, json.RawMessage(`{"type":"object","properties":{"word":{"type":"string"}}}`), p.program(dir).run)
}

func index(t *testing.T, script string) (sdk.Metadata, error) {
	t.Helper()
	return plugintest.Call[sdk.IndexRequest, sdk.Metadata](t, scripted(t, sdk.KindIndexer, script), sdk.OpIndex,
		sdk.IndexRequest{Name: "letter"}, map[string]string{"word": "invoice"})
}

func TestAScriptAnswersACall(t *testing.T) {
	got, err := index(t, `read -r line
case "$line" in
*'"op":"index"'*'"name":"letter"'*'"word":"invoice"'*) echo '{"result":{"fields":{"found":"yes"}}}' ;;
*) echo '{"result":{"fields":{"found":"no"}}}' ;;
esac`)
	if err != nil || got.Fields["found"] != "yes" {
		t.Errorf("got %+v (%v)", got, err)
	}
}

func TestFilesOfAnAnswerAreNamedInTheOutputFolder(t *testing.T) {
	c := scripted(t, sdk.KindFilter, `out=$(sed 's/.*"out":"\([^"]*\)".*/\1/'); echo data > "$out/clean.pgm"
echo '{"result":{"image":{"path":"clean.pgm"},"w":12345678901234567,"h":2}}'`)
	got, err := plugintest.Call[sdk.FilterRequest, sdk.Filtered](t, c, sdk.OpClean, sdk.FilterRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(got.Image.Path); err != nil || string(raw) != "data\n" || got.Image.Name != "clean.pgm" || got.Width != 12345678901234567 {
		t.Errorf("got %+v with %q (%v)", got.Image, raw, err)
	}
}

func TestWhatGoesWrongIsSaidInTheScriptsWords(t *testing.T) {
	for name, c := range map[string]struct {
		script    string
		want      string
		temporary bool
	}{
		"an error":          {`echo '{"error":{"code":"damaged","detail":"page is torn","remedy":"scan again"}}'; exit 1`, "page is torn", false},
		"a passing error":   {`echo '{"error":{"detail":"later","temporary":true}}'`, "later", true},
		"a failed command":  {`echo "no such table" >&2; exit 3`, "run.sh: exit status 3; it said: no such table", false},
		"temporary failure": {`exit 75`, "exit status 75", true},
		"nothing":           {`:`, "printed no answer", false},
		"no JSON":           {`echo hello`, "printed no answer", false},
		"neither":           {`echo '{}'`, "neither is there", false},
		"two answers":       {`echo '{"result":{}}{"result":{}}'`, "more than its answer", false},
		"another field":     {`echo '{"resutl":{}}'`, `unknown field "resutl"`, false},
		"a flood":           {`head -c 9000000 /dev/zero`, "prints more than", false},
	} {
		_, err := index(t, c.script)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want … %s …", name, err, c.want)
			continue
		}
		e, ok := errors.AsType[*sdk.Error](err)
		if temporary := ok && e.Temporary; temporary != c.temporary {
			t.Errorf("%s: temporary %v, want %v (%v)", name, temporary, c.temporary, err)
		}
	}
}

func TestACancelledCallEndsTheWholeCommand(t *testing.T) {
	c := scripted(t, sdk.KindIndexer, "sleep 600 & echo $! > child; echo ready >&2; wait")
	tmp := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	started := time.Now()
	_, err := c.Do(ctx, sdk.Call{Op: sdk.OpIndex, Args: []byte(`{}`), Out: t.TempDir(), Temp: tmp})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(started) > 20*time.Second {
		t.Errorf("got %v after %s", err, time.Since(started))
	}
}

func TestTheScriptGetsNothingOfTheServersEnvironment(t *testing.T) {
	got := environment([]string{"PATH=/bin", "TWINLEAF_PLUGIN=x", "PLUGIN_UNIX_SOCKET_DIR=/x", "LANG=C.UTF-8"})
	if strings.Join(got, " ") != "PATH=/bin LANG=C.UTF-8" {
		t.Errorf("got %v", got)
	}
}

func TestADescriptionThatIsNoneIsRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "plugin.json")
	if _, err := read(path); err == nil || !strings.Contains(err.Error(), "half a plug-in") {
		t.Errorf("without plugin.json: %v", err)
	}
	for content, want := range map[string]string{
		`{`: "plugin.json", `{"name":"a","kind":"filter"}`: `"command" is missing`, `{"nmae":"a"}`: `unknown field "nmae"`,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want … %s …", content, err, want)
		}
	}
}
