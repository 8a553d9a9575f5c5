package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// seen is the most memory that processes were seen to hold, by program.
type seen struct {
	peak map[string]int64 // kilobytes
	last map[string]int64 // resident at the last look; the largest of each program
}

// look reads the memory of a process and its children.
func (s *seen) look(pid int) {
	s.last = map[string]int64{}
	for _, p := range append(children(pid), pid) {
		status := statusOf(p)
		name := status["Name"]
		s.peak[name] = max(s.peak[name], kilobytes(status["VmHWM"]))
		s.last[name] = max(s.last[name], kilobytes(status["VmRSS"]))
	}
}

// now is the resident memory of a program at the last look, in MB.
func (s *seen) now(name string) float64 { return float64(s.last[name]) / 1024 }

func (s *seen) report() {
	for _, name := range slices.Sorted(maps.Keys(s.peak)) {
		fmt.Printf("most memory of one process of %-10s %4d MB\n", name, s.peak[name]>>10)
	}
}

func children(pid int) []int {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var out []int
	for _, list := range lists {
		data, _ := os.ReadFile(list) // it may have ended
		for _, word := range strings.Fields(string(data)) {
			if n, err := strconv.Atoi(word); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

func statusOf(pid int) map[string]string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // it may have ended
	out := map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(line, ":")
		out[key] = strings.TrimSpace(value)
	}
	return out
}

func kilobytes(s string) int64 {
	n, _ := strconv.ParseInt(strings.TrimSuffix(s, " kB"), 10, 64)
	return n
}

// diskUse is the size of the files below dir.
func diskUse(dir string) int64 {
	var sum int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // files come and go meanwhile
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	})
	return sum
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
