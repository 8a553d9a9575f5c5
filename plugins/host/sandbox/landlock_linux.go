package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock is asked for by its system calls, for this thread alone: the other
// threads of the shim end when it becomes the program.

// Rights on files, from linux/landlock.h.
const (
	rightsOfFiles = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	rightsToRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	rightsToWrite = rightsToRead | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_REFER |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
	rightsToRun = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE
)

// landlockABI is the kernel's generation of Landlock; 0: none.
func landlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// handled is all that a generation of Landlock can hold back.
func handled(abi int) unix.LandlockRulesetAttr {
	var h unix.LandlockRulesetAttr
	for _, since := range []struct {
		abi             int
		fs, net, scoped uint64
	}{
		{1, unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1, 0, 0},
		{2, unix.LANDLOCK_ACCESS_FS_REFER, 0, 0},
		{3, unix.LANDLOCK_ACCESS_FS_TRUNCATE, 0, 0},
		{4, 0, unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, 0},
		{5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV, 0, 0},
		{6, 0, 0, unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL},
		{9, unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX, 0, 0},
		{10, 0, unix.LANDLOCK_ACCESS_NET_BIND_UDP | unix.LANDLOCK_ACCESS_NET_CONNECT_SEND_UDP, 0},
	} {
		if abi >= since.abi {
			h.Handled_access_fs |= since.fs
			h.Handled_access_net |= since.net
			h.Scoped |= since.scoped
		}
	}
	return h
}

// landlock allows this thread the files of s and nothing else. On full it stands
// behind the file system of its own as a second wall.
func (s Spec) landlock(programs []string) error {
	abi := landlockABI()
	if abi == 0 {
		if s.Level >= Full {
			return nil
		}
		return errors.New("this kernel has none, or it is switched off")
	}
	rules := handled(abi)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&rules)), unsafe.Sizeof(rules), 0)
	if errno != 0 {
		return fmt.Errorf("make a rule set: %w", errno)
	}
	defer unix.Close(int(fd))
	if err := s.allow(int(fd), rules.Handled_access_fs, programs); err != nil {
		return err
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// allow adds the rules of s to a rule set.
func (s Spec) allow(set int, handled uint64, programs []string) error {
	var errs []error
	add := func(rights uint64, optional bool, paths ...string) {
		for _, path := range paths {
			err := allowPath(set, path, rights&handled)
			if err == nil || optional && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			errs = append(errs, fmt.Errorf("allow %s: %w", path, err))
		}
	}
	add(rightsToRead, true, systemFiles()...)
	add(rightsToWrite, true, devices()...)
	add(rightsToRead, false, s.readable()...)
	add(rightsToWrite, false, s.Write...)
	add(rightsToWrite, true, s.Grants...)
	add(rightsToRun, true, programs...)
	if s.SharedMem {
		add(rightsToWrite, true, "/dev/shm")
	}
	if s.Level >= Full { // these are its own there
		add(rightsToRead, false, "/proc")
		add(rightsToWrite, false, "/tmp")
	}
	return errors.Join(errs...)
}

func allowPath(set int, path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= rightsOfFiles
	}
	if rights == 0 {
		return nil
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(set), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
