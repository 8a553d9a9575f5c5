package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// slotKey names the slot of a process in its environment and its children's.
const slotKey = "TWINLEAF_SLOT"

// launch says how one process is started. All that confines a plug-in is decided
// here, before the start; a sandbox changes the launch, not those who ask for it.
type launch struct {
	path   string
	args   []string
	env    []string // complete
	dir    string
	nice   int
	limits map[int]uint64 // resource to limit
	writes []string       // folders outside the slot that it may write to, absolute
}

// plan is the launch of a plug-in in a slot.
func (h *Host) plan(p *plugin, s *slot) launch {
	return launch{
		path: p.path,
		args: []string{p.path},
		dir:  s.tmp,
		env: append([]string{
			"PATH=/usr/local/bin:/usr/bin:/bin",
			"LANG=C.UTF-8",
			"HOME=" + s.tmp,
			"TMPDIR=" + s.tmp,
			"OMP_THREAD_LIMIT=1",
			slotKey + "=" + s.dir,
		}, h.config.Env[p.file()]...),
		nice: max(h.config.Nice, 0),
		limits: map[int]uint64{
			unix.RLIMIT_CORE:   0,
			unix.RLIMIT_NOFILE: 1024,
			unix.RLIMIT_FSIZE:  uint64(h.config.OutputBytes),
		},
	}
}

func (l launch) command() *exec.Cmd {
	cmd := exec.Command(l.path)
	cmd.Args = l.args
	cmd.Env = l.env
	cmd.Dir = l.dir
	// A session of its own, so that one signal reaches the whole tree; and the
	// kernel ends the process when the thread that started it is gone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// confine applies what can only be set once the process is there.
func (l launch) confine(pid int) error {
	var errs []error
	for resource, limit := range l.limits {
		err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("limit %d of process %d: %w", resource, pid, err))
		}
	}
	if err := unix.Setpriority(unix.PRIO_PGRP, pid, l.nice); err != nil && !errors.Is(err, unix.ESRCH) {
		errs = append(errs, fmt.Errorf("nice %d of process %d: %w", l.nice, pid, err))
	}
	return errors.Join(errs...)
}

// starter runs all starts of processes on one thread that lives as long as the
// host, for the kernel's parent-death signal watches the thread, not the process.
type starter struct {
	work chan func()
	once sync.Once
	done chan struct{}
}

func newStarter() *starter {
	s := &starter{work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for f := range s.work {
			f()
		}
	}()
	return s
}

// start starts cmd; it must not be called after stop.
func (s *starter) start(cmd *exec.Cmd) error {
	result := make(chan error, 1)
	s.work <- func() { result <- cmd.Start() }
	return <-result
}

func (s *starter) stop() {
	s.once.Do(func() { close(s.work) })
	<-s.done
}

// killGroup ends a process and all that it started and did not let go of.
func killGroup(pid int) {
	if pid > 0 {
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
}

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
