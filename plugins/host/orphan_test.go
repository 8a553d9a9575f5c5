package host

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// victimKey makes the test binary a host that only waits to be killed.
const victimKey = "TWINLEAF_TEST_VICTIM"

// victim opens a host, starts a call whose plug-in leaves a child behind, and tells
// the numbers of its plug-in processes.
func victim(base string) int {
	level, err := sandbox.ParseLevel(os.Getenv(levelKey))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	h, err := Open(context.Background(), Config{
		Level: level,
		open:  []string{filepath.Join(base, "open")},
		Dir:   filepath.Join(base, "plugins"), Run: filepath.Join(base, "r"), Spool: filepath.Join(base, "spool"), Workers: 3,
		Own: map[sdk.Kind][]string{sdk.KindFilter: {"fault"}}, // all its processes are started
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	go func() { // a test that ends without killing it must not leave it
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
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

// On full the kernel ends all that a plug-in started together with it. On lower levels
// children of plug-ins live on until the next host opens.
func TestNothingIsLeftOfAHostThatWasKilled(t *testing.T) {
	best := sandbox.Probe(t.Context()).Level
	for level := sandbox.None; level <= best; level++ {
		t.Run(level.String(), func(t *testing.T) { nothingIsLeft(t, level) })
	}
}

func nothingIsLeft(t *testing.T, level sandbox.Level) {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "tl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	must(t, os.Chmod(base, 0o755))
	pidFile := filepath.Join(base, "open", "pid")
	plugins := filepath.Join(base, "plugins")
	must(t, os.Mkdir(plugins, 0o700))
	must(t, os.Mkdir(filepath.Dir(pidFile), 0o700))
	must(t, os.Chmod(filepath.Dir(pidFile), 0o777))
	install(t, plugins, "fault")
	must(t, os.WriteFile(filepath.Join(base, "input"), []byte("do:orphan "+pidFile+" hang\n"), 0o600))

	killAHost(t, base, level)
	if level == sandbox.Full {
		eventually(t, "no process is left", func() bool { return len(processesIn(t, base)) == 0 })
	}
	open(t, Config{Level: level, Dir: plugins, Run: filepath.Join(base, "r"), Spool: filepath.Join(base, "spool"), Workers: 1})
	eventually(t, "no process of the dead host is left", func() bool {
		return len(processesIn(t, base)) == len(processesIn(t, hostDir(t, filepath.Join(base, "spool"))))
	})
	for _, dir := range []string{"r", "spool"} {
		if entries, err := os.ReadDir(filepath.Join(base, dir)); err != nil || len(entries) != 1 {
			t.Errorf("%s holds %v, %v, want the new host's claim only", dir, entries, err)
		}
	}
}

func killAHost(t *testing.T, base string, level sandbox.Level) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimKey+"="+base, levelKey+"="+level.String())
	out, err := cmd.StdoutPipe()
	must(t, err)
	_, err = cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("the host to be killed says %q", line)
	}
	eventually(t, "the plug-in has a child", func() bool {
		b, err := os.ReadFile(filepath.Join(base, "open", "pid"))
		return err == nil && len(b) > 0
	})
	if n := len(processesIn(t, base)); n < 4 {
		t.Fatalf("%d processes of plug-ins, want at least three and a child", n)
	}
	must(t, cmd.Process.Signal(unix.SIGKILL))
	_ = cmd.Wait()
}

// hostDir is the folder of the one host below base.
func hostDir(t *testing.T, base string) string {
	t.Helper()
	entries, err := os.ReadDir(base)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%s holds %v, %v, want one host", base, entries, err)
	}
	return filepath.Join(base, entries[0].Name())
}

// processesIn gives the processes whose slot is base or lies below it.
func processesIn(t *testing.T, base string) []int {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	must(t, err)
	var pids []int
	for _, path := range environs {
		dir := filepath.Dir(path)
		environ, err := os.ReadFile(path)
		if err != nil || !strings.Contains("\x00"+string(environ), "\x00"+slotKey+"="+base) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && alive(pid) {
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
