// Package blob keeps large bytes (originals, page images, recognised text,
// outputs) by the SHA-256 of their content. A blob is on disk when Put or Adopt
// returns, so the event that names it may be written next.
//
// The stages and the console put and open; the pipeline sweeps what no job names
// any more. A blob is a plain file, never written to again, so whoever needs one
// may take its path.
package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"golang.org/x/sys/unix"
)

var (
	// ErrBadRef is returned for a ref that is not 64 lower-case hexadecimal digits.
	ErrBadRef = errors.New("not a blob's name")

	// ErrCorrupt is returned by Verify for a blob whose content is not what its
	// name says.
	ErrCorrupt = errors.New("blob is corrupt")

	// ErrInUse is returned by Open for a store that was to be this process's alone,
	// and another one has it.
	ErrInUse = errors.New("another process uses it")
)

// Config says how blobs are kept. The zero value works.
type Config struct {
	// Reserve is how many bytes of the disk are left free: a Put or a copying
	// Adopt that would eat into them fails with core.CodeDataDown. Default 64 MiB;
	// negative: none.
	Reserve int64

	// Refuse is asked before every write: its error is told as that of a disk which
	// takes nothing. For tests of what follows from that; nil: nothing is refused.
	Refuse func() error

	// NoSync leaves it to the system when bytes go to disk. For runs without a
	// journal, which lose nothing that cannot be made again.
	NoSync bool

	// Exclusive has the store for this process alone: where another one has it, Open
	// fails with ErrInUse. Default: they share the blobs, and the first clears the
	// scratch folder.
	Exclusive bool

	// Logger gets what is repaired without anybody asking. Default: none.
	Logger *slog.Logger

	// Now gives the time of a blob that is put again. Default time.Now.
	Now func() time.Time

	free func(dir string) (int64, error) // seam for tests: bytes left
}

func (c Config) withDefaults() Config {
	if c.Reserve == 0 {
		c.Reserve = 64 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.free == nil {
		c.free = freeSpace
	}
	return c
}

// Store is a folder of blobs. Its methods may be called from any goroutine.
type Store struct {
	dir  string
	cfg  Config
	lock *os.File // held for as long as the process lives

	// placing is held for reading while a blob is put in place and for writing
	// while one is swept, so that what is put again is never swept meanwhile.
	placing sync.RWMutex

	// making is held while a folder is made, so that nobody relies on one that
	// is not on disk yet.
	making sync.Mutex
}

// Open opens the store in dir, or makes it, and clears away what a crash left in
// its scratch folder, unless another process is using that.
func Open(dir string, cfg Config) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob store: %w", err)
	}
	s := &Store{dir: dir, cfg: cfg.withDefaults()}
	if err := os.MkdirAll(s.scratch(), 0o700); err != nil {
		return nil, core.DataDown("make the blob store's folder", err)
	}
	if err := s.makeFirst(); err != nil {
		return nil, core.DataDown("make the blob store's folders", err)
	}
	if s.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, core.DataDown("open the blob store", err)
	}
	err = unix.Flock(int(s.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil && cfg.Exclusive {
		s.lock.Close()
		return nil, taken(dir, err)
	}
	if err != nil {
		s.cfg.Logger.Info("blob store's scratch folder is in use by another process and not cleared", "dir", dir)
		return s, nil
	}
	if err := s.clearScratch(); err != nil {
		return nil, core.DataDown("clear the blob store's scratch folder", err)
	}
	return s, nil
}

// taken is the error of a store that cannot be this process's alone.
func taken(dir string, err error) error {
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrInUse
	}
	return fmt.Errorf("open the blob store in %s: %w", dir, err)
}

// makeFirst makes the first level of folders once, so that nobody waits for the disk to
// take them later. Where nothing is to last, and where the disk does not take them, each
// is made when it is needed.
func (s *Store) makeFirst() error {
	if s.cfg.NoSync {
		return nil
	}
	for n := range 256 {
		err := os.Mkdir(filepath.Join(s.dir, fmt.Sprintf("%02x", n)), 0o700)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			break
		}
	}
	return s.syncDir(s.dir) // also where a process that was killed has made them
}

// Close gives the scratch folder free for the next Open to clear. Blobs stay.
func (s *Store) Close() error { return s.lock.Close() }

func (s *Store) scratch() string { return filepath.Join(s.dir, "tmp") }

func (s *Store) clearScratch() error {
	left, err := os.ReadDir(s.scratch())
	if err != nil {
		return err
	}
	for _, f := range left {
		if err := os.RemoveAll(filepath.Join(s.scratch(), f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Temp makes an empty scratch folder on the same filesystem as the blobs, so that
// Adopt can move files out of it. remove deletes it with all that is in it.
func (s *Store) Temp() (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp(s.scratch(), "scratch-")
	if err != nil {
		return "", nil, core.DataDown("make a scratch folder", err)
	}
	return dir, func() {
		if err := os.RemoveAll(dir); err != nil {
			s.cfg.Logger.Warn("scratch folder not removed", "dir", dir, "err", err)
		}
	}, nil
}

// place is where the blob of a ref lies: two levels of folders, 65,536 at most.
func (s *Store) place(ref core.Ref) string {
	return filepath.Join(s.dir, string(ref[:2]), string(ref[2:4]), string(ref))
}

func valid(ref core.Ref) bool {
	if len(ref) != 64 {
		return false
	}
	for _, c := range []byte(ref) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Path gives where a blob lies. The file is for reading only. The error is
// ErrBadRef, or fs.ErrNotExist when there is no such blob.
func (s *Store) Path(ref core.Ref) (string, error) {
	if !valid(ref) {
		return "", fmt.Errorf("blob %q: %w", ref, ErrBadRef)
	}
	path := s.place(ref)
	info, err := os.Lstat(path)
	if err != nil {
		return "", fmt.Errorf("blob %s: %w", ref, err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("blob %s is no file: %w", ref, fs.ErrNotExist)
	}
	return path, nil
}

// Open opens a blob for reading. Errors are those of Path.
func (s *Store) Open(ref core.Ref) (*os.File, error) {
	path, err := s.Path(ref)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", ref, err)
	}
	return f, nil
}

// Has reports whether there is a blob of that name. It does not look inside.
func (s *Store) Has(ref core.Ref) bool {
	_, err := s.Path(ref)
	return err == nil
}
