package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Spare users, of which root's plug-ins are one each: those that Linux
// distributions leave to nobody (systemd.io/UIDS-GIDS, 60706 to 61183).
const (
	FirstUser = 61000
	Users     = 180
)

// testKey makes the confined program the self-test; it holds the path of a file
// that must be out of reach.
const testKey = "TWINLEAF_CONFINED_TEST"

// levelKey holds the level that the self-test is to find.
const levelKey = "TWINLEAF_CONFINED_LEVEL"

// probeTime bounds the try of one level.
const probeTime = 10 * time.Second

// Probe tries the levels, best first, until one holds: it starts this very
// program confined and lets it try to get out.
func Probe(ctx context.Context) Report {
	var r Report
	for level := Full; level > None; level-- {
		err := try(ctx, level)
		if err == nil {
			r.Level = level
			break
		}
		r.Missing = append(r.Missing, Reason{level, err.Error(), hint(level)})
	}
	r.Level = max(r.Level, None)
	r.Unenforced = unenforced(r.Level)
	return r
}

// Assume is a report for a level that is given, not found out.
func Assume(level Level) Report { return Report{Level: level, Unenforced: unenforced(level)} }

func try(ctx context.Context, level Level) error {
	dir, err := os.MkdirTemp("", "twinleaf-probe-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := testSpec(level, dir)
	if err != nil {
		return err
	}
	cmd, err := Command(s)
	if err != nil {
		return err
	}
	// The kernel kills the process when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) })
	defer stop()
	if err := cmd.Wait(); err != nil {
		if line, _, _ := strings.Cut(said.String(), "\n"); line != "" {
			return errors.New(strings.TrimPrefix(line, ErrorPrefix))
		}
		return err
	}
	return nil
}

// testSpec confines the self-test: it may write to dir/out but not read dir/secret.
func testSpec(level Level, dir string) (Spec, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return Spec{}, err
	}
	out, secret := filepath.Join(dir, "out"), filepath.Join(dir, "secret")
	s := Spec{
		Level: level, Path: self, Args: []string{self, shimArg}, Env: []string{testKey + "=" + secret, levelKey + "=" + level.String()}, Dir: out, Write: []string{out},
		Limits: Limits{OpenFiles: 256}, UID: os.Geteuid(), GID: os.Getegid(),
	}
	if s.UID == 0 {
		s.UID, s.GID = FirstUser, FirstUser
	}
	// Everyone may enter, so that nothing but the sandbox stands before the secret.
	return s, errors.Join(os.Chmod(dir, 0o755), os.Mkdir(out, 0o700), os.Chown(out, s.UID, s.GID), os.WriteFile(secret, []byte("secret"), 0o644))
}

// selfTest is the confined side of Probe: exit code 0 when the walls hold.
func selfTest() int {
	for _, wall := range []struct {
		what string
		hold func() bool
	}{
		{"it can write to its folder", func() bool { return os.WriteFile("mine", []byte("x"), 0o600) == nil }},
		{"it has no capabilities", noCapabilities},
		{"it has no network", func() bool { return !filters() || noNetwork() }},
		{"it cannot read a foreign file", func() bool { return !atLeast(Landlock) || noSecret() }},
		{"it is alone", func() bool { return !atLeast(Full) || os.Getpid() == 1 }},
	} {
		if !wall.hold() {
			fmt.Fprintf(os.Stderr, "%snot so: %s\n", ErrorPrefix, wall.what)
			return 1
		}
	}
	return 0
}

func atLeast(level Level) bool {
	mine, err := ParseLevel(os.Getenv(levelKey))
	return err != nil || mine >= level
}

func noNetwork() bool {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		_ = unix.Close(fd)
	}
	return errors.Is(err, unix.EAFNOSUPPORT)
}

func noSecret() bool {
	_, err := os.ReadFile(os.Getenv(testKey))
	return err != nil
}

func noCapabilities() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data == [2]unix.CapUserData{}
}

// looks reports whether this process may look into those of other users.
func looks() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_PTRACE) != 0
}

// hint is what an operator may do so that a level works.
func hint(level Level) string {
	switch level {
	case Full:
		return fullHint()
	case Landlock:
		if landlockABI() == 0 {
			return "use Linux 5.13 or later with landlock among the kernel's security modules (lsm=)"
		}
	}
	return ""
}

func fullHint() string {
	if os.Geteuid() == 0 {
		return "let the server's container make namespaces and mounts (CAP_SYS_ADMIN), or run it as an ordinary user where those may"
	}
	for _, knob := range []struct{ name, bad, hint string }{
		{"kernel/unprivileged_userns_clone", "0", "set the sysctl kernel.unprivileged_userns_clone=1"},
		{"kernel/apparmor_restrict_unprivileged_userns", "1", "give the program an AppArmor profile that allows user namespaces"},
		{"user/max_user_namespaces", "0", "set the sysctl user.max_user_namespaces to 1000 or more"},
	} {
		if value, err := os.ReadFile("/proc/sys/" + knob.name); err == nil && strings.TrimSpace(string(value)) == knob.bad {
			return knob.hint
		}
	}
	return "let the server's user make user namespaces"
}

// unenforced says what a level leaves open on this machine.
func unenforced(level Level) []string {
	open := []string{
		"memory of all processes of a plug-in together: it is watched, and the plug-in ended when it has too much",
		"disk space of all files of a plug-in together: likewise; the size of each file is limited",
	}
	if !filters() && level > None {
		open = append(open, "system calls, and with them the network: no filter was written for "+runtime.GOARCH)
	}
	if abi := landlockABI(); level == Landlock && abi < 9 {
		open = append(open, "unix sockets of other programs, by path (Landlock "+strconv.Itoa(abi)+")")
		if abi < 6 {
			open = append(open, "signals to other processes of the user (Landlock "+strconv.Itoa(abi)+")")
		}
	}
	if level == Landlock && os.Geteuid() != 0 && !filters() {
		open = append(open, "modes of copied inputs and other files that it may read and its user owns")
	}
	if os.Geteuid() == 0 && level > None && !looks() {
		open = append(open, "disk space of files that a plug-in goes on writing to after it took their name away: they are not seen without CAP_SYS_PTRACE")
	}
	if level <= RLimit {
		open = append(open, "files: a plug-in may do with them what its user may")
	}
	if level <= None {
		open = append(open, "network, programs, memory and processor time")
	}
	return open
}
