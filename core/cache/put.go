package cache

import (
	"cmp"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Put keeps a value under a key, if there is room for it, and makes that room.
func (s *Store) Put(k Key, value []byte) {
	path, err := s.write(k, value)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = s.settle(k, path)
	}
	if err != nil {
		s.stats.Unkept++
		s.cfg.Logger.Debug("not kept in the cache", "err", err)
		return
	}
	s.stats.Puts++
	s.note(k, onDisk(int64(header+len(value))))
	s.makeRoom()
}

var (
	errTooLarge = errors.New("it is too large")
	errNoRoom   = errors.New("the disk is nearly full")
	errClosed   = errors.New("the cache is closed")
)

// write writes an entry beside the others and gives its path.
func (s *Store) write(k Key, value []byte) (string, error) {
	if int64(len(value)) > s.cfg.Entry {
		return "", errTooLarge
	}
	if s.cfg.Reserve >= 0 {
		free, err := s.cfg.free(s.dir)
		if err != nil {
			return "", err
		}
		if free-int64(len(value)) < s.cfg.Reserve {
			return "", errNoRoom
		}
	}
	f, err := os.CreateTemp(s.fresh(), "entry-")
	if err != nil {
		return "", err
	}
	_, err = f.Write(append(append([]byte(magic), checksum(k, value)...), value...))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// settle puts a written entry in its place. The caller holds mu.
func (s *Store) settle(k Key, path string) error {
	place := s.place(k)
	err := errClosed
	if !s.closed {
		if err = os.Mkdir(filepath.Dir(place), 0o700); err == nil || errors.Is(err, os.ErrExist) {
			err = os.Rename(path, place)
		}
	}
	if err != nil {
		_ = os.Remove(path) // the next Open clears it away
	}
	return err
}

// note counts an entry as the last used. The caller holds mu.
func (s *Store) note(k Key, size int64) {
	s.forget(k)
	s.entries[k] = s.order.PushFront(&entry{k, size})
	s.stats.Bytes += size
}

// forget counts an entry out that is not there. The caller holds mu.
func (s *Store) forget(k Key) {
	if e := s.entries[k]; e != nil {
		s.stats.Bytes -= s.order.Remove(e).(*entry).size
		delete(s.entries, k)
	}
}

// remove removes an entry. The caller holds mu.
func (s *Store) remove(k Key) {
	if err := os.Remove(s.place(k)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.cfg.Logger.Warn("an entry of the cache cannot be removed", "err", err)
	}
	s.forget(k)
}

// makeRoom removes what was not used for longest until the bounds hold. The caller holds mu.
func (s *Store) makeRoom() {
	for s.known && s.order.Len() > 0 && (s.order.Len() > s.cfg.Entries || s.stats.Bytes > s.cfg.Bytes) {
		s.stats.Evicted++
		s.remove(s.order.Back().Value.(*entry).key)
	}
}

// onDisk is what a file of size bytes takes.
func onDisk(size int64) int64 {
	const block = 4096
	return (size + block - 1) / block * block
}

// found is an entry that lay there before.
type found struct {
	entry
	used time.Time
}

// load counts what lies in the folder, a subfolder at a time.
func (s *Store) load() {
	defer close(s.loaded)
	var all []found
	folders, err := os.ReadDir(s.dir)
	if err != nil {
		s.cfg.Logger.Warn("the cache's folder cannot be read", "err", err)
	}
	for _, folder := range folders {
		if len(folder.Name()) == 2 && folder.IsDir() && !s.isClosed() {
			all = append(all, s.lying(filepath.Join(s.dir, folder.Name()))...)
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(b.used.Compare(a.used), slices.Compare(a.key[:], b.key[:])) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range all {
		if s.entries[f.key] != nil {
			continue // put meanwhile
		}
		if _, err := os.Lstat(s.place(f.key)); err != nil {
			continue // dropped meanwhile
		}
		s.entries[f.key] = s.order.PushBack(&entry{f.key, f.size})
		s.stats.Bytes += f.size
	}
	s.known = true
	s.makeRoom()
}

func (s *Store) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// lying are the entries in one subfolder.
func (s *Store) lying(dir string) []found {
	var all []found
	files, err := os.ReadDir(dir)
	if err != nil {
		s.cfg.Logger.Warn("a folder of the cache cannot be read", "err", err)
	}
	for _, f := range files {
		var e found
		raw, err := hex.DecodeString(f.Name())
		info, statErr := f.Info()
		if err != nil || statErr != nil || copy(e.key[:], raw) != len(e.key) || len(raw) != len(e.key) || s.place(e.key) != filepath.Join(dir, f.Name()) {
			continue // not ours
		}
		e.size, e.used = onDisk(info.Size()), info.ModTime()
		all = append(all, e)
	}
	return all
}
