package host

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/core"
)

// victimKey makes the test binary a host that only waits to be killed.
const victimKey = "TWINLEAF_TEST_VICTIM"

// victim opens a host, starts a call whose plug-in leaves a child behind, and tells
// the numbers of its plug-in processes.
func victim(base string) int {
	h, err := Open(context.Background(), Config{
		Dir: filepath.Join(base, "plugins"), Run: filepath.Join(base, "r"), Spool: filepath.Join(base, "spool"), Workers: 3,
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	input := filepath.Join(base, "input")
	go func() {
		_, _ = h.Clean(context.Background(), core.CleanCall{Image: core.Source{Path: input}, Dir: base})
	}()
	for n := 0; n < 3; time.Sleep(10 * time.Millisecond) {
		n = h.List()[0].Idle + h.List()[0].Busy
	}
	fmt.Println("ready")
	select {}
}

func TestNothingIsLeftOfAHostThatWasKilled(t *testing.T) {
	base, err := os.MkdirTemp("/tmp", "tl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	pidFile := filepath.Join(base, "pid")
	plugins := filepath.Join(base, "plugins")
	must(t, os.Mkdir(plugins, 0o700))
	install(t, plugins, "fault")
	must(t, os.WriteFile(filepath.Join(base, "input"), []byte("do:orphan "+pidFile+" hang\n"), 0o600))

	killAHost(t, base)
	eventually(t, "no plug-in process is left", func() bool { return len(processesIn(t, base, "fault")) == 0 })
	raw, err := os.ReadFile(pidFile)
	must(t, err)
	child, err := strconv.Atoi(string(raw))
	must(t, err)

	open(t, Config{Dir: plugins, Run: filepath.Join(base, "r"), Spool: filepath.Join(base, "spool"), Workers: 1})
	eventually(t, "the plug-in's child is gone", func() bool { return !alive(child) })
	for _, dir := range []string{"r", "spool"} {
		if entries, err := os.ReadDir(filepath.Join(base, dir)); err != nil || len(entries) != 1 {
			t.Errorf("%s holds %v, %v, want the new host's claim only", dir, entries, err)
		}
	}
}

func killAHost(t *testing.T, base string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimKey+"="+base)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("the host to be killed says %q", line)
	}
	eventually(t, "the plug-in has a child", func() bool { b, err := os.ReadFile(filepath.Join(base, "pid")); return err == nil && len(b) > 0 })
	if n := len(processesIn(t, base, "fault")); n < 3 {
		t.Fatalf("%d plug-in processes, want at least 3", n)
	}
	must(t, cmd.Process.Signal(unix.SIGKILL))
	_ = cmd.Wait()
}

// processesIn gives the processes of a program whose slot lies below base.
func processesIn(t *testing.T, base, program string) []int {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	must(t, err)
	var pids []int
	for _, path := range environs {
		dir := filepath.Dir(path)
		environ, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(environ), slotKey+"="+base) {
			continue
		}
		comm, _ := os.ReadFile(filepath.Join(dir, "comm"))
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && strings.TrimSpace(string(comm)) == program && alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
