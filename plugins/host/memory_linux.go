package host

import (
	"os"
	"strconv"
	"strings"
	"sync"
)

// residentKB is the resident memory of a process and its descendants.
func residentKB(pid int) int64 { return residentBelow(pid, 0) }

func residentBelow(pid, depth int) int64 {
	total := ownResidentKB(pid)
	if total == 0 || depth > 8 {
		return 0
	}
	for _, child := range childrenOf(pid) {
		total += residentBelow(child, depth+1)
	}
	return total
}

// ownResidentKB is the resident memory of a process without its descendants; 0: it is gone.
func ownResidentKB(pid int) int64 {
	var g gauge
	defer g.close()
	return g.residentKB(pid)
}

// gauge tells the resident memory of one process again and again, from a file that stays
// open: to open it is most of the work. It may be asked and closed by two goroutines.
type gauge struct {
	mu     sync.Mutex // guards what follows
	statm  *os.File   // nil before the first question
	closed bool
}

func (g *gauge) residentKB(pid int) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return 0
	}
	if g.statm == nil {
		f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/statm")
		if err != nil {
			return 0
		}
		g.statm = f
	}
	var line [256]byte
	n, _ := g.statm.ReadAt(line[:], 0)               // nothing when the process has ended
	_, rest, _ := strings.Cut(string(line[:n]), " ") // proc_pid_statm(5): the second of the fields, in pages
	resident, _, _ := strings.Cut(rest, " ")
	pages, err := strconv.ParseInt(resident, 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize()) / 1024
}

func (g *gauge) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.statm != nil {
		_ = g.statm.Close() // read only
	}
	g.closed = true
}

// childrenOf lists the children of all threads of a process. It costs many times what
// its memory does: the kernel makes up the folder of the threads anew each time.
func childrenOf(pid int) []int {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task"
	threads, err := os.Open(tasks)
	if err != nil {
		return nil
	}
	defer threads.Close()
	names, _ := threads.Readdirnames(-1)
	var all []int
	for _, name := range names {
		raw, err := os.ReadFile(tasks + "/" + name + "/children")
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(raw)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// saidOutOfMemory reports whether the last words of a process tell that it could get
// no more memory: it met its ceiling before the watchdog saw it.
func saidOutOfMemory(said []string) bool {
	for _, line := range said {
		for _, words := range []string{"out of memory", "std::bad_alloc", "Cannot allocate memory", "MemoryError"} {
			if strings.Contains(line, words) {
				return true
			}
		}
	}
	return false
}
