package sandbox

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// reached is the level that works on this machine.
var reached = sync.OnceValue(func() Report {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return Probe(ctx)
})

// eachLevel runs a test on every level of the shim that works here.
func eachLevel(t *testing.T, do func(*testing.T, Level)) {
	t.Helper()
	for level := RLimit; level <= Full; level++ {
		t.Run(level.String(), func(t *testing.T) {
			if r := reached(); r.Level < level {
				t.Skipf("this machine has no sandbox of level %s: %s", level, r.Why())
			}
			do(t, level)
		})
	}
}

// spec confines this test binary, which does a deed there.
func spec(t *testing.T, level Level, deed string) Spec {
	t.Helper()
	self, err := filepath.EvalSymlinks("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	out := folder(t)
	s := Spec{Level: level, Path: self, Args: []string{self}, Env: []string{deedKey + "=" + deed, "GORACE=atexit_sleep_ms=0"}, Dir: out, Write: []string{out}, UID: os.Geteuid(), GID: os.Getegid()}
	if s.UID == 0 {
		s.UID, s.GID = FirstUser+7, FirstUser+8
		must(t, os.Chown(out, s.UID, s.GID))
	}
	return s
}

// folder is an empty one that everybody can reach.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "twinleaf-sandbox-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// run runs a confined program and gives what it says.
func run(t *testing.T, s Spec) (stdout, stderr string, err error) {
	t.Helper()
	cmd, err := Command(s)
	must(t, err)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

func ask[T any](t *testing.T, s Spec) T {
	t.Helper()
	stdout, stderr, err := run(t, s)
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	var answer T
	must(t, json.Unmarshal([]byte(stdout), &answer))
	return answer
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingOfTheHostIsHandedDown(t *testing.T) {
	t.Setenv("DB_PASSWORD", "hunter2")
	leaked, err := unix.Open("/dev/null", unix.O_RDONLY, 0) // without CLOEXEC, as from a careless parent
	must(t, err)
	defer unix.Close(leaked)
	eachLevel(t, func(t *testing.T, level Level) {
		s := spec(t, level, "facts")
		s.Env = append(s.Env, "A=b")
		got := ask[facts](t, s)
		if !slices.Equal(got.Env, s.Env) {
			t.Errorf("environment = %q, want %q", got.Env, s.Env)
		}
		if len(got.Files) > 0 {
			t.Errorf("files %v are open", got.Files)
		}
		if got.Dir != s.Dir {
			t.Errorf("it runs in %s, want %s", got.Dir, s.Dir)
		}
	})
}

// The shim mounts and changes the root. Started by hand it must not do that to the machine;
// the test gives it mounts of its own in case it does.
func TestTheShimDoesNotTouchTheMountsOfOthers(t *testing.T) {
	if r := reached(); os.Geteuid() != 0 || r.Level < Full {
		t.Skipf("an ordinary user may not mount; level %s: %s", r.Level, r.Why())
	}
	cmd, err := Command(spec(t, Full, "facts"))
	must(t, err)
	cmd.SysProcAttr.Cloneflags, cmd.SysProcAttr.Unshareflags = 0, unix.CLONE_NEWNS
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no namespaces of its own") {
		t.Errorf("without namespaces: %v, %s", err, out)
	}
}

func TestAProcessHasItsOwnUserAndNoRights(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		s := spec(t, level, "facts")
		got := ask[facts](t, s)
		if got.UID != s.UID || got.GID != s.GID {
			t.Errorf("user %d, group %d, want %d, %d", got.UID, got.GID, s.UID, s.GID)
		}
		if os.Geteuid() == 0 && len(got.Groups) > 0 {
			t.Errorf("groups %v are left", got.Groups)
		}
		if !slices.Equal(got.Caps, make([]uint32, 6)) {
			t.Errorf("capabilities = %x, want none", got.Caps)
		}
		if len(got.Bounding) > 0 && (os.Geteuid() == 0 || level == Full) {
			t.Errorf("it could gain the capabilities %v", got.Bounding)
		}
		if got.NoNew != 1 {
			t.Error("it may gain rights by running a program")
		}
		if filters() && got.Filter != 2 {
			t.Error("its system calls are not filtered")
		}
	})
}

// The host sees the process as the user that it was given, so that it can tell
// whose socket it connects to.
func TestTheHostSeesTheUserToo(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		s := spec(t, level, "children")
		cmd, _ := start(t, s)
		var st unix.Stat_t
		must(t, unix.Stat(fmt.Sprintf("/proc/%d", cmd.Process.Pid), &st))
		if int(st.Uid) != s.UID {
			t.Errorf("process of user %d, want %d", st.Uid, s.UID)
		}
	})
}

