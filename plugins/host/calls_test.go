package host

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

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
	folder := openFolder(t)
	h := open(t, Config{Workers: 1, open: []string{folder}}, "fault")
	wrote := filepath.Join(folder, "wrote")
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
	if _, _, err := clean(t, h, "hardlink"); err == nil {
		t.Error("hardlink: an input under another name was taken")
	}
	for do, words := range map[string]string{
		"missing": "no such file", "elsewhere": "outside", "dots": "outside", "symlink": "escapes",
		"twonames": "names, not one", "fifo": "not a plain file", "folder": "not a plain file",
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
	h := open(t, Config{Workers: 1}, "fault")
	dir := t.TempDir()
	input := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(input, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := core.Step{Plugin: "fault", Settings: json.RawMessage(`{"do":"good"}`)}
	got, err := h.Clean(context.Background(), core.CleanCall{Step: good, Image: core.Source{Path: input}, Dir: dir})
	if err != nil || got.Image == nil {
		t.Errorf("Clean = %+v, %v, want what the settings ask for", got, err)
	}
	_, err = h.Deliver(context.Background(), core.DeliverCall{Plugin: "fault", Settings: json.RawMessage(`{"dir":"/x"}`)})
	wantFailure(t, err, "settings", true, "/dir: unknown field; known are do, hosts, into, memoryMB")
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
	h := open(t, Config{Workers: 1}, "fault")
	for want, step := range map[string]core.Step{
		`no filter plug-in called "absent"`: {Plugin: "absent"},
		`with a component "other"`:          {Plugin: "fault", Component: "other"},
	} {
		_, err := h.Clean(context.Background(), core.CleanCall{Step: step, Dir: t.TempDir()})
		wantFailure(t, err, core.CodePlugin, false, want)
	}
}

func TestAPluginThatDidNotStartAtFirstIsTriedAgain(t *testing.T) {
	dir, marker := t.TempDir(), filepath.Join(t.TempDir(), "installed")
	path, err := buildFault()
	must(t, err)
	script := fmt.Sprintf("#!/bin/sh\n[ -e %s ] || { echo engine missing >&2; exit 1; }\nexec %s\n", marker, path)
	must(t, os.WriteFile(filepath.Join(dir, "late"), []byte(script), 0o700))
	h := open(t, Config{Dir: dir, Workers: 1, Level: sandbox.None}) // it runs and reads what a confined one may not
	if got := h.List()[0].Problem; !strings.Contains(got, "engine missing") || !strings.Contains(got, "exit status 1") {
		t.Errorf("problem = %q, want what it said and how it ended", got)
	}
	must(t, os.WriteFile(marker, nil, 0o600))
	h.plugins[0].retry = time.Time{} // as if the pause were over
	wantFine(t, h)
	if got := h.List()[0]; got.Name != "fault" || got.Problem != "" {
		t.Errorf("status = %+v, want it as if nothing had been", got)
	}
}

func TestAProcessIsNiceAndLimited(t *testing.T) {
	h := open(t, Config{Workers: 1, OutputBytes: 12345}, "fault")
	pid := h.plugins[0].pool.idle[0].ID()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	must(t, err)
	_, after, _ := strings.Cut(string(stat), ") ")
	if nice := strings.Fields(after)[16]; nice != "10" {
		t.Errorf("nice = %s, want 10", nice)
	}
	limits, err := os.ReadFile("/proc/" + pid + "/limits")
	must(t, err)
	for _, want := range []string{"Max core file size        0", "Max open files            1024", "Max file size             12345"} {
		if !strings.Contains(string(limits), want) {
			t.Errorf("limits lack %q:\n%s", want, limits)
		}
	}
}

func TestCloseEndsRunningCalls(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	s := source(t, "hang")
	result := make(chan error, 1)
	go func() { result <- cleanBy(context.Background(), t, h, s) }()
	eventually(t, "the call runs", func() bool { return h.List()[0].Busy == 1 })
	must(t, h.Close())
	wantFailure(t, <-result, core.CodePlugin, false, "closed")
	_, _, err := clean(t, h, "fine")
	wantFailure(t, err, core.CodePlugin, false, "closed")
}

// With workers on other machines many more pages are under way than there are processes:
// their calls wait, and no process is started for them.
func TestMoreCallsThanProcessesWait(t *testing.T) {
	h := open(t, Config{Workers: 2}, "fault")
	var all sync.WaitGroup
	for range 60 {
		all.Go(func() {
			if _, _, err := clean(t, h, "fine"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if c := h.plugins[0].status().Counts; c.Calls != 60 || c.Starts > 2 || c.Crashes > 0 {
		t.Errorf("%d calls, %d processes were started, %d crashed", c.Calls, c.Starts, c.Crashes)
	}
}

func TestSettingsCanBeCheckedBeforeTheyAreUsed(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	ctx := context.Background()
	if err := h.Validate(ctx, core.Step{Plugin: "fault", Settings: json.RawMessage(`{"do":"hang"}`)}, sdk.KindDeliverer); err != nil {
		t.Errorf("good settings: %v", err)
	}
	for settings, words := range map[string]string{
		`{"do":"dance"}`: `settings of plug-in fault: /do: there is no deed called "dance"`,
		`{"doo":""}`:     "/doo: unknown field",
		`{`:              "not JSON",
	} {
		wantFailure(t, h.Validate(ctx, core.Step{Plugin: "fault", Settings: json.RawMessage(settings)}, sdk.KindDeliverer), "settings", true, words)
	}
	wantFailure(t, h.Validate(ctx, core.Step{Plugin: "fault"}, sdk.KindReader), core.CodeBadRequest, true, "no reader plug-in called")
}
