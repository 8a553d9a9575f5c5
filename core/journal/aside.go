package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// What the names of folders that were set aside begin with.
const (
	asideForked  = "forked"
	asideDamaged = "damaged"
)

// SetAside moves the files of the journal in cfg.Dir into a folder beside, which
// it names: the next Open makes an empty journal, to be restored from the peer's
// copy. It is the answer to a *Damage where a peer has a copy, and to Stale; what
// only the files set aside have comes back by Salvage and Missing. The journal must
// not be open.
func SetAside(cfg Config) (dir string, err error) {
	cfg = cfg.withDefaults()
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if dir, err = makeAside(cfg, asideDamaged); err == nil {
		err = moveFiles(cfg.Dir, dir)
	}
	if err != nil {
		return "", core.DataDown("set the journal aside", err)
	}
	return dir, nil
}

// ResetCopy moves the files of a copy that OpenCopy calls damaged into a folder
// beside, which it names: the next OpenCopy makes an empty one. Its owner has the
// journal and ships it anew. If the owner should have lost it, what is intact of
// the copy is still there: see Copy.Asides. The copy must not be open.
func ResetCopy(cfg Config) (dir string, err error) {
	cfg = cfg.withDefaults()
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if dir, err = moveCopy(cfg, asideDamaged); err != nil {
		return "", core.DataDown("set the damaged copy aside", err)
	}
	return dir, nil
}

// moveCopy moves a copy's files into a folder of their own. One rename does it:
// a crash leaves the copy as it was or an empty one.
func moveCopy(cfg Config, kind string) (string, error) {
	dir, err := makeAside(cfg, kind)
	if err != nil {
		return "", err
	}
	if err := os.Rename(currentDir(cfg.Dir), currentDir(dir)); err != nil {
		return "", errors.Join(err, os.Remove(dir))
	}
	return dir, errors.Join(syncDir(dir), syncDir(cfg.Dir))
}

// moveFiles moves a journal's files. The stream goes first: without it the
// watermark says what is missing, without the watermark nothing would.
func moveFiles(from, to string) error {
	for _, name := range []string{"jetstream", "watermark"} {
		err := os.Rename(filepath.Join(from, name), filepath.Join(to, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return errors.Join(syncDir(to), syncDir(from))
}

// makeAside makes a new folder in cfg.Dir.
func makeAside(cfg Config, kind string) (string, error) {
	stamp := cfg.Now().UTC().Format("20060102T150405Z")
	for n := 1; n < 1000; n++ {
		path := filepath.Join(cfg.Dir, fmt.Sprintf("%s-%s-%d", kind, stamp, n))
		err := os.Mkdir(path, 0o700)
		if !errors.Is(err, fs.ErrExist) {
			return path, err
		}
	}
	return "", fmt.Errorf("too many folders %s-%s-*", kind, stamp)
}

// Asides names the folders with what was set aside of the copy and has not been
// discarded, in no order: its owner may still have to take something back from
// each, and the fold needs them until then. OpenCopy reads a forked one; Aside
// reads any.
func (c *Copy) Asides() ([]string, error) {
	files, err := os.ReadDir(c.cfg.Dir)
	if err != nil {
		return nil, core.DataDown("look for copies that were set aside", err)
	}
	var dirs []string
	for _, f := range files {
		kind, _, _ := strings.Cut(f.Name(), "-")
		dir := filepath.Join(c.cfg.Dir, f.Name())
		if kind != asideForked && kind != asideDamaged {
			continue
		}
		if _, err := os.Stat(currentDir(dir)); err == nil {
			dirs = append(dirs, dir)
		}
	}
	return dirs, nil
}

// Aside gives the frames of one of Asides, as Salvage does.
func (c *Copy) Aside(ctx context.Context, dir string) iter.Seq2[[]byte, error] {
	if err := c.isAside(dir); err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	return Salvage(ctx, dir)
}

// Discard deletes one of Asides: its owner has everything that it held.
func (c *Copy) Discard(dir string) error {
	if err := c.isAside(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return core.DataDown("discard a copy that was set aside", err)
	}
	return nil
}

func (c *Copy) isAside(dir string) error {
	dirs, err := c.Asides()
	if err != nil || slices.Contains(dirs, dir) {
		return err
	}
	return noAside(dir)
}

func noAside(dir string) error { return fmt.Errorf("no copy was set aside in %q", dir) }

// Salvage gives the frames of every intact entry of a journal or a copy in dir, in
// order, however damaged the rest is. It changes nothing and does not see entries
// of an append that was never finished. Nothing may write there meanwhile.
func Salvage(ctx context.Context, dir string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if _, err := os.Stat(currentDir(dir)); err == nil {
			dir = currentDir(dir)
		}
		if err := salvage(ctx, dir, func(raw []byte) bool { return yield(raw, nil) }); err != nil {
			yield(nil, fmt.Errorf("read what was set aside in %s: %w", dir, err))
		}
	}
}

func salvage(ctx context.Context, dir string, yield func([]byte) bool) error {
	m, known, err := readMark(dir)
	if err != nil {
		return err
	}
	v, err := inspect(ctx, dir, m, known)
	if err != nil {
		return err
	}
	torn := v.tornBatch(m)
	seen := v.base.last
	for _, run := range v.runs {
		more := true
		err := run.frames(func(f frame, raw []byte) bool {
			if f.seq <= seen || torn != nil && f.seq >= torn.First {
				return true
			}
			seen = f.seq
			more = yield(raw)
			return more
		})
		if err != nil || !more {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
