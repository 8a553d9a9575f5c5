package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// use is what a process has on disk.
type use struct {
	files int
	bytes int64 // as the disk has them: holes are none
}

// diskUse is what lies in the folders that a process may write to for a call, and what
// it keeps open without a name, if deep with its children. It stops counting soon after
// most.
func (s *slot) diskUse(pid int, most use, deep bool) use {
	var u use
	for _, dir := range []string{s.out, s.tmp} {
		u.below(dir, most, 0)
	}
	u.unnamed(s.dir, pid, 0, deep)
	return u
}

func (u *use) over(most use) bool { return u.files > most.files || u.bytes > most.bytes }

// Bounds of a walk: the owner of the folders may want it to be long.
const (
	walkDepth = 64
	walkBatch = 256
)

// below counts what lies in a folder. What is swapped for something else meanwhile is
// counted wrong, and nothing else happens: a pipe is not waited for and no link followed.
// A folder that its owner has closed hides something: no honest program does that.
func (u *use) below(dir string, most use, depth int) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, os.ErrPermission) {
		u.files = most.files + 1
	}
	if err != nil {
		return
	}
	defer f.Close()
	for !u.over(most) {
		entries, err := f.ReadDir(walkBatch)
		for _, e := range entries {
			info, err := e.Info()
			if err != nil {
				continue
			}
			u.add(info)
			if info.IsDir() {
				if depth == walkDepth {
					u.files = most.files + 1 // no honest program goes so deep
					return
				}
				u.below(filepath.Join(dir, e.Name()), most, depth+1)
			}
		}
		if err != nil { // io.EOF among others
			return
		}
	}
}

func (u *use) add(info os.FileInfo) {
	u.files++
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		u.bytes += stat.Blocks * 512
	}
}

// unnamed counts the files without a name that a process, and if deep its descendants,
// have open on the file system of dir.
func (u *use) unnamed(dir string, pid, depth int, deep bool) {
	var home syscall.Stat_t
	if syscall.Stat(dir, &home) != nil || depth > 8 {
		return
	}
	fds, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		return
	}
	defer fds.Close()
	names, err := fds.Readdirnames(maxOpenFiles)
	if err != nil && err != io.EOF {
		return
	}
	for _, name := range names {
		info, err := os.Stat(filepath.Join(fds.Name(), name)) // follows without opening
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink == 0 && stat.Dev == home.Dev {
			u.add(info)
		}
	}
	if !deep {
		return
	}
	for _, child := range childrenOf(pid) {
		u.unnamed(dir, child, depth+1, deep)
	}
}

// watchDisk kills processes in the middle of a call that have more on disk than they
// may, at the nth look; see watch.
func (p *pool) watchDisk(n int) {
	deep := p.plugin.bears() || n%10 == 0
	p.mu.Lock()
	busy := make([]*worker, 0, len(p.busy))
	for w := range p.busy {
		busy = append(busy, w)
	}
	p.mu.Unlock()
	most := use{p.host.config.SlotFiles, p.host.config.SlotBytes}
	for _, w := range busy {
		u := w.slot.diskUse(int(w.pid.Load()), most, deep)
		if !u.over(most) || w.gone() {
			continue
		}
		told := fmt.Sprintf("over-limit disk: plug-in %s wrote more than the %d MB or %d files that it may in one call", p.plugin.name(), most.bytes>>20, most.files)
		w.overDisk.Store(&told)
		w.kill()
		p.tell(told)
		p.host.log.Warn("plug-in over its disk limit", "plugin", p.plugin.name(), "pid", w.ID(), "files", u.files, "bytes", u.bytes)
	}
}
