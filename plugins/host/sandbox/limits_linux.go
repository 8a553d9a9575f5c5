package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// GiveWay makes processes as nice as that. Those that are nicer already, because whoever
// started the server wanted it so, stay as they are.
func GiveWay(which, who, nice int) error {
	have, err := unix.Getpriority(which, who)
	if err != nil {
		return err
	}
	if 20-have >= nice { // the system call gives 20 less the niceness
		return nil
	}
	return unix.Setpriority(which, who, nice)
}

// limit sets the ceilings that the shim itself can live under.
func (s Spec) limit() error {
	if err := GiveWay(unix.PRIO_PROCESS, 0, s.Nice); err != nil {
		return fmt.Errorf("nice %d: %w", s.Nice, err)
	}
	return lowerAll(map[int]uint64{
		unix.RLIMIT_NOFILE: orNone(s.Limits.OpenFiles, 1),
		unix.RLIMIT_FSIZE:  orNone(s.Limits.FileBytes, 1),
		unix.RLIMIT_CPU:    orNone(s.Limits.CPUSeconds, 1),
		unix.RLIMIT_CORE:   0,
	})
}

// addressSpace is what a process may map beyond its memory: runtimes reserve space
// that they never use.
const addressSpace = 4 << 30

// limitLast sets the ceilings that may be below what the shim has; nothing but the
// program's start may follow. The kernel counts processes by user and user namespace:
// those that this user had before do not count, where others is their number.
func (s Spec) limitLast(others uint64) error {
	limits := map[int]uint64{unix.RLIMIT_NPROC: orNone(s.Limits.Processes, 1)}
	if s.Limits.Processes > 0 {
		limits[unix.RLIMIT_NPROC] += others
	}
	if s.Limits.MemoryMB > 0 {
		limits[unix.RLIMIT_DATA] = orNone(s.Limits.MemoryMB, 1<<20)
		limits[unix.RLIMIT_AS] = limits[unix.RLIMIT_DATA] + addressSpace
	}
	return lowerAll(limits)
}

// others is how many threads of its user are counted together with the process. Under
// root it has a user of its own.
func (s Spec) others() uint64 {
	uid := os.Geteuid()
	if s.Level >= Full || uid == 0 {
		return 0
	}
	processes, _ := filepath.Glob("/proc/[0-9]*/task")
	var n uint64
	for _, tasks := range processes {
		var st unix.Stat_t
		if unix.Stat(tasks, &st) == nil && int(st.Uid) == uid && st.Nlink > 2 {
			n += uint64(st.Nlink) - 2 // a folder for each
		}
	}
	return n
}

func orNone[N int | int64](n N, unit uint64) uint64 {
	if n <= 0 {
		return unix.RLIM_INFINITY
	}
	return uint64(n) * unit
}

// lowerAll sets limits, each at most at its present ceiling.
func lowerAll(limits map[int]uint64) error {
	for resource, limit := range limits {
		var now unix.Rlimit
		if err := unix.Getrlimit(resource, &now); err != nil {
			return fmt.Errorf("limit %d: %w", resource, err)
		}
		limit = min(limit, now.Max)
		// syscall's keeps in mind that the limit of open files is ours now.
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("limit %s to %s: %w", strconv.Itoa(resource), strconv.FormatUint(limit, 10), err)
		}
	}
	return nil
}
