package watch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Bounds of a look.
const (
	maxFiles   = 100_000          // entries of one folder; the others wait
	unsureFor  = time.Minute      // a doubtful file is taken after it stood still so long
	unknownFor = 20 * time.Second // a file of no known format is refused after it stood still so long
)

// sighting is a file as it was at the last look.
type sighting struct {
	size  int64
	mtime time.Time
	inode uint64
	since time.Time // it has looked like this since
	looks int       // in a row at which it looked like this
}

// look goes through the folder and its subfolders once.
func (w *Watcher) look(ctx context.Context, now time.Time) error {
	present := map[string]bool{}
	subs, err := w.folder(ctx, ".", now, present)
	if err != nil {
		return err
	}
	var failed error
	for _, sub := range subs {
		if _, err := w.folder(ctx, sub, now, present); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	for name := range w.seen {
		if !present[name] {
			delete(w.seen, name)
		}
	}
	return failed
}

// folder looks at each file of one folder and gives its subfolders.
func (w *Watcher) folder(ctx context.Context, dir string, now time.Time, present map[string]bool) (subs []string, err error) {
	d, err := w.root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close() // read only
	for n := 0; n < maxFiles; {
		entries, err := d.ReadDir(512)
		for _, e := range entries {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if skip(e.Name()) {
				continue
			}
			if e.IsDir() && dir == "." && e.Name() != failedDir && e.Name() != doneDir {
				subs = append(subs, e.Name())
			}
			if e.Type().IsRegular() {
				w.file(path.Join(dir, e.Name()), now, present)
			}
		}
		n += len(entries)
		if errors.Is(err, io.EOF) {
			return subs, nil
		}
		if err != nil {
			return subs, err
		}
	}
	return subs, nil
}

// skip reports whether a name is that of a file on its way, or of a desktop's own.
func skip(name string) bool {
	lower := strings.ToLower(name)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || strings.HasSuffix(name, "~") {
		return true
	}
	for _, end := range []string{".part", ".tmp", ".filepart", ".partial", ".crdownload"} {
		if strings.HasSuffix(lower, end) {
			return true
		}
	}
	return lower == "thumbs.db" || lower == "desktop.ini"
}

// file compares a file with the last look and claims it when it is complete, or
// puts it away when it never will be.
func (w *Watcher) file(name string, now time.Time, present map[string]bool) {
	info, err := w.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return // gone, or something else by now
	}
	present[name] = true
	s := sighting{size: info.Size(), mtime: info.ModTime(), inode: inode(info), since: now, looks: 1}
	if old, ok := w.seen[name]; ok && old.size == s.size && old.mtime.Equal(s.mtime) && old.inode == s.inode {
		s.since, s.looks = old.since, old.looks+1
	}
	w.seen[name] = s
	if s.looks < 2 || !worthReading(s.looks) {
		return
	}
	if s.size > w.config.MaxBytes {
		delete(w.seen, name)
		w.claim(name, info) // and refused when its turn comes
		return
	}
	v, why := w.judge(name, info)
	if w.settle(v, now.Sub(s.since)) == wait {
		return
	}
	delete(w.seen, name)
	if w.settle(v, now.Sub(s.since)) == take {
		w.claim(name, info)
		return
	}
	f := &core.Failure{Code: codeOf(v), Detail: "the file " + why, Remedy: "if it is a scan, send it again, whole; print other documents to PDF first"}
	w.log.Warn("file refused", "file", name, "code", f.Code, "cause", f.Detail)
	if err := w.putAway(name, noteOf(name).because(f)); err != nil {
		w.log.Warn("refused file cannot be put away; trying on", "file", name, "error", err)
	}
}

// worthReading spaces the looks into a file's content: 2, 3, 4, then every power
// of two.
func worthReading(looks int) bool { return looks < 5 || looks&(looks-1) == 0 || looks%64 == 0 }

type decision int

const (
	wait decision = iota
	take
	refuse
)

// settle decides about a file that stood still for a while.
func (w *Watcher) settle(v Verdict, still time.Duration) decision {
	switch v {
	case Whole:
		return take
	case Doubtful:
		return after(still, unsureFor, take)
	case Unknown:
		return after(still, unknownFor, refuse)
	}
	return after(still, w.config.Patience, refuse)
}

func after(still, limit time.Duration, d decision) decision {
	if still < limit {
		return wait
	}
	return d
}

// judge looks into the file, if it is still the one that was seen.
func (w *Watcher) judge(name string, seen fs.FileInfo) (Verdict, string) {
	f, err := w.open(name, seen)
	if err != nil {
		return Cut, "cannot be read"
	}
	defer f.Close() // read only
	return Look(f, seen.Size())
}

// open opens a file that was seen, and never waits for a pipe that took its place.
func (w *Watcher) open(name string, seen fs.FileInfo) (*os.File, error) {
	f, err := w.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(info, seen) {
		err = errors.New("another file took its place")
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
