//go:build unix

package sdk

import (
	"os"
	"syscall"
)

// endGroup kills the process group if it is the plug-in's own, and so the
// programs that the plug-in has started.
func endGroup() {
	if syscall.Getpgrp() == os.Getpid() {
		_ = syscall.Kill(0, syscall.SIGKILL)
	}
}
