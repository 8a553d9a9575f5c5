package sandbox

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data, from linux/seccomp.h; arguments are 64 bits wide,
// and the lower halves are looked at.
const (
	dataNumber = 0
	dataArch   = 4
	dataArgs   = 16
)

func argument(n uint32) uint32 { return dataArgs + 8*n }

// Verdicts of a filter.
const (
	allowCall   = unix.SECCOMP_RET_ALLOW
	killProcess = unix.SECCOMP_RET_KILL_PROCESS
)

func refuse(errno unix.Errno) bpf.Instruction {
	return bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(errno)}
}

// filters reports whether there is a filter for this processor.
func filters() bool { return auditArch != 0 }

// filter limits the system calls of this thread and of all that comes after it.
// It is what keeps a process from the network: it may open unix sockets only.
func (s Spec) filter() error {
	if !filters() {
		return nil
	}
	raw, err := bpf.Assemble(s.filterProgram())
	if err != nil {
		return fmt.Errorf("assemble the filter: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		code[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	program := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(code)
	if errno != 0 {
		return errno
	}
	return nil
}

func (s Spec) filterProgram() []bpf.Instruction {
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1},
		bpf.RetConstant{Val: killProcess},
		bpf.LoadAbsolute{Off: dataNumber, Size: 4},
	}
	if foreignCalls != 0 {
		program = append(program,
			bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: foreignCalls, SkipFalse: 1},
			bpf.RetConstant{Val: killProcess})
	}
	denied := slices.Concat(deniedCalls(), deniedHere())
	if !s.SharedMem {
		denied = append(denied, unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_SHMGET, unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN)
	}
	if s.Level < Full {
		denied = append(denied, amongOthers()...)
	}
	for _, number := range denied {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: 1}, refuse(unix.EPERM))
	}
	if s.Level == Landlock {
		for _, number := range append(changesByPath(), changesHere()...) {
			program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: 1}, refuse(0))
		}
	}
	// Its arguments lie in memory, where no filter can look; C libraries then use clone.
	program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_CLONE3, SkipFalse: 1}, refuse(unix.ENOSYS))
	program = append(program, onArgument(unix.SYS_CLONE, 0, bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: newNamespaces, SkipFalse: 1}, unix.EPERM)...)
	for _, number := range []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR} {
		program = append(program, onArgument(number, 0, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AF_UNIX, SkipFalse: 1}, unix.EAFNOSUPPORT)...)
	}
	for _, request := range []uint32{unix.TIOCSTI, unix.TIOCLINUX, unix.TIOCSETD, unix.TIOCCONS} {
		program = append(program, onArgument(unix.SYS_IOCTL, 1, bpf.JumpIf{Cond: bpf.JumpEqual, Val: request, SkipFalse: 1}, unix.EPERM)...)
	}
	if s.Level < Full {
		program = append(program, onlyItself()...)
	}
	if !s.SharedMem {
		program = append(program, noSharedMaps()...)
	}
	return append(program, bpf.RetConstant{Val: allowCall})
}

const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// onArgument refuses a call when test, which skips one instruction where it does not
// hold, holds for an argument. The number of the call is in the accumulator before
// and after.
func onArgument(number, arg uint32, test bpf.JumpIf, errno unix.Errno) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: 4},
		bpf.LoadAbsolute{Off: argument(arg), Size: 4},
		test,
		refuse(errno),
		bpf.LoadAbsolute{Off: dataNumber, Size: 4},
	}
}

// changesByPath are calls that change a file's mode, owner or times by its name, for
// which Landlock has no rule: an ordinary user's plug-in could make them on the server's
// own files. They do nothing and say that all is well, for programs like to do so with
// what they have just written, and nobody looks at it there.
func changesByPath() []uint32 {
	return []uint32{
		unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
		unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR,
	}
}

// amongOthers are calls of a process that sees all others of its user: by a session or
// group of its own it would escape the signal that ends it with its children, and
// Landlock lets it slow others down.
func amongOthers() []uint32 {
	return []uint32{unix.SYS_SETSID, unix.SYS_SETPGID, unix.SYS_IOPRIO_SET}
}

// onlyItself refuses calls that change the limits, priority and processors of another
// process, for which Landlock has no rule.
func onlyItself() []bpf.Instruction {
	var program []bpf.Instruction
	other := bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipFalse: 1}
	for _, number := range []uint32{unix.SYS_PRLIMIT64, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETATTR} {
		program = append(program, onArgument(number, 0, other, unix.EPERM)...)
	}
	program = append(program, onArgument(unix.SYS_SETPRIORITY, 0, other, unix.EPERM)...)
	return append(program, onArgument(unix.SYS_SETPRIORITY, 1, other, unix.EPERM)...)
}

// noSharedMaps refuses memory that is shared and has no file: no limit counts it.
func noSharedMaps() []bpf.Instruction {
	const sharedAnonymous = unix.MAP_SHARED | unix.MAP_ANONYMOUS
	return []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: mmapCall, SkipFalse: 5},
		bpf.LoadAbsolute{Off: argument(3), Size: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: sharedAnonymous},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: sharedAnonymous, SkipFalse: 1},
		refuse(unix.EPERM),
		bpf.LoadAbsolute{Off: dataNumber, Size: 4},
	}
}

// deniedCalls are of no use to a program that turns files into files, and of much to
// one that wants out.
func deniedCalls() []uint32 {
	return []uint32{
		// mounts and roots
		unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE,
		unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_SWAPON, unix.SYS_SWAPOFF,
		unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_FANOTIFY_INIT,
		// namespaces
		unix.SYS_UNSHARE, unix.SYS_SETNS,
		// other processes
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP,
		unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES,
		// the kernel itself
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
		unix.SYS_KEXEC_LOAD, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_REBOOT, unix.SYS_SYSLOG, unix.SYS_ACCT, unix.SYS_VHANGUP, unix.SYS_PERSONALITY,
		unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
		// the machine's clock and name
		unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
	}
}
