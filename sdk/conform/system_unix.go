//go:build unix

package conform

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the command a session of its own, so that one signal reaches its children.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// killGroup ends what is left of a process's group.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// names is how many names a file has.
func names(info os.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Nlink)
	}
	return 1
}
