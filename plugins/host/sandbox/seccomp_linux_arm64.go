package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch    = unix.AUDIT_ARCH_AARCH64
	foreignCalls = 0 // there are none
	mmapCall     = unix.SYS_MMAP
)

// changesHere: this processor never had older calls.
func changesHere() []uint32 { return nil }

// deniedHere are calls that only this processor has.
func deniedHere() []uint32 { return nil }
