package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Pin holds one program to what a lock says of it. Its methods may be called from
// any goroutine.
type Pin struct {
	Entry Entry
	dir   string
	only  []string // files that count; none: all of dir
	where string   // the lock, for people
	bad   error    // why it may not run whatever its bytes are

	mu      sync.Mutex // guards what follows
	good    tree       // the files when their digest was found right; nil: it never was
	lasting bool       // any later change shows in them
}

// Program is the path of the program.
func (p *Pin) Program() string { return filepath.Join(p.dir, filepath.FromSlash(p.Entry.Program)) }

// Digest is the h1 digest that the lock gives for this machine.
func (p *Pin) Digest() string { return p.Entry.Hash(Platform()) }

// Check holds the bytes of the plug-in against the lock. Bytes that were right
// once are not read again while no file has changed.
func (p *Pin) Check() error {
	if p.bad != nil {
		return p.bad
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lasting && p.unchanged() {
		return nil
	}
	p.good, p.lasting = nil, false
	h1, files, err := digestOf(p.dir, p.only...)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the files of %s are not there: %w", p.Entry, err)
	case err != nil:
		return fmt.Errorf("the files of %s: %w", p.Entry, err)
	case h1 != p.Digest():
		return fmt.Errorf("the bytes of %s have changed: they are %s, %s says %s", p.Entry, h1, p.where, p.Digest())
	}
	p.good, p.lasting = files, files.settled(time.Now())
	return nil
}

// Unchanged reports an error if a file was touched after Check found all in order.
func (p *Pin) Unchanged() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.unchanged() {
		return fmt.Errorf("the files of %s were touched while it was started", p.Entry)
	}
	return nil
}

func (p *Pin) unchanged() bool {
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return false
	}
	defer root.Close()
	now, err := look(root, p.only...)
	return err == nil && now.equal(p.good)
}

// CheckManifest holds what the running program says against the lock.
func (p *Pin) CheckManifest(m sdk.Manifest) error {
	here, err := EntryOf(m, p.Entry.Program)
	if err != nil {
		return err
	}
	return different(p.Entry.Differences(here))
}

func different(all []Difference) error {
	if len(all) == 0 {
		return nil
	}
	words := make([]string, len(all))
	for i, d := range all {
		words[i] = d.String()
	}
	return errors.New(strings.Join(words, "; "))
}

// Policy is what an operator wants of plug-ins in a store.
type Policy struct {
	Signed bool // they must be signed by a key that the store trusts
}

// Pins are the active plug-ins of the store. One that may not run is among them;
// its Check says why.
func (s *Store) Pins(policy Policy) ([]*Pin, error) {
	l, err := s.Lock()
	if err != nil {
		return nil, err
	}
	if err := s.writable(); err != nil {
		return nil, err
	}
	keys, err := s.Keys()
	if err != nil {
		return nil, err
	}
	var pins []*Pin
	for _, e := range l.Active() {
		pins = append(pins, s.pin(e, keys, policy))
	}
	return pins, nil
}

func (s *Store) pin(e Entry, keys Keys, policy Policy) *Pin {
	p := &Pin{Entry: e, where: s.path(LockFile)}
	h1 := p.Digest()
	if h1 == "" {
		p.bad = fmt.Errorf("%s has no digest for %s in %s", e, Platform(), p.where)
		return p
	}
	p.dir, p.bad = s.Folder(h1)
	if p.bad == nil {
		p.bad = errorsFirst(s.confirm(e, keys, policy), p.ownManifest())
	}
	return p
}

// ownManifest holds the manifest that lies beside the program against the lock.
func (p *Pin) ownManifest() error {
	raw, err := os.ReadFile(filepath.Join(p.dir, ManifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // Check says what is missing
	}
	if err != nil {
		return err
	}
	_, here, err := readManifest(raw)
	if err != nil {
		return err
	}
	return different(p.Entry.Differences(here))
}

// confirm makes sure that the signer in the lock has signed, and is trusted.
func (s *Store) confirm(e Entry, keys Keys, policy Policy) error {
	var signed []byte
	if e.Signer != "" {
		var err error
		if signed, err = os.ReadFile(s.signedFile(e)); err != nil {
			return fmt.Errorf("%s says that %s signed %s, but the signature is not there: %w", LockFile, e.Signer, e, err)
		}
	}
	return keys.confirm(e, signed, policy)
}

// confirm holds an entry against the signed checksums that came with it.
func (k Keys) confirm(e Entry, signed []byte, policy Policy) error {
	if e.Signer == "" {
		if policy.Signed {
			return fmt.Errorf("%s is not signed by a trusted key, and this server requires that", e)
		}
		return nil
	}
	text, signer, err := k.open(signed)
	if err != nil {
		return fmt.Errorf("%s is signed by %s: %w", e, e.Signer, err)
	}
	if signer != e.Signer {
		return fmt.Errorf("%s is signed by %s, %s says %s", e, signer, LockFile, e.Signer)
	}
	sums, err := ParseSums(text)
	if err != nil {
		return err
	}
	hashes := sums.hashes(e.Name, e.Version)
	for platform, h1 := range e.Hashes {
		if hashes[platform] != h1 {
			return fmt.Errorf("%s did not sign the digest that %s has of %s for %s", signer, LockFile, e, platform)
		}
	}
	return nil
}

// writable refuses a store that everybody can change.
func (s *Store) writable() error {
	for _, name := range []string{".", LockFile, KeysFile, "sha256", "signed"} {
		info, err := os.Stat(s.path(name))
		if err == nil && info.Mode().Perm()&0o002 != 0 {
			return fmt.Errorf("%s can be changed by every user of this machine; chmod o-w it", s.path(name))
		}
	}
	return nil
}
