package host

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// slotKey names the slot of a process in its environment and its children's.
const slotKey = "TWINLEAF_SLOT"

// programPath is where a plug-in finds the programs that it may run.
const programPath = "/usr/local/bin:/usr/bin:/bin"

// launch says how one process is started. All that confines a plug-in is decided
// here, before the start.
type launch struct {
	path string // of the program, as the operator knows it
	spec sandbox.Spec
}

// Ceilings of a process beside those that Config and manifest give.
const (
	maxOpenFiles = 1024
	maxProcesses = 128 // threads count
)

// plan is the launch of a plug-in in a slot, with a number that no other slot has. It
// may write to some of the operator's folders. As long as its manifest is not known,
// it may do nothing but answer.
func (h *Host) plan(p *plugin, s *slot, number int64, writes []string) (launch, error) {
	if err := h.permits(p); err != nil {
		return launch{}, err
	}
	real, err := filepath.EvalSymlinks(p.path)
	if err != nil {
		return launch{}, err
	}
	p.mu.Lock()
	asks, memory := p.about.Permissions, h.memoryMB(p.about)
	p.mu.Unlock()
	l := launch{path: p.path, spec: sandbox.Spec{
		Level: h.sandbox.Level,
		Path:  real,
		Args:  []string{p.path},
		Dir:   s.tmp,
		Env: append([]string{
			"PATH=" + programPath,
			"LANG=C.UTF-8",
			"HOME=" + s.tmp,
			"TMPDIR=" + s.tmp,
			"OMP_THREAD_LIMIT=1",
			slotKey + "=" + s.dir,
		}, h.config.Env[p.file()]...),
		Read:      append([]string{s.in}, h.config.Read...),
		Write:     []string{s.out, s.tmp},
		Grants:    slices.Concat(writes, h.config.open),
		Exec:      installed(asks.Exec),
		SharedMem: asks.SharedMem,
		Limits: sandbox.Limits{
			MemoryMB: ceilingMB(memory), CPUSeconds: asks.CPUSeconds, FileBytes: h.config.OutputBytes,
			OpenFiles: maxOpenFiles, Processes: maxProcesses,
		},
		Nice: max(h.config.Nice, 0),
	}}
	if library := h.preload(p); library != nil {
		l.spec.Env = append(l.spec.Env, "LD_LIBRARY_PATH="+library.Lib(), "LD_BIND_NOW=1") // what it lacks is found out at the start
		l.spec.Read = append(l.spec.Read, library.Prefix)
	}
	l.spec.UID, l.spec.GID = h.userOf(number, writes)
	if dir := filepath.Dir(real); !wide(dir) && entered(dir, l.spec.UID) {
		l.spec.Read = append(l.spec.Read, dir)
	}
	return l, s.give(l.spec, p.stored)
}

// permits says whether the operator lets a plug-in run in the sandbox that there is.
// What comes with the server runs in the best one; strangers' must have what the
// policy wants.
func (h *Host) permits(p *plugin) error {
	if !p.stored || h.config.Sandbox.Met(h.sandbox.Level) {
		return nil
	}
	return fmt.Errorf("the sandbox of this machine reaches level %s only, and the policy is %s (%s)",
		h.sandbox.Level, h.config.Sandbox, cmp.Or(h.sandbox.Why(), "the level was chosen"))
}

// wants reports whether a plug-in asks for what its first process cannot be given
// later.
func wants(p sdk.Permissions) bool {
	return len(p.Exec) > 0 || p.SharedMem || p.CPUSeconds > 0
}

// installed are the paths of programs; one that is missing is left out, which the
// plug-in itself explains best.
func installed(names []string) []string {
	var paths []string
	for _, name := range names {
		if path, err := sandbox.Resolve(name, programPath); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// wide reports whether a folder holds more than programs: showing it to a plug-in
// that happens to lie there would show too much.
func wide(dir string) bool {
	home, err := os.UserHomeDir()
	return dir == "/" || below(os.TempDir(), dir) || below("/tmp", dir) || err == nil && below(home, dir)
}

// entered reports whether a user can enter a folder. The program alone is shown where
// not; its folder would stand before it.
func entered(dir string, uid int) bool {
	info, err := os.Stat(dir)
	return err == nil && (uid == os.Geteuid() || info.Mode().Perm()&0o001 != 0)
}

// ceilingMB is how much a process may map that is watched to hold at most so much: the
// watchdog comes first and can say what was wrong; this is for what it is too slow for.
func ceilingMB(resident int) int { return resident + resident/2 + 128 }

// userOf is the user and group that a process runs as. Under root that is a user of
// its own; where it may write to a folder, that folder's owner.
func (h *Host) userOf(number int64, writes []string) (uid, gid int) {
	if os.Geteuid() != 0 || h.sandbox.Level == sandbox.None {
		return os.Geteuid(), os.Getegid()
	}
	for _, dir := range writes {
		var st unix.Stat_t
		if unix.Stat(dir, &st) == nil {
			return int(st.Uid), int(st.Gid)
		}
	}
	user := sandbox.FirstUser + int(number%sandbox.Users)
	return user, user
}

// command is the start, with the folder of the process's socket and the environment
// that it needs to speak to us.
func (l launch) command(sockets string, extra []string) (*exec.Cmd, error) {
	l.spec.Env = append(l.spec.Env[:len(l.spec.Env):len(l.spec.Env)], extra...)
	l.spec.Write = append(l.spec.Write[:len(l.spec.Write):len(l.spec.Write)], sockets)
	if err := os.Chown(sockets, l.spec.UID, l.spec.GID); err != nil {
		return nil, err
	}
	return sandbox.Command(l.spec)
}

// confine applies what the shim has applied already, except on level none.
func (l launch) confine(pid int) error {
	if l.spec.Level > sandbox.None {
		return nil
	}
	var errs []error
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: uint64(l.spec.Limits.OpenFiles), unix.RLIMIT_FSIZE: uint64(l.spec.Limits.FileBytes),
	} {
		err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("limit %d of process %d: %w", resource, pid, err))
		}
	}
	if err := sandbox.GiveWay(unix.PRIO_PGRP, pid, l.spec.Nice); err != nil && !errors.Is(err, unix.ESRCH) {
		errs = append(errs, fmt.Errorf("nice %d of process %d: %w", l.spec.Nice, pid, err))
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