func TestLimitsHold(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		s := spec(t, level, "facts")
		s.Nice = 3
		s.Limits = Limits{MemoryMB: 900, CPUSeconds: 77, FileBytes: 12345, OpenFiles: 99, Processes: 88}
		got := ask[facts](t, s)
		want := map[int]uint64{
			unix.RLIMIT_CORE: 0, unix.RLIMIT_CPU: 77, unix.RLIMIT_FSIZE: 12345, unix.RLIMIT_NOFILE: 99,
			unix.RLIMIT_DATA: 900 << 20, unix.RLIMIT_AS: 900<<20 + addressSpace, unix.RLIMIT_NPROC: 88,
		}
		if level < Full { // threads that the user had before come on top
			if got.Limits[unix.RLIMIT_NPROC] < 88 {
				t.Errorf("%d processes, want 88 or more", got.Limits[unix.RLIMIT_NPROC])
			}
			want[unix.RLIMIT_NPROC] = got.Limits[unix.RLIMIT_NPROC]
		}
		for resource, limit := range want {
			if got.Limits[resource] != limit {
				t.Errorf("limit %d = %d, want %d", resource, got.Limits[resource], limit)
			}
		}
		if got.Nice != 3 {
			t.Errorf("nice = %d, want 3", got.Nice)
		}
	})
}

func TestAtFullThereIsNothingElse(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		if level < Full {
			t.Skip("the host's files are seen, though not opened")
		}
		got := ask[facts](t, spec(t, level, "facts"))
		for _, name := range got.Root {
			if !slices.Contains([]string{"bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "opt", "nix", "etc", "var", "dev", "proc", "tmp"}, name) && name != strings.Split(os.Args[0], "/")[1] {
				t.Errorf("it sees /%s", name)
			}
		}
		if got.PID != 1 || got.Hostname != "plugin" {
			t.Errorf("process %d on %s, want the first on a machine of no name", got.PID, got.Hostname)
		}
	})
}

// An input is a file of the host's, at full the very same, below it a copy.
func TestInputsCannotBeChanged(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		s := spec(t, level, "change")
		in := folder(t)
		input := filepath.Join(in, "1.pgm")
		must(t, os.WriteFile(input, []byte("page"), 0o444))
		s.Read, s.Args = []string{in}, append(s.Args, input)
		before, err := os.Stat(input)
		must(t, err)
		worked := ask[[]string](t, s)
		own := level < Full && s.UID == os.Geteuid()
		if own && level < Landlock {
			return // a copy in a folder of its own user: it may do what it likes
		}
		after, err := os.Stat(input)
		must(t, err)
		if level == Landlock {
			// By name these say that they work and do nothing; an open file of its own user it may change.
			worked = slices.DeleteFunc(worked, func(what string) bool { return what == "chmod" || what == "chtimes" || own && what == "fchmod" })
		}
		if len(worked) > 0 {
			t.Errorf("these worked: %v", worked)
		}
		if got, err := os.ReadFile(input); err != nil || string(got) != "page" || !after.ModTime().Equal(before.ModTime()) || after.Mode() != before.Mode() && !own {
			t.Errorf("the input is %q, %v, %v of %s now, was %v of %s", got, err, after.Mode(), after.ModTime(), before.Mode(), before.ModTime())
		}
	})
}

func TestMissingGrantsStayMissing(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		s := spec(t, level, "facts")
		missing := filepath.Join(folder(t), "share")
		s.Grants = []string{missing}
		ask[facts](t, s)
		if _, err := os.Lstat(missing); err == nil {
			t.Error("it was made")
		}
		s.Write = append(s.Write, missing)
		if level < Landlock {
			return // nobody looks
		}
		if _, said, err := run(t, s); err == nil || !strings.HasPrefix(said, ErrorPrefix) || !strings.Contains(said, missing) {
			t.Errorf("a folder to write to is missing: %v, %q, want a line that names it", err, said)
		}
	})
}

func TestWhatTheShimCannotDoItSays(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		text := filepath.Join(folder(t), "program")
		must(t, os.WriteFile(text, []byte("no program"), 0o755))
		missing := filepath.Join(filepath.Dir(text), "missing")
		closed := filepath.Join(filepath.Dir(text), "closed")
		must(t, os.WriteFile(closed, []byte("no program"), 0o600))
		for words, spoil := range map[string]func(*Spec){
			"open the program " + missing + ": no such file": func(s *Spec) { s.Path = missing },
			"exec format error":                  func(s *Spec) { s.Path = text },
			"enter its folder: no such file":     func(s *Spec) { s.Dir = missing },
			"it must be readable and executable": func(s *Spec) { s.Path = closed },
		} {
			s := spec(t, level, "facts")
			spoil(&s)
			_, said, err := run(t, s)
			if cmdErr, ok := err.(*exec.ExitError); !ok || cmdErr.ExitCode() != exitShim || !strings.HasPrefix(said, ErrorPrefix) || !strings.Contains(said, words) || strings.Count(said, "\n") != 1 {
				t.Errorf("%v, %q, want one line with … %s …", err, said, words)
			}
		}
	})
}

