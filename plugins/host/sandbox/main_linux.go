package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// exitShim is the exit code of a shim that could not become the program.
const exitShim = 126

// Main returns at once unless this process is the shim of [Command], else never.
// It must be called before the program does anything else.
func Main() {
	if len(os.Args) < 2 || os.Args[1] != shimArg {
		return
	}
	if os.Getenv(testKey) != "" {
		os.Exit(selfTest())
	}
	// All that follows is of this thread alone; the others end when it becomes the program.
	runtime.LockOSThread()
	s, err := decode(os.Getenv(specKey))
	if err == nil {
		err = s.become()
	}
	fmt.Fprintln(os.Stderr, ErrorPrefix+err.Error())
	os.Exit(exitShim)
}

// become confines this process and makes it the program. It returns only on failure.
// The order matters: each step takes away what an earlier one needed.
func (s Spec) become() error {
	programs, others := s.runnable(), s.others()
	program, err := unix.Open(s.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the program %s: %w", s.Path, err)
	}
	for _, step := range []struct {
		what string
		from Level
		do   func() error
	}{
		{"give it files of its own", Full, s.ownFiles},
		{"set limits", RLimit, s.limit},
		{"forbid new rights", RLimit, noNewRights},
		{"restrict files with Landlock", Landlock, func() error { return s.landlock(programs) }},
		{"give up rights", RLimit, s.giveUpRights},
		{"tie it to the host", RLimit, tie},
		{"enter its folder", RLimit, func() error { return unix.Chdir(s.Dir) }},
		{"close files", RLimit, func() error { return unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC) }},
		{"filter system calls", RLimit, s.filter},
		{"limit memory and processes", RLimit, func() error { return s.limitLast(others) }},
	} {
		if s.Level < step.from {
			continue
		}
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return s.exec(program)
}

// exec becomes the program. Where its folder cannot be entered any more, it goes
// through the descriptor; the name of such a process is a number in lists.
func (s Spec) exec(program int) error {
	path := filepath.Clean(s.Path)
	err := syscall.Exec(path, s.Args, s.Env)
	if errors.Is(err, unix.EACCES) && unix.Faccessat(unix.AT_FDCWD, path, unix.F_OK, 0) != nil {
		err = syscall.Exec("/proc/self/fd/"+strconv.Itoa(program), s.Args, s.Env)
	}
	if errors.Is(err, unix.EACCES) {
		return fmt.Errorf("run %s as user %d: %w (it must be readable and executable for everyone)", s.Path, os.Geteuid(), err)
	}
	return fmt.Errorf("run %s: %w", s.Path, err)
}

// noNewRights keeps this process and its children from gaining rights by running a
// program, and others of this user from looking into it.
func noNewRights() error {
	return errors.Join(
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0),
	)
}

// tie has the kernel kill this process when the host's starting thread ends; a
// change of user has undone that. When the host is gone already, nobody holds the
// other end of standard input.
func tie() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	in := []unix.PollFd{{Fd: 0}}
	if n, err := unix.Poll(in, 0); err == nil && n > 0 && in[0].Revents&unix.POLLHUP != 0 {
		return errors.New("the host has gone")
	}
	return nil
}
