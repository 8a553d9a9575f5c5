package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// programs is where the plug-ins that tests run are built, when the first asks.
var programs string

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if base := os.Getenv(victimKey); base != "" {
		return victim(base)
	}
	dir, err := os.MkdirTemp("", "twinleaf-host-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // plug-ins may run as other users
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	programs = dir
	return m.Run()
}

// faultKey names the fault plug-in that was built already, for tests as a user who
// cannot build.
const faultKey = "TWINLEAF_TEST_FAULT"

// buildFault builds the fault plug-in once in all tests.
var buildFault = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(faultKey); path != "" {
		return path, nil
	}
	path := filepath.Join(programs, "fault")
	out, err := exec.Command("go", "build", "-o", path, "github.com/twinleaf-scan/twinleaf/plugins/fault").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build fault: %w\n%s", err, out)
	}
	return path, nil
})

// install puts the fault plug-in into a plug-in folder under other names.
func install(t testing.TB, dir string, names ...string) {
	t.Helper()
	path, err := buildFault()
	must(t, err)
	for _, name := range names {
		must(t, os.Symlink(path, filepath.Join(dir, name)))
	}
}

// levelKey names the level of the sandbox at which the tests run, for a machine that
// has a better one.
const levelKey = "TWINLEAF_TEST_LEVEL"

// open opens a host over the fault plug-in under the given names, and makes sure
// at the end that it leaves nothing behind.
func open(t testing.TB, c Config, names ...string) *Host {
	t.Helper()
	if c.Own == nil { // the server's own are started beforehand
		c.Own = map[sdk.Kind][]string{sdk.KindFilter: {"fault"}}
	}
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	install(t, c.Dir, names...)
	set(&c.Patience, time.Minute)
	if name := os.Getenv(levelKey); name != "" && c.Level == 0 {
		level, err := sandbox.ParseLevel(name)
		must(t, err)
		c.Level = level
	}
	if c.Run == "" {
		run, err := os.MkdirTemp("/tmp", "tl")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(run) })
		c.Run = run
	}
	if c.Spool == "" {
		c.Spool = t.TempDir()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	h, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		for _, base := range []string{h.config.Run, h.config.Spool} {
			if left, _ := os.ReadDir(base); len(left) > 0 {
				t.Errorf("after Close %s still holds %v", base, left)
			}
		}
	})
	return h
}

// openFolder is one that everybody may write to, for [Config].open.
func openFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "twinleaf-open-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o777))
	return dir
}

// source is an input whose first line tells fault what to do.
func source(t testing.TB, do string) core.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "input.pgm")
	if err := os.WriteFile(path, []byte("do:"+do+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return core.Source{Path: path, File: core.File{Name: "input.pgm", Ref: core.Ref(fmt.Sprintf("%064x", len(do)+int(time.Now().UnixNano()%1e9)))}}
}

func clean(t testing.TB, h *Host, do string) (core.PageClean, string, error) {
	t.Helper()
	dir := t.TempDir()
	got, err := h.Clean(context.Background(), core.CleanCall{Image: source(t, do), Dir: dir})
	return got, dir, err
}

// wantFailure checks code, permanence and a piece of the words of a failure.
func wantFailure(t testing.TB, err error, code string, permanent bool, words string) {
	t.Helper()
	f, ok := errors.AsType[*core.Failure](err)
	if !ok {
		t.Fatalf("error = %v, want a Failure %s", err, code)
	}
	if f.Code != code || f.Permanent != permanent || !strings.Contains(f.Detail, words) {
		t.Fatalf("failure = %s permanent=%v %q, want %s permanent=%v … %s …", f.Code, f.Permanent, f.Detail, code, permanent, words)
	}
}

func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestZeroConfigWorksWithAFolder(t *testing.T) {
	h := open(t, Config{}, "fault")
	got, _, err := clean(t, h, "fine")
	if want := (core.PageClean{By: "fault 1.0.0 (none 0)"}); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("Clean = %+v, %v, want %+v", got, err, want)
	}
}

func TestStatusTellsWhatAPluginIs(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault", "lie-garbage")
	list := h.List()
	if len(list) != 2 {
		t.Fatalf("List has %d entries, want 2", len(list))
	}
	good, bad := list[0], list[1]
	if good.Name != "fault" || good.Version != "1.0.0" || good.Protocol != 2 || len(good.SHA256) != 64 || good.Size != 2 || len(good.Kinds) != 4 || good.Problem != "" {
		t.Errorf("status of fault = %+v", good)
	}
	if bad.Name != "lie-garbage" || !strings.Contains(bad.Problem, "no handshake") {
		t.Errorf("status of lie-garbage = %+v, want the problem named", bad)
	}
}

// However fast an impostor starts, the program whose file bears the name keeps it.
func TestAFilesOwnNameIsKeptForIt(t *testing.T) {
	h := &Host{names: map[string]*plugin{}}
	own, impostor := &plugin{path: "/plugins/image"}, &plugin{path: "/plugins/a"}
	h.plugins = []*plugin{impostor, own}
	if err := h.claimName("image", impostor); err == nil || !strings.Contains(err.Error(), "/plugins/image") {
		t.Errorf("impostor: got %v, want a refusal that names the owner", err)
	}
	if err := h.claimName("image", own); err != nil {
		t.Errorf("owner: got %v", err)
	}
	if err := h.claimName("other", impostor); err != nil {
		t.Errorf("a name that no file has: got %v", err)
	}
}
