package sandbox

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is a start as s says. It leaves standard input, output and error to the
// caller, which must start it from a thread that lives as long as the process
// should: the kernel kills the process when that thread ends. At level none
// the limits and niceness of s are not applied.
func Command(s Spec) (*exec.Cmd, error) {
	variable, err := s.encode()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{s.Args[0], shimArg}
	cmd.Env = []string{variable}
	// A session of its own, so that one signal reaches the whole tree.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	switch s.Level {
	case None:
		cmd.Path, cmd.Args, cmd.Env, cmd.Dir = s.Path, s.Args, s.Env, s.Dir
	case Full:
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
		if os.Geteuid() != 0 {
			ownNamespace(cmd.SysProcAttr)
		}
	}
	return cmd, nil
}

// ownNamespace lets an ordinary user's shim mount: it has the capabilities for that
// in a user namespace in which there is no user but its own. Root needs no such
// namespace, and could not reach the host's folders from inside one.
func ownNamespace(attr *syscall.SysProcAttr) {
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
}
