package host

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestOneSlowPluginDelaysNobody(t *testing.T) {
	within(t, 15*time.Second, "opening beside one that never starts, a call, and closing", func() {
		h := open(t, Config{Workers: 1, Patience: 2 * time.Second, StartTimeout: 5 * time.Minute}, "fault", "lie-silent")
		eventually(t, "the good one is ready", func() bool { return h.List()[0].Idle > 0 })
		wantFine(t, h)
		if got := h.List()[1]; !got.Starting || got.Problem != "" {
			t.Errorf("the silent one: %+v, want it starting", got)
		}
		must(t, h.Close())
	})
}

func TestACallWaitsForAPluginThatIsStarting(t *testing.T) {
	dir := t.TempDir()
	path, err := buildFault()
	must(t, err)
	script := fmt.Sprintf("#!/bin/sh\nsleep 1\nexec %s\n", path)
	must(t, os.WriteFile(filepath.Join(dir, "fault"), []byte(script), 0o700))
	h := open(t, Config{Dir: dir, Workers: 1, Level: sandbox.None, Patience: time.Millisecond, StartTimeout: time.Minute})
	if got := h.List()[0]; !got.Starting {
		t.Errorf("status = %+v, want it starting", got)
	}
	wantFine(t, h)
	if got := h.List()[0]; got.Starting || got.Name != "fault" {
		t.Errorf("status = %+v, want it ready", got)
	}
}

func TestOpeningEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	install(t, dir, "lie-silent")
	run, err := os.MkdirTemp("/tmp", "tl")
	must(t, err)
	defer os.RemoveAll(run)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	within(t, 5*time.Second, "giving up", func() {
		h, err := Open(ctx, Config{Dir: dir, Run: run, Spool: t.TempDir(), Patience: time.Minute})
		if err == nil {
			t.Error("opened", h.Close())
		}
	})
}

// deliverWith makes a delivery with settings.
func deliverWith(t *testing.T, h *Host, settings map[string]any) error {
	t.Helper()
	raw, err := json.Marshal(settings)
	must(t, err)
	_, err = h.Deliver(context.Background(), core.DeliverCall{Plugin: "fault", Key: fmt.Sprint(settings), Settings: raw})
	return err
}

func TestSettingsOpenTheWayToTheirHostForOneCall(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("hello\n"))
			conn.Close()
		}
	}()
	address := l.Addr().String()
	must(t, deliverWith(t, h, map[string]any{"do": "dial " + address, "hosts": []string{address}}))
	wantFailure(t, deliverWith(t, h, map[string]any{"do": "dial " + address}), "not-granted", true, "may not connect to "+address)
	wantFailure(t, deliverWith(t, h, map[string]any{"do": "fine", "hosts": []string{"nas.lan"}}), "settings", true, `settings of plug-in fault: /hosts/0: "nas.lan" does not say which port`)
	if got := h.List()[0]; got.Refused != 1 {
		t.Errorf("refused = %d, want 1", got.Refused)
	}
}

func TestProcessesHaveTheFoldersOfTheirSettings(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	one, two := filepath.Join(t.TempDir(), "one"), t.TempDir()
	must(t, os.Mkdir(one, 0o700))
	starts := func() int { return h.List()[0].Starts }
	eventually(t, "the pool is warm", func() bool { return h.List()[0].Idle == 2 })
	before := starts()
	for _, dir := range []string{one, one, two, two, one} {
		file := filepath.Join(dir, "written")
		must(t, deliverWith(t, h, map[string]any{"do": "write " + file, "into": dir}))
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
		eventually(t, "no process too many", func() bool { s := h.List()[0]; return len(s.Processes) <= s.Size })
	}
	if got := starts() - before; got != 2 {
		t.Errorf("%d starts for two folders, want 2: a process is used again where its folders fit", got)
	}
	folders := map[string]int{}
	for _, p := range h.List()[0].Processes {
		folders[fmt.Sprint(p.Writes)]++
	}
	if len(folders) != 2 || folders["["+one+"]"] != 1 || folders["["+two+"]"] != 1 {
		t.Errorf("processes have %v, want one for each folder", folders)
	}
	must(t, os.RemoveAll(one))
	wantFailure(t, deliverWith(t, h, map[string]any{"do": "fine", "into": one}), core.CodeDestination, false, "no such file")
	wantFailure(t, deliverWith(t, h, map[string]any{"do": "fine", "into": "one"}), "settings", true, "/into: \"one\" is not an absolute path")
	wantFailure(t, deliverWith(t, h, map[string]any{"do": "fine", "into": "/etc"}), "settings", true, "no plug-in may write to /etc")
	for settings, words := range map[string]string{`{"into":"/etc/x"}`: "no plug-in may write to /etc/x", `{"hosts":["x"]}`: "/hosts/0:"} {
		wantFailure(t, h.Validate(context.Background(), core.Step{Plugin: "fault", Settings: json.RawMessage(settings)}, sdk.KindDeliverer), "settings", true, words)
	}
}
