package sandbox

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Bits of PR_SET_SECUREBITS, from linux/securebits.h: user 0 is nobody special, and
// none of that can be undone.
const (
	secureNoRoot         = 1<<0 | 1<<1
	secureKeepCapsLocked = 1 << 5
	secureNoAmbient      = 1<<6 | 1<<7
)

// giveUpRights drops all capabilities for good and, under a host that is root,
// becomes the user of s. It works on this thread alone.
func (s Spec) giveUpRights() error {
	if err := emptyBoundingSet(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("ambient capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, secureNoRoot|secureKeepCapsLocked|secureNoAmbient, 0, 0, 0); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("secure bits: %w", err)
	}
	if os.Geteuid() == 0 {
		if err := becomeUser(s.UID, s.GID); err != nil {
			return err
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}

// emptyBoundingSet needs a capability that ordinary users lack below full; they have
// none to lose, and cannot gain any.
func emptyBoundingSet() error {
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		switch {
		case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM): // past the last one; not allowed
			return nil
		case err != nil:
			return fmt.Errorf("bounding set: %w", err)
		}
	}
}

// becomeUser changes user and group of this thread, and leaves all other groups.
func becomeUser(uid, gid int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		return fmt.Errorf("leave all groups: %w", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)); errno != 0 {
		return fmt.Errorf("become group %d: %w", gid, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
		return fmt.Errorf("become user %d: %w", uid, errno)
	}
	return nil
}