func TestAShimWithoutASpecSaysSo(t *testing.T) {
	cmd := exec.Command(os.Args[0], shimArg)
	cmd.Env = []string{specKey + "={}"}
	said, err := cmd.CombinedOutput()
	if err == nil || !strings.HasPrefix(string(said), ErrorPrefix) {
		t.Errorf("%v, %q", err, said)
	}
}

// start starts a process that says "ready", and kills it at the end of the test.
func start(t *testing.T, s Spec) (*exec.Cmd, string) {
	t.Helper()
	mark := fmt.Sprintf("TEST_MARK=%s/%d", filepath.Base(s.Dir), time.Now().UnixNano())
	s.Env = append(s.Env, mark)
	confined, err := Command(s)
	must(t, err)
	confined.Stderr = os.Stderr
	awaitReady(t, confined)
	return confined, mark
}

func awaitReady(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	must(t, err)
	runtime.LockOSThread() // for ever: the thread must not end before the process
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("it says %q, %v", line, err)
	}
}

// marked are the processes that have a mark in their environment.
func marked(t *testing.T, mark string) []string {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	must(t, err)
	var found []string
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+mark+"\x00")) {
			found = append(found, path)
		}
	}
	return found
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestWithAProcessEndAllItsChildren(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		cmd, mark := start(t, spec(t, level, "children"))
		eventually(t, "it has two children", func() bool { return len(marked(t, mark)) == 3 })
		if level == Full {
			must(t, cmd.Process.Kill())
		} else {
			must(t, unix.Kill(-cmd.Process.Pid, unix.SIGKILL)) // which its children cannot leave
		}
		eventually(t, "nothing is left", func() bool { return len(marked(t, mark)) == 0 })
	})
}

func TestAProcessEndsWithItsHost(t *testing.T) {
	eachLevel(t, func(t *testing.T, level Level) {
		s := spec(t, level, "children")
		mark := "TEST_MARK=host/" + filepath.Base(s.Dir)
		s.Env = append(s.Env, mark)
		variable, err := s.encode()
		must(t, err)
		host := exec.Command("/proc/self/exe")
		host.Env = []string{deedKey + "=host", "SPEC=" + strings.TrimPrefix(variable, specKey+"=")}
		host.Stderr = os.Stderr
		awaitReady(t, host)
		t.Cleanup(func() { killAll(marked(t, mark)) })
		eventually(t, "the process has two children", func() bool { return len(marked(t, mark)) == 3 })
		must(t, host.Process.Kill())
		left := 0
		if level < Full { // the children; the process itself ends
			left = 2
		}
		eventually(t, "the process has ended", func() bool { return len(marked(t, mark)) == left })
	})
}

func killAll(environs []string) {
	for _, path := range environs {
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/environ", &pid); err == nil {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

func TestAReportSaysWhyThereIsNoMore(t *testing.T) {
	r := reached()
	t.Logf("level %s; %s", r.Level, r.Why())
	if len(r.Missing) != int(Full-r.Level) || len(r.Unenforced) == 0 {
		t.Errorf("%+v, want a reason for each level that is missing, and what is not enforced", r)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	cancel()
	if r := Probe(ctx); r.Level != None || len(r.Missing) != 3 {
		t.Errorf("without time: %+v, want none and three reasons", r)
	}
}

// BenchmarkStart is what confinement adds to the start of a program that does nothing.
func BenchmarkStart(b *testing.B) {
	for level := None; level <= reached().Level; level++ {
		b.Run(level.String(), func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			s := Spec{Level: level, Path: "/bin/true", Args: []string{"true"}, Dir: "/usr", UID: os.Geteuid(), GID: os.Getegid()}
			if s.UID == 0 && level > None {
				s.UID, s.GID = FirstUser, FirstUser
			}
			var worked time.Duration
			for b.Loop() {
				cmd, err := Command(s)
				must(b, err)
				var said bytes.Buffer
				cmd.Stderr = &said
				if err := cmd.Run(); err != nil {
					b.Fatal(err, said.String())
				}
				worked += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			}
			b.ReportMetric(float64(worked.Microseconds())/1000/float64(b.N), "cpu-ms")
		})
	}
}
