package site

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Freeze stops the server and all its plug-ins where they are, as a hypervisor does
// that takes the processor away. Thaw lets them go on.
func (s *Server) Freeze() error { return s.signalAll(syscall.SIGSTOP) }

// Thaw is the end of Freeze.
func (s *Server) Thaw() error { return s.signalAll(syscall.SIGCONT) }

// signalAll sends a signal to the process and its descendants, parents first, so that
// a stopped server starts nothing more.
func (s *Server) signalAll(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return errors.New(s.Name + " does not run")
	}
	pid := s.cmd.Process.Pid
	if err := syscall.Kill(pid, signal); err != nil {
		return err
	}
	for _, child := range descendants(pid) {
		_ = syscall.Kill(child, signal) // it may have ended
	}
	return nil
}

// descendants of a process, parents first.
func descendants(root int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		if pid, parent, ok := parentage(path); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	out := children[root]
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
	if end < 0 {
		return 0, 0, false
	}
	fields := strings.Fields(string(stat[end+1:]))
	if len(fields) < 2 {
		return 0, 0, false
	}
	pid, err1 := strconv.Atoi(string(first))
	parent, err2 := strconv.Atoi(fields[1])
	return pid, parent, err1 == nil && err2 == nil
}
