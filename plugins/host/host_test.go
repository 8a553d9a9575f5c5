package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// programs is where TestMain builds the plug-ins that tests run.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

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
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "fault"), "github.com/twinleaf-scan/twinleaf/plugins/fault")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build fault: %v\n%s", err, out)
		return 1
	}
	programs = dir
	return m.Run()
}

// open opens a host over the fault plug-in under the given names, and makes sure
// at the end that it leaves nothing behind.
func open(t testing.TB, c Config, names ...string) *Host {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	for _, name := range names {
		if err := os.Symlink(filepath.Join(programs, "fault"), filepath.Join(c.Dir, name)); err != nil {
			t.Fatal(err)
		}
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
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestZeroConfigWorksWithAFolder(t *testing.T) {
	h := open(t, Config{}, "fault")
	got, _, err := clean(t, h, "fine")
	if want := (core.PageClean{By: "fault 1.0.0 (none 0)"}); err != nil || got != want {
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
	if good.Name != "fault" || good.Version != "1.0.0" || good.Protocol != 2 || len(good.SHA256) != 64 || good.Size != 2 || len(good.Kinds) != 3 || good.Problem != "" {
		t.Errorf("status of fault = %+v", good)
	}
	if bad.Name != "lie-garbage" || !strings.Contains(bad.Problem, "no handshake") {
		t.Errorf("status of lie-garbage = %+v, want the problem named", bad)
	}
}

func TestFilesOfAnAnswerLieInTheCallsFolder(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	for _, test := range []struct{ do, name, content string }{
		{"good", "good.bin", "good"},
		{"echo", "echo.bin", "do:echo\n"},
		{"badname", "plain.bin", "x"},
	} {
		got, dir, err := clean(t, h, test.do)
		if err != nil {
			t.Errorf("%s: %v", test.do, err)
			continue
		}
		if got.Image == nil || got.Image.Name != test.name {
			t.Errorf("%s: image = %+v, want %s", test.do, got.Image, test.name)
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, test.name))
		if err != nil || string(content) != test.content {
			t.Errorf("%s: file = %q, %v, want %q", test.do, content, err, test.content)
		}
	}
}

func TestAFileThatAPluginStillWritesToIsCopied(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	wrote := filepath.Join(t.TempDir(), "wrote")
	_, dir, err := clean(t, h, "writer "+wrote)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the plug-in has written once more", func() bool { _, err := os.Stat(wrote); return err == nil })
	if got, err := os.ReadFile(filepath.Join(dir, "writer")); err != nil || string(got) != "before" {
		t.Fatalf("file = %q, %v, want it as it was when the answer came", got, err)
	}
}

func TestHostileOutputsAreNotTaken(t *testing.T) {
	h := open(t, Config{Workers: 1, Strikes: 1000}, "fault")
	for do, words := range map[string]string{
		"missing": "no such file", "elsewhere": "outside", "dots": "outside", "symlink": "escapes",
		"hardlink": "names, not one", "fifo": "not a plain file", "folder": "not a plain file",
	} {
		_, dir, err := clean(t, h, do)
		wantFailure(t, err, core.CodePlugin, false, words)
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %v came into the call's folder", do, left)
		}
	}
	if _, _, err := clean(t, h, "good"); err != nil {
		t.Errorf("the call after them: %v", err)
	}
}

func TestAPluginsOwnErrorsArePermanentUnlessItSaysOtherwise(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	_, _, err := clean(t, h, "refuse page 3")
	wantFailure(t, err, "damaged", true, "refused as asked: page 3")
	_, _, err = clean(t, h, "temporary")
	wantFailure(t, err, core.CodePlugin, false, "not today")
	_, _, err = clean(t, h, "panic")
	wantFailure(t, err, core.CodeInternal, true, "panic in clean: as asked")
	if starts := h.List()[0].Starts; starts > 2 {
		t.Errorf("%d processes were started for errors that are no crashes", starts)
	}
}

func TestWithoutAPluginTheCallSaysWhatToDo(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	_, err := h.Inspect(context.Background(), core.InspectCall{Input: core.Source{File: core.File{Media: "application/pdf"}}})
	wantFailure(t, err, core.CodeUnsupported, true, "no plug-in for application/pdf")
	_, _, err = h.Assemble(context.Background(), core.AssembleCall{})
	wantFailure(t, err, core.CodePlugin, false, "no assembler plug-in in")
	_, err = h.Deliver(context.Background(), core.DeliverCall{Plugin: "pigeon"})
	wantFailure(t, err, core.CodePlugin, false, `no deliverer plug-in called "pigeon"`)
}

func TestSettingsGoToThePluginAndUnknownOnesAreRefused(t *testing.T) {
	h := open(t, Config{Workers: 1, Settings: map[string]json.RawMessage{"fault": json.RawMessage(`{"do":"good"}`)}}, "fault")
	dir := t.TempDir()
	input := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(input, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := h.Clean(context.Background(), core.CleanCall{Image: core.Source{Path: input}, Dir: dir})
	if err != nil || got.Image == nil {
		t.Errorf("Clean = %+v, %v, want what the settings ask for", got, err)
	}
	_, err = h.Deliver(context.Background(), core.DeliverCall{Plugin: "fault", Settings: json.RawMessage(`{"dir":"/x"}`)})
	wantFailure(t, err, "settings", true, "/dir: unknown field; known are do, memoryMB")
}

func TestDeliveryCarriesItsKey(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	got, err := h.Deliver(context.Background(), core.DeliverCall{
		Plugin: "fault", Key: "job/here", Name: "scan", Files: []core.Source{source(t, "fine")}, Kinds: []string{"pdf"},
	})
	if want := (core.Receipt{Location: "nowhere/scan", Detail: "job/here"}); err != nil || got != want {
		t.Fatalf("Deliver = %+v, %v, want %+v", got, err, want)
	}
}

func TestAPluginSeesNothingOfTheHostsEnvironment(t *testing.T) {
	t.Setenv("DB_PASSWORD", "hunter2")
	h := open(t, Config{Workers: 1, Env: map[string][]string{"fault": {"TESSDATA_PREFIX=/data"}}}, "fault")
	_, dir, err := clean(t, h, "env")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	env := string(raw)
	if strings.Contains(env, "hunter2") || !strings.Contains(env, "TESSDATA_PREFIX=/data") || !strings.Contains(env, "OMP_THREAD_LIMIT=1") {
		t.Errorf("environment of the plug-in:\n%s", env)
	}
}

func TestKindsChooseTheNamedPlugin(t *testing.T) {
	h := open(t, Config{Workers: 1, Use: map[sdk.Kind]string{sdk.KindFilter: "absent"}}, "fault")
	_, _, err := clean(t, h, "fine")
	wantFailure(t, err, core.CodePlugin, false, `called "absent"`)
}
