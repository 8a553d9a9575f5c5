package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// apart does on a thread of its own, which ends afterwards, what would change the
// process.
func apart(got string, do func() error) (string, error) {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		failed <- do()
	}()
	return got, <-failed
}

// unshare makes namespaces: of users, in which it would be root, or of files.
func unshare(_ context.Context, c deedCall) (string, error) {
	kinds := map[string]int{"files": unix.CLONE_NEWNS, "names": unix.CLONE_NEWUTS}
	if kind, known := kinds[c.arg]; known {
		return apart("a namespace", func() error { return unix.Unshare(kind) })
	}
	// A process with many threads may not unshare users; one that is cloned may.
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.CLONE_NEWUSER|unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno != 0 {
		return "", errno
	}
	if pid == 0 {
		for {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return "a namespace", err
}

// mount hides a folder of its own behind an empty file system.
func mount(ctx context.Context, _ deedCall) (string, error) {
	dir := sdk.Out(ctx, "")
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		return "", err
	}
	return "a mount", unix.Unmount(dir, unix.MNT_DETACH)
}

// chroot makes / of / on a thread whose folders are its own.
func chroot(context.Context, deedCall) (string, error) {
	return apart("another root", func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil && err != unix.EPERM {
			return err
		}
		return unix.Chroot("/")
	})
}

func setNS(_ context.Context, c deedCall) (string, error) {
	return onProcess(c, "its namespace", func(pid int) error {
		of, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return err
		}
		defer unix.Close(of)
		_, err = apart("", func() error { return unix.Setns(of, unix.CLONE_NEWUTS) })
		return err
	})
}

func keyctl(context.Context, deedCall) (string, error) {
	id, err := unix.AddKey("user", "twinleaf-attack", []byte("evil"), unix.KEY_SPEC_PROCESS_KEYRING)
	return fmt.Sprintf("key %d", id), err
}

// loadBPF makes a map for a program in the kernel.
func loadBPF(context.Context, deedCall) (string, error) {
	attr := struct{ kind, key, value, entries, flags, rest [1]uint32 }{
		kind: [1]uint32{unix.BPF_MAP_TYPE_ARRAY}, key: [1]uint32{4}, value: [1]uint32{4}, entries: [1]uint32{1},
	}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_MAP_CREATE, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return "", errno
	}
	return "a map", unix.Close(int(fd))
}

func perf(context.Context, deedCall) (string, error) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK, Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv}
	attr.Size = uint32(unsafe.Sizeof(attr))
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return "", err
	}
	return "a counter", unix.Close(fd)
}

func userFault(context.Context, deedCall) (string, error) {
	const userModeOnly = 1
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|userModeOnly, 0, 0)
	if errno != 0 {
		return "", errno
	}
	return "page faults", unix.Close(int(fd))
}

// privilegedCalls makes calls that only root may make, with arguments that no kernel
// takes, and tells which got as far as having them looked at.
func privilegedCalls(context.Context, deedCall) (string, error) {
	if os.Geteuid() == 0 {
		return "", sdk.Refuse("unknown-attack", "", "not as root: these are not for trying")
	}
	const bad = ^uintptr(0)
	var reached []string
	for name, number := range map[string]uintptr{
		"umount2": unix.SYS_UMOUNT2, "pivot_root": unix.SYS_PIVOT_ROOT, "move_mount": unix.SYS_MOVE_MOUNT, "open_tree": unix.SYS_OPEN_TREE,
		"fsopen": unix.SYS_FSOPEN, "mount_setattr": unix.SYS_MOUNT_SETATTR, "swapon": unix.SYS_SWAPON, "open_by_handle_at": unix.SYS_OPEN_BY_HANDLE_AT,
		"fanotify_init": unix.SYS_FANOTIFY_INIT, "process_vm_writev": unix.SYS_PROCESS_VM_WRITEV, "kcmp": unix.SYS_KCMP, "init_module": unix.SYS_INIT_MODULE,
		"finit_module": unix.SYS_FINIT_MODULE, "delete_module": unix.SYS_DELETE_MODULE, "kexec_load": unix.SYS_KEXEC_LOAD, "reboot": unix.SYS_REBOOT,
		"syslog": unix.SYS_SYSLOG, "acct": unix.SYS_ACCT, "settimeofday": unix.SYS_SETTIMEOFDAY, "clock_settime": unix.SYS_CLOCK_SETTIME,
		"sethostname": unix.SYS_SETHOSTNAME, "quotactl": unix.SYS_QUOTACTL, "request_key": unix.SYS_REQUEST_KEY, "move_pages": unix.SYS_MOVE_PAGES,
	} {
		_, _, errno := unix.Syscall6(number, bad, bad, bad, bad, bad, bad)
		if errno != unix.EPERM && errno != unix.ENOSYS {
			reached = append(reached, name+" "+unix.ErrnoName(errno))
		}
	}
	if len(reached) > 0 {
		return strings.Join(reached, ", "), nil
	}
	return "", unix.EPERM
}
