package host

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
)

// catalogue lists the programs that a host runs: those of the plug-in folder, held
// to the lock in it if there is one, and the active ones of the store. One that must
// not run is among them, with the reason.
func (c Config) catalogue() ([]*plugin, error) {
	if c.program != "" {
		p := newPlugin(c.program)
		p.stored = true // it may be anybody's, and is confined like what was added
		return []*plugin{p}, nil
	}
	found, err := scan(c.Dir, c.Logger)
	if err != nil {
		return nil, err
	}
	holdToLock(c.Dir, found)
	if c.Store == "" {
		return found, nil
	}
	added := fromStore(c.Store, store.Policy{Signed: c.Signed})
	for _, p := range found {
		p.barred = cmp.Or(p.barred, replaced(added, p.file()))
	}
	return append(added, found...), nil
}

// fromStore lists the active plug-ins of a store. A store that cannot be read is
// one plug-in with a problem: what else there is goes on.
func fromStore(dir string, policy store.Policy) []*plugin {
	s, err := store.At(dir)
	var pins []*store.Pin
	if err == nil {
		pins, err = s.Pins(policy)
	}
	if err != nil {
		p := newPlugin(filepath.Join(dir, store.LockFile))
		p.barred = fmt.Errorf("no plug-in of the store is used: %w", err)
		return []*plugin{p}
	}
	var found []*plugin
	for _, pin := range pins {
		p := newPlugin(pin.Program())
		p.pin, p.stored = pin, true
		found = append(found, p)
	}
	return found
}

// holdToLock gives every program in a folder its place in the folder's lock.
func holdToLock(dir string, found []*plugin) {
	pins, locked, err := store.FolderPins(dir)
	if !locked && err == nil {
		return
	}
	for _, p := range found {
		p.pin = pins[p.file()]
		switch {
		case err != nil:
			p.barred = err
		case p.pin == nil:
			p.barred = fmt.Errorf("%s is not listed in %s", p.file(), filepath.Join(dir, store.LockFile))
		}
	}
}

// startWorker starts a process of p that may write to some folders, if p may be started
// now. The bytes of a program that is held to a lock are looked at before each start and
// must not have changed when it answers: what was looked at is what runs.
func (h *Host) startWorker(p *plugin, writes ...string) (*worker, error) {
	if err := p.check((*store.Pin).Check); err != nil {
		return nil, err
	}
	w, err := h.spawn(p, writes)
	if err != nil {
		return nil, err
	}
	if err := p.check((*store.Pin).Unchanged); err != nil {
		w.kill()
		return nil, err
	}
	return w, nil
}

func (p *plugin) check(held func(*store.Pin) error) error {
	err := p.barred
	if err == nil && p.pin != nil {
		err = held(p.pin)
	}
	if err != nil {
		return fmt.Errorf("plug-in %s is not started: %w", p.name(), err)
	}
	return nil
}

// scan lists the programs in a folder by name: plain executable files and links
// to such, without those whose name begins with a dot or an underscore.
func scan(dir string, log *slog.Logger) ([]*plugin, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("plug-in folder: %w", err)
	}
	var found []*plugin
	for _, e := range entries {
		path, err := filepath.Abs(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_") || e.Name() == store.LockFile {
			continue
		}
		if info.Mode().Perm()&0o111 == 0 {
			log.Warn("file in the plug-in folder is not executable", "path", path)
			continue
		}
		found = append(found, newPlugin(path))
	}
	return found, nil
}

// Identity is what of a plug-in must be the same on two servers.
type Identity struct {
	Stored      bool   `json:"stored,omitempty"`      // it was added to the store; otherwise it lies in the plug-in folder
	Digest      string `json:"digest,omitempty"`      // h1, of all its files
	Signer      string `json:"signer,omitempty"`      // NAME+HASH of the key; empty: nobody signed
	Permissions string `json:"permissions,omitempty"` // one word, see package store
	Schema      string `json:"schema,omitempty"`      // digest of its components and their settings
}

// identity is what is known of p; without known its manifest is not.
func (p *plugin) identity(known bool) Identity {
	if p.pin != nil {
		e := p.pin.Entry
		return Identity{Stored: p.stored, Digest: p.pin.Digest(), Signer: e.Signer, Permissions: e.Permissions, Schema: e.Schema}
	}
	var id Identity
	if sum, err := p.sum(); err == nil {
		id.Digest = store.FileDigest(p.file(), sum)
	}
	if !known {
		return id
	}
	if e, err := store.EntryOf(p.about, p.file()); err == nil {
		id.Permissions, id.Schema = e.Permissions, e.Schema
	}
	return id
}

// replaced says that one of the stored programs stands for others of a name: what the
// operator has added comes first.
func replaced(stored []*plugin, name string) error {
	for _, p := range stored {
		if p.stored && p.pin != nil && p.pin.Entry.Name == name {
			return fmt.Errorf("%s of the store takes its place", p.pin.Entry)
		}
	}
	return nil
}

// unusable is why the program of a name does not serve; nil if it does, or is not there.
func (h *Host) unusable(name string) error {
	for _, p := range h.plugins {
		if pool, problem := p.ready(); p.file() == name && pool == nil {
			return problem
		}
	}
	return nil
}
