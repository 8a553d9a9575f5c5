package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Source is where a store that follows another gets plug-ins from, and what it asks of them.
type Source struct {
	Fetch    func(ctx context.Context, h1 string) (io.ReadCloser, error) // an Offer of the other store
	Describe Describer
	Policy   Policy
}

// Follow makes the store what the lock of another one says: it takes what is missing,
// makes the same versions active and drops what is too much. It gives what it changed,
// one line each.
//
// Nothing comes in but exactly what the lock names: the files must have the digest that
// it has for this machine, the manifest and the running program must say what it says,
// and where it names a signer that one must have signed and be trusted here. A plug-in of
// which a version fails stays as it is here, all others follow; the errors come together.
//
// Files of versions that were active stay for a week, for a server that still runs.
func (s *Store) Follow(ctx context.Context, want Lock, from Source) (changes []string, err error) {
	err = s.change(func() error {
		have, err := s.Lock()
		if err != nil {
			return err
		}
		if err := errors.Join(s.sweep(time.Now()), s.clearLeft(have, time.Now())); err != nil {
			return err
		}
		next, failed := s.gather(ctx, have, want, from)
		changes = Changes(have, next)
		if next.Equal(have) {
			return failed
		}
		if err := s.leave(have, next); err != nil {
			return errors.Join(failed, err)
		}
		if err := s.write(next); err != nil {
			return errors.Join(failed, err)
		}
		return errors.Join(failed, s.dropUnused(have, next))
	})
	return changes, err
}

// gather takes what is missing and gives the lock that the store then can have.
func (s *Store) gather(ctx context.Context, have, want Lock, from Source) (Lock, error) {
	var next Lock
	var failed []error
	for _, name := range want.names() {
		versions := want.Versions(name)
		if err := s.takeAll(ctx, have, versions, from); err != nil {
			failed = append(failed, err)
			versions = have.Versions(name)
		}
		next.Entries = append(next.Entries, versions...)
	}
	return next, errors.Join(failed...)
}

// names are those of all plug-ins, in order.
func (l Lock) names() []string {
	var all []string
	for _, e := range l.sorted() {
		all = append(all, e.Name)
	}
	return slices.Compact(all)
}

func (s *Store) takeAll(ctx context.Context, have Lock, versions []Entry, from Source) error {
	for _, e := range versions {
		if s.holds(have, e, from.Policy) {
			continue
		}
		if err := s.take(ctx, e, from); err != nil {
			return fmt.Errorf("%s: %w", e, err)
		}
	}
	return nil
}

// holds reports whether e is installed and all right, active or not.
func (s *Store) holds(have Lock, e Entry, policy Policy) bool {
	here, there := have.Find(e.Name, e.Version)
	here.Active = e.Active
	if !there || !here.Equal(e) {
		return false
	}
	keys, err := s.Keys()
	if err != nil {
		return false
	}
	return s.pin(e, keys, policy).Check() == nil
}

// take fetches one plug-in and puts its files in place. The lock does not know it yet.
func (s *Store) take(ctx context.Context, e Entry, from Source) (err error) {
	platform := Platform()
	if e.Hashes[platform] == "" {
		platform = AnyPlatform
	}
	h1 := e.Hashes[platform]
	if h1 == "" {
		return fmt.Errorf("the other server's %s has no digest of it for %s", LockFile, Platform())
	}
	if e.Signer == "" && from.Policy.Signed {
		return errors.New("nobody signed it, and this server requires signatures")
	}
	tmp, err := os.MkdirTemp("", "twinleaf-follow-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	r, err := from.Fetch(ctx, h1)
	if err != nil {
		return fmt.Errorf("fetch it: %w", err)
	}
	release, err := takeOffer(r, tmp, ArchiveName(e.Name, e.Version, platform))
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("fetch it: %w", err)
	}
	return s.install(ctx, e, release, from)
}

// install holds what was fetched against e and gives it its place.
func (s *Store) install(ctx context.Context, e Entry, r Release, from Source) (err error) {
	keys, err := s.Keys()
	if err == nil {
		err = keys.confirm(e, r.Signed, from.Policy)
	}
	if err != nil {
		return err
	}
	a, err := OpenArchive(r.Archive)
	if err != nil {
		return err
	}
	defer a.Close()
	c := &Candidate{Entry: e, store: s, vouched: Vouched{Signer: e.Signer, Trusted: e.Signer != "", release: r}}
	if c.dir, err = os.MkdirTemp(s.path("sha256"), ".new-"); err != nil {
		return fmt.Errorf("plug-in store: %w", err)
	}
	defer func() { err = errors.Join(err, c.Discard()) }()
	if err := c.prove(ctx, a, from.Describe); err != nil {
		return err
	}
	return errorsFirst(c.move(), c.keepSigned())
}

// prove unpacks the archive, and makes sure that it is what the entry says.
func (c *Candidate) prove(ctx context.Context, a *Archive, describe Describer) error {
	h1, err := a.Unpack(c.dir)
	if err != nil {
		return err
	}
	if want := c.Entry.Hash(Platform()); h1 != want {
		return fmt.Errorf("what came has the digest %s, the other server's %s says %s", h1, LockFile, want)
	}
	if err := different(c.Entry.Differences(a.Entry)); err != nil {
		return fmt.Errorf("its %s does not say what the lock says: %w", ManifestFile, err)
	}
	m, err := describe(ctx, filepath.Join(c.dir, filepath.FromSlash(c.Entry.Program)))
	if err != nil {
		return fmt.Errorf("try its program: %w", err)
	}
	return c.Entry.compare(m)
}
