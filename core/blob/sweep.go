package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Info describes a blob without opening it.
type Info struct {
	Ref  core.Ref
	Size int64
	Put  time.Time // when it was last put or adopted
}

// Walk calls fn for every blob, in the order of their names. Blobs that come or
// go meanwhile may be seen or not. An error of fn ends the walk and comes back.
func (s *Store) Walk(ctx context.Context, fn func(Info) error) error {
	return filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // swept meanwhile
		case err != nil:
			return fmt.Errorf("walk the blob store: %w", err)
		case path == s.scratch():
			return fs.SkipDir
		}
		ref := core.Ref(d.Name())
		if !d.Type().IsRegular() || !valid(ref) || path != s.place(ref) {
			return nil // not ours
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("walk the blob store: %w", err)
		}
		return fn(Info{ref, info.Size(), info.ModTime()})
	})
}

// Stats counts all blobs and their bytes.
func (s *Store) Stats(ctx context.Context) (n int, bytes int64, err error) {
	err = s.Walk(ctx, func(i Info) error {
		n, bytes = n+1, bytes+i.Size
		return nil
	})
	return n, bytes, err
}

// Sweep removes the blobs that keep does not want and that were last put before
// olderThan, and counts them. A blob whose event is not written yet is young:
// choose olderThan so that no submission takes longer.
func (s *Store) Sweep(ctx context.Context, keep func(core.Ref) bool, olderThan time.Time) (n int, bytes int64, err error) {
	err = s.Walk(ctx, func(i Info) error {
		if !i.Put.Before(olderThan) || keep(i.Ref) {
			return nil
		}
		gone, err := s.remove(i.Ref, olderThan)
		if gone {
			n, bytes = n+1, bytes+i.Size
		}
		return err
	})
	return n, bytes, err
}

// Drop removes blobs that were last put before olderThan, and counts them. What is
// not there counts as dropped before.
func (s *Store) Drop(ctx context.Context, refs []core.Ref, olderThan time.Time) (n int, bytes int64, err error) {
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return n, bytes, err
		}
		if !valid(ref) {
			continue
		}
		info, err := os.Lstat(s.place(ref))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return n, bytes, fmt.Errorf("drop blob %s: %w", ref, err)
		}
		gone, err := s.remove(ref, olderThan)
		if err != nil {
			return n, bytes, err
		}
		if gone {
			n, bytes = n+1, bytes+info.Size()
		}
	}
	return n, bytes, nil
}

// remove removes a blob unless it was put again meanwhile.
func (s *Store) remove(ref core.Ref, olderThan time.Time) (bool, error) {
	s.placing.Lock()
	defer s.placing.Unlock()
	info, err := os.Lstat(s.place(ref))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.ModTime().Before(olderThan) {
		return false, nil
	}
	if err == nil {
		err = os.Remove(s.place(ref))
	}
	if err != nil {
		return false, fmt.Errorf("sweep blob %s: %w", ref, err)
	}
	return true, nil
}

// Verify reads a blob and compares its content with its name: nil, ErrCorrupt, or
// an error of Open.
func (s *Store) Verify(ctx context.Context, ref core.Ref) error {
	f, err := s.Open(ref)
	if err != nil {
		return err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, ctxReader{ctx, f}); err != nil {
		return fmt.Errorf("verify blob %s: %w", ref, err)
	}
	if got := refOf(hash.Sum(nil)); got != ref {
		return fmt.Errorf("blob %s has the content of %s: %w", ref, got, ErrCorrupt)
	}
	return nil
}
