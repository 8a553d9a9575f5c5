package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// residentKB is the resident memory of a process and its descendants.
func residentKB(pid int) int64 {
	return residentBelow(pid, 0)
}

func residentBelow(pid, depth int) int64 {
	var size, resident int64
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil || depth > 8 {
		return 0
	}
	if _, err := fmt.Sscan(string(statm), &size, &resident); err != nil {
		return 0
	}
	total := resident * int64(os.Getpagesize()) / 1024
	for _, child := range childrenOf(pid) {
		total += residentBelow(child, depth+1)
	}
	return total
}

func childrenOf(pid int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var all []int
	for _, path := range lists {
		raw, err := os.ReadFile(path)
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
