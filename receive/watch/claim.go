package watch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// claim is a file that is ours and whose job is not durable yet. It lies in
// .claimed/INODE-TIME/[SUBFOLDER/]NAME; that path alone tells its key's parts, so
// a claim that a crash left behind is submitted under the same key.
type claim struct {
	dir   string // below .claimed
	name  string // inside dir: the path that it had in the watched folder
	tries int
	next  time.Time // not before
}

func (c *claim) path() string { return path.Join(claimedDir, c.dir, c.name) }

// claim renames a complete file into .claimed.
func (w *Watcher) claim(name string, info fs.FileInfo) {
	c := &claim{dir: fmt.Sprintf("%x-%x", inode(info), info.ModTime().UnixNano()), name: name}
	err := w.root.MkdirAll(path.Dir(c.path()), 0o755)
	if err == nil {
		err = w.root.Rename(name, c.path())
	}
	if err != nil {
		w.log.Warn("file cannot be claimed; trying on", "file", name, "error", err)
		return
	}
	w.claims[c.path()] = c
}

// resume finds the claims and the jobs that an earlier run left.
func (w *Watcher) resume() {
	for dir, names := range w.left() {
		for _, name := range names {
			c := &claim{dir: dir, name: name}
			w.claims[c.path()] = c
		}
		if len(names) == 0 {
			w.tidy(&claim{dir: dir})
		}
	}
	w.resumeJobs()
}

// left lists the files of each folder of a claim.
func (w *Watcher) left() map[string][]string {
	found := map[string][]string{}
	err := fs.WalkDir(w.root.FS(), claimedDir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir, name, below := strings.Cut(strings.TrimPrefix(p, claimedDir+"/"), "/")
		switch {
		case p == claimedDir:
		case e.IsDir() && !below:
			found[dir] = nil
		case e.Type().IsRegular() && below:
			found[dir] = append(found[dir], name)
		}
		return nil
	})
	if err != nil {
		w.log.Warn("claimed files cannot be listed", "error", err)
	}
	return found
}

// handOver submits every claim whose time has come.
func (w *Watcher) handOver(ctx context.Context, now time.Time) {
	for _, id := range slices.Sorted(maps.Keys(w.claims)) {
		c := w.claims[id]
		if ctx.Err() != nil || now.Before(c.next) {
			continue
		}
		err := w.submit(ctx, c)
		if err != nil && ctx.Err() != nil {
			return
		}
		var f *core.Failure
		if errors.As(err, &f) && (f.Permanent || f.Refused()) {
			err = w.refuse(c, f)
		}
		if err == nil {
			delete(w.claims, id)
			continue
		}
		c.tries++
		c.next = now.Add(min(time.Minute, time.Second<<min(c.tries, 6)))
		w.log.Warn("file cannot be handed over; trying on", "file", c.name, "error", err, "tries", c.tries)
	}
}

// submit makes a job of a claim and lets go of the file when the job is durable.
func (w *Watcher) submit(ctx context.Context, c *claim) error {
	info, err := w.root.Lstat(c.path())
	if errors.Is(err, fs.ErrNotExist) {
		w.tidy(c) // somebody took it away
		return nil
	}
	if err != nil {
		return err
	}
	if info.Size() > w.config.MaxBytes {
		return core.Refuse(core.CodeOverLimit, "send it in smaller parts, or raise maxBytes of the watched folder",
			"the file has %d bytes, the limit is %d", info.Size(), w.config.MaxBytes)
	}
	f, err := w.open(c.path(), info)
	if err != nil {
		return err
	}
	ref, size, err := w.parts.Blobs.Put(ctx, io.LimitReader(f, info.Size()+1)) // a writer that never ends ends here
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if again, err := w.root.Lstat(c.path()); err != nil || again.Size() != size || !again.ModTime().Equal(info.ModTime()) {
		return fmt.Errorf("the file is still being written")
	}
	base := path.Base(c.name)
	acc, err := w.parts.Submit.Submit(ctx, core.Submission{
		Profile: w.profile(c.name), Files: []core.File{{Name: base, Ref: ref, Size: size}},
		Destinations: w.destinations(), Key: key(c, ref), User: "watch",
		Origin: core.Origin{Device: true},
	})
	if err != nil {
		return err
	}
	w.log.Info("file taken", "file", c.name, "job", acc.ID, "bytes", size, "again", acc.Duplicate)
	n := noteOf(c.name)
	n.Ref = ref
	w.remember(acc.ID, n)
	return w.release(c)
}

// refuse puts a claimed file away with its reason.
func (w *Watcher) refuse(c *claim, f *core.Failure) error {
	w.log.Warn("file refused", "file", c.name, "code", f.Code, "cause", f.Detail, "remedy", f.Remedy)
	if err := w.putAway(c.path(), noteOf(c.name).because(f)); err != nil {
		return fmt.Errorf("put away the refused file: %w", err)
	}
	w.tidy(c)
	return nil
}

// key is the same for a claim that is submitted again, and for nothing else.
func key(c *claim, ref core.Ref) string {
	h := sha256.Sum256([]byte(c.dir + "\x00" + c.name + "\x00" + string(ref)))
	return "watch-" + hex.EncodeToString(h[:16])
}

func (w *Watcher) profile(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return w.config.Profile
}

func (w *Watcher) destinations() []string {
	if w.config.Destination == "" {
		return nil
	}
	return []string{w.config.Destination}
}

// release removes the claimed file, or moves it to done.
func (w *Watcher) release(c *claim) error {
	var err error
	if w.config.Keep {
		_, err = w.move(c.path(), doneDir, path.Base(c.name))
	} else {
		err = w.root.Remove(c.path())
	}
	if err != nil {
		return fmt.Errorf("let go of the claimed file: %w", err)
	}
	w.tidy(c)
	return nil
}

// tidy removes the empty folders of a claim. One that is not empty stays.
func (w *Watcher) tidy(c *claim) {
	for p := path.Dir(c.path()); p != claimedDir && p != "."; p = path.Dir(p) {
		if w.root.Remove(p) != nil {
			return
		}
	}
}
