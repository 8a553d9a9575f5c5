package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// Store is a folder of plug-ins. Reading needs no lock: files appear under their
// name when they are whole.
type Store struct {
	dir string // absolute
}

// At is the store in a folder, which need not be there yet.
func At(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("plug-in store: %w", err)
	}
	return &Store{dir: abs}, nil
}

// Dir is the store's folder.
func (s *Store) Dir() string { return s.dir }

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Folder is where the files with an h1 digest lie, or would.
func (s *Store) Folder(h1 string) (string, error) {
	name, err := hexOf(h1)
	return s.path("sha256", name), err
}

// Lock reads the lock. A store that is not there has an empty one.
func (s *Store) Lock() (Lock, error) {
	l, err := readLock(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Lock{}, nil
	}
	return l, err
}

func readLock(dir string) (Lock, error) {
	info, err := os.Stat(filepath.Join(dir, LockFile))
	if err != nil {
		return Lock{}, err
	}
	if info.Size() > maxLock {
		return Lock{}, fmt.Errorf("%s has more than %d bytes", LockFile, maxLock)
	}
	text, err := os.ReadFile(filepath.Join(dir, LockFile))
	if err != nil {
		return Lock{}, err
	}
	return ParseLock(text)
}

// change does what alters the store, one process at a time.
func (s *Store) change(do func() error) (err error) {
	for _, dir := range []string{s.dir, s.path("sha256"), s.path("signed")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("plug-in store: %w", err)
		}
	}
	f, err := os.OpenFile(s.path(".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("plug-in store: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("the plug-in store %s is being changed by another command: %w", s.dir, err)
	}
	return do()
}

// edit changes the lock.
func (s *Store) edit(do func(*Lock) error) error {
	return s.change(func() error {
		l, err := s.Lock()
		if err != nil {
			return err
		}
		if err := do(&l); err != nil {
			return err
		}
		return s.write(l)
	})
}

func (s *Store) write(l Lock) error {
	text := l.Bytes()
	if again, err := ParseLock(text); err != nil || !again.Equal(l) {
		return fmt.Errorf("the lock cannot be written: %w", errors.Join(err, l.check()))
	}
	return durable.Write(s.path(LockFile), text, 0o644)
}

// Use makes an installed version the active one.
func (s *Store) Use(name, version string) error {
	return s.edit(func(l *Lock) error {
		if _, there := l.Find(name, version); !there {
			return fmt.Errorf("%s %s is not installed", name, version)
		}
		l.use(name, version)
		return nil
	})
}

// ErrActive is that the active version cannot go while others stay.
var ErrActive = errors.New("it is the active version")

// Remove takes one version out of the lock and deletes its files. The active one
// goes only as the last of its plug-in.
func (s *Store) Remove(name, version string) error {
	return s.edit(func(l *Lock) error {
		e, there := l.Find(name, version)
		switch {
		case !there:
			return fmt.Errorf("%s %s is not installed", name, version)
		case e.Active && len(l.Versions(name)) > 1:
			return fmt.Errorf("%s %s stays: %w", name, version, ErrActive)
		}
		l.drop(name, version)
		if err := s.write(*l); err != nil {
			return err
		}
		return s.deleteFiles(e, *l)
	})
}

// deleteFiles deletes what belonged to e and to no entry of l.
func (s *Store) deleteFiles(e Entry, l Lock) error {
	used := map[string]bool{}
	for _, other := range l.Entries {
		for _, h1 := range other.Hashes {
			used[h1] = true
		}
	}
	errs := []error{ignoreAbsent(os.Remove(s.signedFile(e)))}
	for _, h1 := range e.Hashes {
		folder, err := s.Folder(h1)
		if err == nil && !used[h1] {
			err = removeSealed(folder)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// signedFile is where the signed checksums of a plug-in lie.
func (s *Store) signedFile(e Entry) string { return s.path("signed", e.Name+"_"+e.Version) }
