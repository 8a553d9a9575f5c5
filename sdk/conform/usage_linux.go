package conform

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// use reads what a process holds now; ok is false where that cannot be known.
func use(pid int) (u usage, ok bool) {
	u = usage{memoryKB: resident(pid), files: entries(pid, "fd"), threads: entries(pid, "task")}
	for _, child := range children(pid, 0) {
		u.children++
		u.memoryKB += resident(child)
	}
	return u, u.threads > 0
}

func resident(pid int) int {
	var size, pages int
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		return 0
	}
	return pages * os.Getpagesize() / 1024
}

func entries(pid int, what string) int {
	found, err := os.ReadDir(fmt.Sprintf("/proc/%d/%s", pid, what))
	if err != nil {
		return -1
	}
	return len(found)
}

// children are all descendants of a process, down to a depth of eight.
func children(pid, depth int) []int {
	if depth > 8 {
		return nil
	}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var all []int
	for _, path := range lists {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(raw)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(append(all, child), children(child, depth+1)...)
			}
		}
	}
	return all
}

// strays are the processes whose environment names a folder below base.
func strays(base string) []int {
	found, _ := filepath.Glob("/proc/[0-9]*/environ")
	var all []int
	for _, path := range found {
		env, err := os.ReadFile(path)
		if err == nil && bytes.Contains(env, []byte(slotKey+"="+base+"/")) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			all = append(all, pid)
		}
	}
	return all
}
