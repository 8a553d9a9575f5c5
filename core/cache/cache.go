// Package cache keeps on disk what was made at some cost, by a key that names all
// that it was made of. It may lose anything at any time and never gives anything else
// than what was put: whoever asks makes what is not there anew.
//
// It is bounded in bytes and entries; what was not used for longest goes first. An
// entry is one file with its own checksum, written beside and put in place whole, so a
// crash leaves the entries, and a damaged one is found when it is read and dropped.
// Nothing waits for the disk, and no error of the disk reaches the caller.
package cache

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Key names what an entry was made of.
type Key [sha256.Size]byte

// KeyOf is the key of a description. Descriptions of different things differ.
func KeyOf(description []byte) Key { return sha256.Sum256(description) }

// String gives the key as 64 hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Config bounds a store. The zero value works.
type Config struct {
	Bytes   int64        // on disk, with whole blocks counted; default 1 GiB
	Entries int          // default 100,000
	Entry   int64        // bytes of one entry; default a sixteenth of Bytes, at most 32 MiB
	Reserve int64        // bytes that are left free on the disk, else nothing is put; default 256 MiB, negative: none
	Logger  *slog.Logger // gets what was damaged; default: none
	Now     func() time.Time

	free func(dir string) (int64, error) // seam for tests: bytes left
}

func (c Config) withDefaults() Config {
	if c.Bytes == 0 {
		c.Bytes = 1 << 30
	}
	if c.Entries == 0 {
		c.Entries = 100_000
	}
	if c.Entry == 0 {
		c.Entry = min(c.Bytes/16, 32<<20)
	}
	if c.Reserve == 0 {
		c.Reserve = 256 << 20
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

// Store is a folder of entries. Its methods may be called from any goroutine.
type Store struct {
	dir    string
	cfg    Config
	loaded chan struct{} // closed when all entries of the folder are known

	mu      sync.Mutex // guards what follows, and what lies in the folder
	entries map[Key]*list.Element
	order   *list.List // of *entry, the last used first
	known   bool       // loaded is closed, or about to be
	closed  bool
	stats   Stats
}

// entry is a file of the store.
type entry struct {
	key  Key
	size int64 // on disk
}

// Stats are the numbers of a store since it was opened; Entries and Bytes are those of now.
type Stats struct {
	Entries int
	Bytes   int64 // on disk

	Hits, Misses int64
	Puts         int64
	Evicted      int64 // for want of room
	Damaged      int64 // found and dropped
	Unkept       int64 // not put: too large, or the disk did not take it
}

// Open opens the store in dir, or makes it. What lies there is counted in the background;
// it can be got at once.
func Open(dir string, cfg Config) (*Store, error) {
	s := &Store{dir: dir, cfg: cfg.withDefaults(), loaded: make(chan struct{}), entries: map[Key]*list.Element{}, order: list.New()}
	if err := os.RemoveAll(s.fresh()); err != nil {
		return nil, fmt.Errorf("clear the cache's scratch folder: %w", err)
	}
	if err := os.MkdirAll(s.fresh(), 0o700); err != nil {
		return nil, fmt.Errorf("make the cache's folder: %w", err)
	}
	go s.load()
	return s, nil
}

// Close waits until nothing works on the folder any more. Entries stay.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	<-s.loaded
}

// Stats gives the numbers of now. Entries that lay there before Open may still be missing.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Entries = s.order.Len()
	return out
}

// fresh is where entries are written before they are whole.
func (s *Store) fresh() string { return filepath.Join(s.dir, "new") }

func (s *Store) place(k Key) string {
	name := k.String()
	return filepath.Join(s.dir, name[:2], name)
}

// Every file begins with magic, then the checksum of key and value, then the value.
const (
	magic  = "twlkept1"
	header = len(magic) + sha256.Size
)

func checksum(k Key, value []byte) []byte {
	h := sha256.New()
	h.Write(k[:])
	h.Write(value)
	return h.Sum(nil)
}

// errDamaged is told of a file that is not what was put.
var errDamaged = errors.New("the checksum is another")

// Get gives what was put under a key, which is the caller's own.
func (s *Store) Get(k Key) ([]byte, bool) {
	value, err := s.read(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.stats.Hits++
		s.used(k)
		return value, true
	}
	s.stats.Misses++
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.missing(k)
	case errors.Is(err, errDamaged):
		s.stats.Damaged++
		s.cfg.Logger.Warn("a damaged entry of the cache is dropped", "path", s.place(k))
		s.remove(k)
	}
	return nil, false
}

// missing counts an entry out whose file somebody removed; it may have been put again
// since. The caller holds mu.
func (s *Store) missing(k Key) {
	if s.entries[k] == nil {
		return
	}
	if _, err := os.Lstat(s.place(k)); errors.Is(err, fs.ErrNotExist) {
		s.forget(k)
	}
}

// Drop removes an entry that is of no use to who got it.
func (s *Store) Drop(k Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Damaged++
	s.remove(k)
}

func (s *Store) read(k Key) ([]byte, error) {
	f, err := os.OpenFile(s.place(k), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() < int64(header) || info.Size() > s.cfg.Entry+int64(header) {
		return nil, errDamaged
	}
	data := make([]byte, info.Size())
	if _, err := f.ReadAt(data, 0); err != nil {
		return nil, errors.Join(errDamaged, err)
	}
	value := data[header:]
	if string(data[:len(magic)]) != magic || string(data[len(magic):header]) != string(checksum(k, value)) {
		return nil, errDamaged
	}
	return value, nil
}

// used makes an entry the last that goes. Its file's time keeps that over a restart.
func (s *Store) used(k Key) {
	if e := s.entries[k]; e != nil {
		s.order.MoveToFront(e)
		now := s.cfg.Now()
		_ = os.Chtimes(s.place(k), now, now) // without it the entry goes earlier
	}
}

// freeSpace gives the bytes that are left on the disk of dir for this user.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
