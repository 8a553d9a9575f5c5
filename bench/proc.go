package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tree lists a process and all that descend from it, parents first.
func tree(root int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if pid, parent, ok := parentage(path); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	out := []int{root}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out
}

// parentage reads "pid (name) state parent …"; the name may hold anything.
func parentage(path string) (pid, parent int, ok bool) {
	stat, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false // it has ended
	}
	end := bytes.LastIndexByte(stat, ')')
	first, _, _ := bytes.Cut(stat, []byte{' '})
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 2 {
		return 0, 0, false
	}
	pid, err1 := strconv.Atoi(string(first))
	parent, err2 := strconv.Atoi(fields[1])
	return pid, parent, err1 == nil && err2 == nil
}

// memory is the sum of the processes' memory in bytes; what several share is
// divided among them.
func memory(pids []int) int64 {
	sum := int64(0)
	for _, pid := range pids {
		if n, ok := field(fmt.Sprintf("/proc/%d/smaps_rollup", pid), "Pss:"); ok {
			sum += n
		} else if n, ok := field(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:"); ok {
			sum += n
		}
	}
	return sum
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
