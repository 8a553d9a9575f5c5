package host

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A claim is a folder of one running host below a shared base. The host holds a
// lock in it as long as it lives, so a later host can tell what a killed one left
// behind, and sweep it.
type claim struct {
	dir  string
	lock *os.File
}

const (
	claimPrefix = "host-"
	newPrefix   = "new-" // a claim whose lock is not held yet
	lockName    = "lock"
)

// claimIn makes a claim below base, which is made when it is missing, and sweeps
// what dead hosts left there.
func claimIn(base string, log *slog.Logger) (*claim, error) {
	if err := ownFolder(base); err != nil {
		return nil, err
	}
	sweep(base, log)
	fresh, err := os.MkdirTemp(base, newPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(fresh, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", fresh, err), lock.Close())
	}
	dir := filepath.Join(base, claimPrefix+strings.TrimPrefix(filepath.Base(fresh), newPrefix))
	if err := os.Rename(fresh, dir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &claim{dir, lock}, nil
}

// release removes the claim with all that is in it.
func (c *claim) release() error {
	return errors.Join(removeTree(c.dir), c.lock.Close())
}

// ownFolder makes a folder that only we can enter, or checks that it is one: the
// base may lie in a folder that others write to.
func ownFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a folder of ours", dir)
	}
	return os.Chmod(dir, 0o700)
}

// sweep removes the claims of dead hosts and kills what is left of their
// processes.
func sweep(base string, log *slog.Logger) {
	entries, err := os.ReadDir(base)
	if err != nil {
		log.Warn("plug-in folder not swept", "dir", base, "error", err)
		return
	}
	for _, e := range entries {
		dir := filepath.Join(base, e.Name())
		if !e.IsDir() || !dead(dir, e) {
			continue
		}
		killed := killOrphans(dir)
		err := removeTree(dir)
		log.Info("swept after a dead host", "dir", dir, "killed", killed, "error", err)
	}
}

// dead reports whether a claim's host is gone.
func dead(dir string, e fs.DirEntry) bool {
	if strings.HasPrefix(e.Name(), newPrefix) {
		info, err := e.Info()
		return err == nil && time.Since(info.ModTime()) > time.Minute
	}
	if !strings.HasPrefix(e.Name(), claimPrefix) {
		return false
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer lock.Close()
	return unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// killOrphans kills every process whose environment places it below dir: the
// children of plug-ins that outlived both plug-in and host.
func killOrphans(dir string) int {
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	killed := 0
	for _, path := range environs {
		environ, err := os.ReadFile(path)
		if err != nil || !strings.Contains("\x00"+string(environ), "\x00"+slotKey+"="+dir+"/") {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/environ", &pid); err == nil && pid != os.Getpid() {
			if unix.Kill(pid, unix.SIGKILL) == nil {
				killed++
			}
		}
	}
	return killed
}
