package host

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// deliverer makes a plug-in folder with a copy of a deliverer that has no engine.
func deliverer(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	built, err := buildOld()
	must(t, err)
	raw, err := os.ReadFile(filepath.Join(built, "old-deliverer"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "old-deliverer"), raw, 0o755))
	return dir
}

func starts(h *Host) int64 {
	var n int64
	for _, s := range h.List() {
		n += int64(s.Starts)
	}
	return n
}

func TestARememberedPluginIsNotStartedUntilItIsCalled(t *testing.T) {
	c := Config{Dir: deliverer(t), Memory: filepath.Join(t.TempDir(), "memory")}
	build := func() *Host { return open(t, c) }
	first := build()
	if n := starts(first); n == 0 {
		t.Fatal("a plug-in that nobody knows was not started")
	}
	must(t, first.Close())
	second := build()
	if n := starts(second); n != 0 || second.List()[0].Problem != "" || second.List()[0].Name == "" {
		t.Errorf("%d starts of a plug-in that is remembered: %+v", n, second.List()[0])
	}
	receipt, err := second.Deliver(t.Context(), core.DeliverCall{
		Plugin: "old-deliverer", Key: "job/here", Name: "scan", Files: []core.Source{source(t, "fine")}, Kinds: []string{"pdf"},
	})
	if n := starts(second); err != nil || n == 0 {
		t.Errorf("called: %+v (%v) after %d starts", receipt, err, n)
	}
	must(t, second.Close())
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(filepath.Join(c.Dir, "old-deliverer"), old, old))
	third := build()
	if n := starts(third); n == 0 {
		t.Error("a plug-in that was touched was not asked again")
	}
	must(t, third.Close())
	must(t, os.WriteFile(filepath.Join(c.Dir, "plugin.json"), []byte("{}"), 0o644))
	if n := starts(build()); n == 0 {
		t.Error("a plug-in with a new file beside it was not asked again")
	}
}

// JSON that is written with spaces, as Python does, must not come back without them.
func TestAManifestIsRememberedByteForByte(t *testing.T) {
	path, program := filepath.Join(t.TempDir(), "memory"), filepath.Join(t.TempDir(), "spaced")
	must(t, os.WriteFile(program, nil, 0o755))
	p := &plugin{path: program, raw: []byte("{\"name\": \"spaced\", \"summary\": \"<a> & b\"}\n")}
	look, err := p.look()
	must(t, err)
	first := recollect(path, slog.Default())
	first.note(p, look)
	first.keep()
	if got, known := recollect(path, slog.Default()).recall(p); !known || string(got) != string(p.raw) {
		t.Errorf("remembered %q (%v), it said %q", got, known, p.raw)
	}
}

func TestAMemoryThatOthersCouldWriteIsNotTrusted(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"writable by others": func(path string) error { return os.Chmod(path, 0o666) },
		"a link":             func(path string) error { return os.Rename(path, path+".real") },
		"rubbish":            func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
	} {
		path := filepath.Join(t.TempDir(), "memory")
		c := Config{Dir: deliverer(t), Memory: path}
		must(t, open(t, c).Close())
		must(t, spoil(path))
		if strings.HasPrefix(name, "a link") {
			must(t, os.Symlink(path+".real", path))
		}
		if n := starts(open(t, c)); n == 0 {
			t.Errorf("%s: it was believed", name)
		}
	}
}
