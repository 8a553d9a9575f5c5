// Package procs reads from /proc what a program and all that it started cost: memory and
// processor time. Measurements call it; where a process has ended meanwhile, it counts
// for nothing.
package procs

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is the unit of processor times in /proc, the same on all Linux systems
// that Go runs on.
const ticksPerSecond = 100

// Process is one process as it was when it was looked at.
type Process struct {
	PID, Parent int
	Name        string // of its program, 15 bytes at most

	// Processor time of the process and of those of its children that have ended and that
	// it has waited for, in steps of 10 ms.
	CPU time.Duration
}

// Tree lists a process and all that descend from it, parents first.
func Tree(root int) []Process {
	children := map[int][]Process{}
	var out []Process
	for _, name := range numbers() {
		raw, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue // it has ended
		}
		p, ok := parse(raw)
		switch {
		case !ok:
		case p.PID == root:
			out = append(out, p)
		default:
			children[p.Parent] = append(children[p.Parent], p)
		}
	}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i].PID]...)
	}
	return out
}

// numbers are the names of the folders of processes. To match them by a pattern takes
// several times as long, for each is looked at.
func numbers() []string {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close() // read only
	names, _ := proc.Readdirnames(-1)
	return slices.DeleteFunc(names, func(name string) bool { return name[0] < '0' || name[0] > '9' })
}

// parse reads "pid (name) state parent …"; the name may hold anything. The fields are
// those of proc_pid_stat(5): 4 is the parent, 14 to 17 are the times.
func parse(stat []byte) (Process, bool) {
	first, rest, _ := bytes.Cut(stat, []byte(" ("))
	end := bytes.LastIndexByte(rest, ')')
	pid, err := strconv.Atoi(string(first))
	if end < 0 || err != nil {
		return Process{}, false
	}
	fields := strings.Fields(string(rest[end+1:]))
	if len(fields) < 15 {
		return Process{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return Process{}, false
	}
	p := Process{PID: pid, Parent: parent, Name: string(rest[:end])}
	for _, field := range fields[11:15] {
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return Process{}, false
		}
		p.CPU += time.Duration(ticks) * time.Second / ticksPerSecond
	}
	return p, true
}

// CPU is the processor time of processes together, of a whole [Tree] all that it ever
// used, but for children that nobody waited for.
func CPU(all []Process) time.Duration {
	var sum time.Duration
	for _, p := range all {
		sum += p.CPU
	}
	return sum
}

// Memory is what a process holds, in bytes: its share (PSS), so that what several
// processes share is divided among them. exact is false where the kernel does not show
// that to this user; then it is the resident size, in which shared memory counts in full.
//
// A process that is just being started (vfork) runs for a moment in the memory of the one
// that starts it. The kernel shows all of that for both; it counts for the parent alone.
func Memory(p Process) (bytes int64, exact bool) {
	if inMemoryOf(p.PID, p.Parent) { // asked before: a process that has memory of its own keeps it
		return 0, true
	}
	if n, ok := field(fmt.Sprintf("/proc/%d/smaps_rollup", p.PID), "Pss:"); ok {
		return n, true
	}
	n, ok := field(fmt.Sprintf("/proc/%d/status", p.PID), "VmRSS:")
	return n, !ok // what is not there any more holds exactly nothing
}

// inMemoryOf reports whether two processes run in one memory. Where the kernel does not
// tell, they do not.
func inMemoryOf(pid, other int) bool {
	const memory = 1 // KCMP_VM of kcmp(2)
	same, _, failed := unix.Syscall6(unix.SYS_KCMP, uintptr(pid), uintptr(other), memory, 0, 0, 0)
	return failed == 0 && same == 0
}

// Sum is the memory of processes together, in bytes.
func Sum(all []Process) (bytes int64, exact bool) {
	exact = true
	for _, p := range all {
		n, ok := Memory(p)
		bytes, exact = bytes+n, exact && ok
	}
	return bytes, exact
}

// field reads a number of kilobytes, and gives bytes.
func field(path, name string) (int64, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	_, rest, found := strings.Cut(string(data), "\n"+name)
	words := strings.Fields(rest)
	if !found || len(words) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(words[0], 10, 64)
	return n << 10, err == nil
}
