// Package take carries files between the blob store and the calls of a stage:
// blobs go in as sources, files of an answer are checked and become blobs.
//
// An answer comes from a plug-in and is not trusted: a file must be a regular one
// below the call's own folder and within its limit.
package take

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Store is what a stage needs of the blob store.
type Store interface {
	Path(core.Ref) (string, error)
	Adopt(ctx context.Context, path string) (core.Ref, int64, error)
	Temp() (dir string, remove func(), err error)
}

// Work is one call with its folder.
type Work struct {
	Dir     string // for the files of the answer
	store   Store
	remove  func()
	sources map[core.Ref]core.Source
}

// Begin makes the folder of a call. End removes it.
func Begin(store Store) (*Work, error) {
	dir, remove, err := store.Temp()
	if err != nil {
		return nil, err
	}
	return &Work{Dir: dir, store: store, remove: remove, sources: map[core.Ref]core.Source{}}, nil
}

// End removes the folder with what is left in it.
func (w *Work) End() { w.remove() }

// Source gives a blob with its path. A blob that is gone is a permanent failure:
// trying again does not bring it back.
func (w *Work) Source(f core.File) (core.Source, error) {
	s, err := Source(w.store, f)
	if err == nil {
		w.sources[f.Ref] = s
	}
	return s, err
}

// Source gives a blob with its path, as Work.Source does.
func Source(store Store, f core.File) (core.Source, error) {
	path, err := store.Path(f.Ref)
	if errors.Is(err, fs.ErrNotExist) {
		return core.Source{}, core.Refuse(core.CodeInternal, "submit the document again",
			"the stored file of %q is gone", f.Name)
	}
	if err != nil {
		return core.Source{}, fmt.Errorf("find %q: %w", f.Name, err)
	}
	return core.Source{File: f, Path: path}, nil
}

// Path is where a file of the answer lies. Its name must not lead out of the folder.
func (w *Work) Path(f *core.File) (string, error) {
	if f.Name == "" || f.Name == "." || f.Name == ".." || filepath.Base(f.Name) != f.Name {
		return "", Bad("its file %q is no plain name", f.Name)
	}
	return filepath.Join(w.Dir, f.Name), nil
}

// File makes a file of the answer a blob and fills in its Ref and Size. It must be
// regular, not empty and at most limit bytes long. A file that is a link to a
// source is that source again.
func (w *Work) File(ctx context.Context, f *core.File, limit int64) error {
	path, info, err := w.look(f, limit)
	if err != nil {
		return err
	}
	if s, ok := w.same(info); ok {
		f.Ref, f.Size = s.Ref, info.Size()
		return nil
	}
	f.Ref, f.Size, err = w.store.Adopt(ctx, path)
	return err
}

// Between gives a file of the answer to another call before it becomes a blob. It
// must be as File wants it; it has no Ref.
func (w *Work) Between(f core.File, limit int64) (core.Source, error) {
	path, info, err := w.look(&f, limit)
	f.Ref = ""
	if err == nil {
		f.Size = info.Size()
	}
	return core.Source{File: f, Path: path}, err
}

// look finds a file of the answer and checks it.
func (w *Work) look(f *core.File, limit int64) (string, fs.FileInfo, error) {
	path, err := w.Path(f)
	if err != nil {
		return "", nil, err
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, Bad("its file %q is not there", f.Name)
	}
	switch {
	case err != nil:
		return "", nil, fmt.Errorf("look at file %q of an answer: %w", f.Name, err)
	case !info.Mode().IsRegular():
		return "", nil, Bad("its file %q is no regular file", f.Name)
	case info.Size() == 0:
		return "", nil, Bad("its file %q is empty", f.Name)
	case info.Size() > limit:
		return "", nil, Bad("its file %q has %d bytes, the limit is %d", f.Name, info.Size(), limit)
	}
	return path, info, nil
}

// same finds the source that a file is a link to.
func (w *Work) same(info fs.FileInfo) (core.Source, bool) {
	for _, s := range w.sources {
		if own, err := os.Lstat(s.Path); err == nil && os.SameFile(own, info) {
			return s, true
		}
	}
	return core.Source{}, false
}

// Bad says what is wrong with the answer of a plug-in. Another attempt may do better.
func Bad(format string, a ...any) error {
	return &core.Failure{
		Code:   core.CodePlugin,
		Detail: "a plug-in gave a bad answer: " + fmt.Sprintf(format, a...),
		Remedy: `see "twinleaf plugin list" for the plug-in and its version`,
	}
}

// Pixels checks the size of an image against the limits.
func Pixels(width, height int, l core.Limits) error {
	most := l.WithDefaults().Pixels
	switch {
	case width < 1 || height < 1:
		return Bad("an image of %d x %d pixels", width, height)
	case int64(width) > most || int64(width)*int64(height) > most:
		return core.Refuse(core.CodeOverLimit, "scan with fewer dots per inch, or raise limits.pixels in the profile",
			"the page has %d x %d pixels, the limit is %d", width, height, most)
	}
	return nil
}

// DPI checks a resolution.
func DPI(x, y float64) error {
	if !(x > 0 && x <= 100_000 && y > 0 && y <= 100_000) {
		return Bad("a resolution of %v x %v dpi", x, y)
	}
	return nil
}

// ImageBytes is the limit of an image file: four bytes a pixel and some room.
func ImageBytes(l core.Limits) int64 { return 4*l.WithDefaults().Pixels + 16<<20 }
