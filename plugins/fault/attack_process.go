package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// onProcess makes an attack on the process whose number is the first word.
func onProcess(c deedCall, got string, do func(pid int) error) (string, error) {
	pid, err := number(c.arg)
	if err != nil {
		return "", err
	}
	return got, do(pid)
}

// ptrace takes hold of a process without stopping it, and lets go when the thread ends.
func ptrace(_ context.Context, c deedCall) (string, error) {
	return onProcess(c, "its registers and memory", func(pid int) error {
		failed := make(chan error, 1)
		go func() {
			runtime.LockOSThread() // for ever: the thread ends with the goroutine
			failed <- unix.PtraceSeize(pid)
		}()
		return <-failed
	})
}

func vmRead(_ context.Context, c deedCall) (string, error) {
	return onProcess(c, "its memory", func(pid int) error {
		buffer := make([]byte, 16)
		local := []unix.Iovec{{Base: &buffer[0], Len: 16}}
		_, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: 0x400000, Len: 16}}, 0)
		if errors.Is(err, unix.EFAULT) {
			return nil // it might look, there is nothing at this place
		}
		return err
	})
}

func getFD(_ context.Context, c deedCall) (string, error) {
	return onProcess(c, "a descriptor of it", func(pid int) error {
		of, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return err
		}
		defer unix.Close(of)
		fd, err := unix.PidfdGetfd(of, 0, 0)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	})
}

// signal sends a process the signal of the second word.
func signal(_ context.Context, c deedCall) (string, error) {
	return onProcess(c, "a signal through", func(pid int) error {
		n, err := number(word(c.arg, 1))
		if err != nil {
			return err
		}
		return unix.Kill(pid, unix.Signal(n))
	})
}

// prlimit sets the limit of a process's core files to what it is.
func prlimit(_ context.Context, c deedCall) (string, error) {
	return onProcess(c, "its limits", func(pid int) error {
		var now unix.Rlimit
		if err := unix.Prlimit(pid, unix.RLIMIT_CORE, nil, &now); err != nil {
			return err
		}
		return unix.Prlimit(pid, unix.RLIMIT_CORE, &now, nil)
	})
}

// nice makes a process give way to all others, as far as it does already.
func nice(_ context.Context, c deedCall) (string, error) {
	return onProcess(c, "its priority", func(pid int) error {
		now, err := unix.Getpriority(unix.PRIO_PROCESS, pid)
		if err != nil {
			return err
		}
		return unix.Setpriority(unix.PRIO_PROCESS, pid, 20-now) // the kernel counts from 20 down
	})
}

// affinity ties a process to the processors that it runs on.
func affinity(_ context.Context, c deedCall) (string, error) {
	return onProcess(c, "its processors", func(pid int) error {
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(pid, &set); err != nil {
			return err
		}
		return unix.SchedSetaffinity(pid, &set)
	})
}

// run runs a program with its arguments.
func run(_ context.Context, c deedCall) (string, error) {
	words := strings.Fields(c.arg)
	said, err := exec.Command(words[0], words[1:]...).Output()
	return strings.TrimSpace(string(said)), err
}

// drop writes a program into the output folder and runs it.
func drop(ctx context.Context, _ deedCall) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := sdk.Out(ctx, "dropped")
	defer os.Remove(path)
	if err := copyProgram(self, path); err != nil {
		return "", err
	}
	return "a process", exec.Command(path, quitArg).Run()
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// becomeRoot becomes user 0 by the call for that.
func becomeRoot(context.Context, deedCall) (string, error) {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 0, 0, 0); errno != 0 {
			failed <- errno
			return
		}
		failed <- nil
	}()
	return "user 0", <-failed
}

// capabilities looks for any right of root that the process has or could come by.
func capabilities(context.Context, deedCall) (string, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return "", err
	}
	if data != [2]unix.CapUserData{} {
		return fmt.Sprintf("capabilities %x", data[0].Permitted), nil
	}
	if set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && set == 0 {
		return "setuid programs", nil
	}
	return "", errors.New("none")
}

// environment looks for words of the host's environment.
func environment(_ context.Context, c deedCall) (string, error) {
	if all := strings.Join(os.Environ(), "\n"); strings.Contains(all, c.arg) {
		return c.arg, nil
	}
	return "", errors.New("not there")
}

// descriptors looks for a file that was left open and holds the words of arg.
func descriptors(_ context.Context, c deedCall) (string, error) {
	for fd := 3; fd < 1024; fd++ {
		b := make([]byte, 256)
		n, err := unix.Pread(fd, b, 0)
		if err == nil && strings.Contains(string(b[:n]), c.arg) {
			return fmt.Sprintf("descriptor %d", fd), nil
		}
	}
	return "", errors.New("none")
}

// daemon leaves a process that has let go of its parent, session and pipes.
func daemon(context.Context, deedCall) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	middle := exec.Command(self, daemonArg)
	middle.Env = []string{} // a stranger to whoever looks for it
	if said, err := middle.CombinedOutput(); err != nil {
		if strings.Contains(string(said), unix.EPERM.Error()) {
			return "", unix.EPERM
		}
		return "", fmt.Errorf("%w: %s", err, said)
	}
	return "a daemon", nil
}

// beDaemon is the process in the middle: it starts the one that stays.
func beDaemon() {
	self, err := os.Executable()
	if err == nil {
		child := exec.Command(self, sleepArg)
		child.Env = []string{}
		child.SysProcAttr = &unix.SysProcAttr{Setsid: true}
		err = child.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Arguments that make a process of this program something else than a plug-in.
const (
	daemonArg = "daemon"
	quitArg   = "quit"
)

// pushInput types on the terminal that the process hangs on, or on a new one.
func pushInput(context.Context, deedCall) (string, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		fd = 0
	} else {
		defer unix.Close(fd)
	}
	key := byte('x')
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSTI, uintptr(unsafe.Pointer(&key))); errno != 0 {
		return "", errno
	}
	return "a key typed", nil
}
