package license

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// Shelf is the licence files of one server, in a folder of their own:
//
//	trusted          public keys that may sign, one a line
//	KEY.license      each imported licence, as it was signed
//	active           the key that is in force
//
// Its methods may be called from any goroutine and, since every change is one rename, from
// another process at the same time.
type Shelf struct {
	dir string
	mu  sync.Mutex // held while the folder is changed
}

// OpenShelf opens the folder and makes it where it is missing.
func OpenShelf(dir string) (*Shelf, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the licences: %w", err)
	}
	return &Shelf{dir: dir}, nil
}

// Trusted are the public keys that may sign.
func (s *Shelf) Trusted() ([]string, error) {
	raw, err := os.ReadFile(s.path("trusted"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("trusted keys: %w", err)
	}
	return strings.Fields(string(raw)), nil
}

// Trust makes public the one key that may sign from now on. Once another is trusted
// that is an error: a pair was formed, or a licence imported, under it.
func (s *Shelf) Trust(public string) error {
	public = strings.TrimSpace(public)
	if _, err := verifiers([]string{public}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.Trusted()
	switch {
	case err != nil:
		return err
	case slices.Contains(now, public):
		return nil
	case len(now) > 0:
		return fmt.Errorf("this server trusts %s already\nhint: a licence signed by another key needs a new environment: deactivate, remove %s and pair again",
			NameOf(now[0]), s.path("trusted"))
	}
	return s.write("trusted", []byte(public+"\n"))
}

// NameOf is a public key without its data.
func NameOf(public string) string {
	parts := strings.SplitN(public, "+", 3)
	return strings.Join(parts[:min(len(parts), 2)], "+")
}

// Import checks a licence file and keeps it. It is not in force yet.
func (s *Shelf) Import(file []byte) (Signed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	trusted, err := s.Trusted()
	if err != nil {
		return Signed{}, err
	}
	l, err := Read(file, trusted...)
	if err != nil {
		return Signed{}, err
	}
	return l, s.write(string(l.Key)+".license", file)
}

// ErrMissing is the error of a key whose licence was not imported: state 800005.
var ErrMissing = errors.New("key missing")

// Get reads an imported licence.
func (s *Shelf) Get(key Key) (Signed, error) {
	if _, err := ParseKey(string(key)); err != nil {
		return Signed{}, err
	}
	file, err := os.ReadFile(s.path(string(key) + ".license"))
	if errors.Is(err, fs.ErrNotExist) {
		return Signed{}, fmt.Errorf("%d %w: the licence of %s was not imported\nhint: activate its file instead", KeyMissing, ErrMissing, key)
	}
	if err != nil {
		return Signed{}, fmt.Errorf("licence %s: %w", key, err)
	}
	trusted, err := s.Trusted()
	if err != nil {
		return Signed{}, err
	}
	l, err := Read(file, trusted...)
	if err != nil {
		return Signed{}, fmt.Errorf("licence %s: %w", key, err)
	}
	if l.Key != key {
		return Signed{}, fmt.Errorf("the file of licence %s holds that of %s", key, l.Key)
	}
	return l, nil
}

// File is an imported licence as it was signed.
func (s *Shelf) File(key Key) ([]byte, error) {
	if _, err := ParseKey(string(key)); err != nil {
		return nil, err
	}
	return os.ReadFile(s.path(string(key) + ".license"))
}

// Activate puts an imported licence in force. While one of the other role is in force
// it must be deactivated first (GS12).
func (s *Shelf) Activate(key Key, now time.Time) (Signed, error) {
	l, err := s.Get(key)
	if err != nil {
		return Signed{}, err
	}
	if code, _ := l.State(now); code == Expired {
		return Signed{}, fmt.Errorf("%d licence %s is %s", code, key, code.Text())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.Active()
	switch {
	case errors.Is(err, ErrNone):
	case err != nil:
		return Signed{}, err
	case old.Key.Role() != key.Role():
		return Signed{}, fmt.Errorf("%s is active with the role %s\nhint: run \"twinleaf deactivate\" first, then activate %s", old.Key, old.Key.Role(), key)
	}
	return l, s.write("active", []byte(string(key)+"\n"))
}

// ErrNone is the error of [Shelf.Active] when no licence is in force.
var ErrNone = errors.New("no licence is active")

// Active is the licence in force, or [ErrNone].
func (s *Shelf) Active() (Signed, error) {
	raw, err := os.ReadFile(s.path("active"))
	if errors.Is(err, fs.ErrNotExist) {
		return Signed{}, ErrNone
	}
	if err != nil {
		return Signed{}, fmt.Errorf("active licence: %w", err)
	}
	return s.Get(Key(strings.TrimSpace(string(raw))))
}

// Deactivate takes the licence out of force and says which it was. The file stays.
func (s *Shelf) Deactivate() (Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, err := os.ReadFile(s.path("active"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNone
	}
	if err != nil {
		return "", fmt.Errorf("active licence: %w", err)
	}
	return Key(strings.TrimSpace(string(raw))), os.Remove(s.path("active"))
}

// List gives the keys of all imported licences, sorted.
func (s *Shelf) List() ([]Key, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("folder of the licences: %w", err)
	}
	var keys []Key
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".license"); ok {
			keys = append(keys, Key(name))
		}
	}
	return keys, nil
}

func (s *Shelf) path(name string) string { return filepath.Join(s.dir, name) }

// write puts a file in place whole and durable.
func (s *Shelf) write(name string, data []byte) error {
	if err := durable.Write(s.path(name), data, 0o600); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}
