package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/core"
)

// judge says whether an attack was stopped, and by what.
type judge func(*testing.T, *arena, outcome) cell

func held(format string, a ...any) cell { return cell{true, fmt.Sprintf(format, a...)} }

func through(format string, a ...any) cell { return cell{false, fmt.Sprintf(format, a...)} }

// reported believes the attacker: it has no reason to make itself small. One that was
// killed for its attempt was stopped, too.
func reported(t *testing.T, _ *arena, got outcome) cell {
	t.Helper()
	if what, ok := strings.CutPrefix(got.report, "stopped "); ok {
		return held("%s", what)
	}
	if what, ok := strings.CutPrefix(got.report, "got "); ok {
		return through("%s", what)
	}
	f, ok := errors.AsType[*core.Failure](got.err)
	if !ok || f.Code != core.CodePlugin && f.Code != core.CodeOverLimit {
		t.Errorf("the attack gave no report: %+v", got)
		return through("%v", got.err)
	}
	return held("killed")
}

// appears looks for the file that the attack makes.
func appears(path string) judge {
	return func(t *testing.T, a *arena, got outcome) cell {
		t.Helper()
		path := a.words(t).Replace(path)
		if _, err := os.Lstat(path); err == nil {
			must(t, os.Remove(path))
			return through("%s", path)
		}
		if c := reported(t, a, got); c.Held {
			return c
		}
		return held("its own %s", filepath.Dir(path))
	}
}

// modeKept looks whether a file of the server's is open to others, or dated back.
func modeKept(path string) judge {
	return func(t *testing.T, a *arena, got outcome) cell {
		t.Helper()
		path := a.words(t).Replace(path)
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode() != 0o600 || time.Since(info.ModTime()) > time.Hour {
			must(t, os.Chmod(path, 0o600))
			must(t, os.Chtimes(path, time.Now(), time.Now()))
			return through("%s %s", info.Mode(), info.ModTime())
		}
		if c := reported(t, a, got); c.Held {
			return c
		}
		return held("made no-op")
	}
}

// pageUnharmed looks at the original of the page.
func pageUnharmed(t *testing.T, a *arena, got outcome) cell {
	t.Helper()
	info, err := os.Stat(got.page)
	if err != nil {
		return through("%v", err)
	}
	raw, err := os.ReadFile(got.page)
	must(t, err)
	if !strings.HasPrefix(string(raw), "do:") || info.Mode() != 0o644 || time.Since(info.ModTime()) > time.Hour {
		return through("%s %q", info.Mode(), raw)
	}
	if c := reported(t, a, got); c.Held {
		return c
	}
	return held("a copy")
}

// unconnected looks at the listener that nobody may reach.
func unconnected(t *testing.T, a *arena, got outcome) cell {
	t.Helper()
	if a.taken.Swap(0) > 0 {
		return through("a connection")
	}
	return reported(t, a, got)
}

func bystanderRuns(t *testing.T, a *arena, got outcome) cell {
	t.Helper()
	pid := a.bystander.Process.Pid
	if !alive(pid) {
		return through("dead")
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(t, err)
	if _, after, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(after, "T") {
		must(t, unix.Kill(pid, unix.SIGCONT))
		return through("stopped")
	}
	return reported(t, a, got)
}

// nothingStays ends the attacker and looks for what it started.
func nothingStays(t *testing.T, a *arena, got outcome) cell {
	t.Helper()
	a.renew(t)
	deadline := time.Now().Add(3 * time.Second)
	for len(sleepers(t)) > 0 && time.Now().Before(deadline) {
		<-time.After(10 * time.Millisecond)
	}
	if left := sleepers(t); len(left) > 0 {
		for _, pid := range left {
			must(t, unix.Kill(pid, unix.SIGKILL))
		}
		return through("%d processes", len(left))
	}
	if strings.HasPrefix(got.report, "stopped") {
		return reported(t, a, got)
	}
	return held("ends with it")
}

// sleepers are the processes that attackers started to stay.
func sleepers(t *testing.T) []int {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	var all []int
	for _, path := range processes {
		words, err := os.ReadFile(path)
		if err != nil || string(words) != os.Getenv(faultKey)+"\x00sleep\x00" {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/cmdline", &pid); err == nil && alive(pid) {
			all = append(all, pid)
		}
	}
	return all
}

// fails wants the call to fail with some words, and no file to be taken.
func fails(words string) judge {
	return func(t *testing.T, a *arena, got outcome) cell {
		t.Helper()
		f, ok := errors.AsType[*core.Failure](got.err)
		if !ok || !strings.Contains(f.Detail, words) {
			return through("error %v, want … %s …", got.err, words)
		}
		return notTaken(t, a, got)
	}
}

// notTaken wants the call to fail, whether in the plug-in or in the host, and no file to
// be taken.
func notTaken(t *testing.T, _ *arena, got outcome) cell {
	t.Helper()
	left, err := os.ReadDir(got.dir)
	must(t, err)
	if got.err == nil || len(left) > 0 {
		return through("an answer with %v", left)
	}
	return held("refused")
}

// takenPlainly wants the answer to be taken as a plain file with a plain name.
func takenPlainly(t *testing.T, _ *arena, got outcome) cell {
	t.Helper()
	left, err := os.ReadDir(got.dir)
	must(t, err)
	if got.err != nil || len(left) != 1 {
		return through("error %v, files %v", got.err, left)
	}
	info, err := left[0].Info()
	must(t, err)
	if info.Mode() != 0o600 || strings.ContainsAny(info.Name(), "\n\x1b\x00") || len(info.Name()) > 200 || filepath.Join(got.dir, info.Name()) != got.file {
		return through("%s %q", info.Mode(), info.Name())
	}
	return held("made plain")
}

func harmless(t *testing.T, _ *arena, got outcome) cell {
	t.Helper()
	if got.err != nil || got.took > 10*time.Second {
		return through("error %v after %s", got.err, got.took)
	}
	return held("read away")
}

// endsInTime wants the call to be ended soon after its deadline.
func endsInTime(t *testing.T, _ *arena, got outcome) cell {
	t.Helper()
	f, ok := errors.AsType[*core.Failure](got.err)
	if !ok || f.Code != core.CodeTimeout || got.took > 5*time.Second {
		return through("error %v after %s", got.err, got.took)
	}
	return held("killed")
}

// problem wants a plug-in not to be taken at all.
func problem(words string) judge {
	return func(t *testing.T, a *arena, got outcome) cell {
		t.Helper()
		for _, s := range a.h.List() {
			if strings.Contains(s.Problem, words) {
				return held("refused")
			}
		}
		return through("no problem … %s …", words)
	}
}
