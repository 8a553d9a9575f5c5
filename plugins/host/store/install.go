package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Release is an archive with what lies beside it.
type Release struct {
	Archive string // path
	Sums    []byte // SHA256SUMS
	Signed  []byte // SHA256SUMS.sig; empty: not signed
}

// Vouched is what the checksums of a release say, and who stands for them.
type Vouched struct {
	Signer  string // NAME+HASH of who signed; empty: nobody
	Trusted bool   // that one is trusted here

	release Release
	sums    Sums
}

// Verify holds the archive against its checksums, and them against their signature.
func (s *Store) Verify(r Release) (Vouched, error) {
	v := Vouched{release: r}
	keys, err := s.Keys()
	if err != nil {
		return v, err
	}
	if v.sums, err = ParseSums(r.Sums); err != nil {
		return v, err
	}
	if v.Signer, v.Trusted, err = keys.verify(r.Sums, r.Signed); err != nil {
		return v, err
	}
	name := filepath.Base(r.Archive)
	want := v.sums.Archives[name]
	if want == "" {
		return v, fmt.Errorf("%s does not name %s", SumsFile, name)
	}
	have, err := sumOf(r.Archive)
	if err == nil && have != want {
		err = fmt.Errorf("%s is not what %s says: its SHA-256 is %s, not %s", name, SumsFile, have, want)
	}
	return v, err
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Describer starts the program of a plug-in, confined, and gives its manifest.
type Describer func(ctx context.Context, program string) (sdk.Manifest, error)

// Candidate is an archive that lies unpacked in the store and is not yet allowed
// to run. Accept or Discard ends it.
type Candidate struct {
	Entry    Entry
	Manifest sdk.Manifest
	Replaces []Entry // installed versions of the plug-in

	store   *Store
	dir     string // unpacked
	vouched Vouched
}

// Unpack puts an archive into the store, tries its program, and makes sure that it
// says of itself what the archive says.
func (s *Store) Unpack(ctx context.Context, v Vouched, describe Describer) (*Candidate, error) {
	a, err := OpenArchive(v.release.Archive)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if !runsHere(a.Platform) {
		return nil, fmt.Errorf("%s is for %s, this machine is %s", filepath.Base(v.release.Archive), a.Platform, Platform())
	}
	c := &Candidate{Entry: a.Entry, Manifest: a.Manifest, store: s, vouched: v}
	err = s.change(func() error {
		if err := s.sweep(time.Now()); err != nil {
			return err
		}
		if c.dir, err = os.MkdirTemp(s.path("sha256"), ".new-"); err != nil {
			return fmt.Errorf("plug-in store: %w", err)
		}
		return c.fill(ctx, a, describe)
	})
	if err != nil {
		return nil, errors.Join(err, c.Discard())
	}
	return c, nil
}

// abandoned is how old an unpacked archive is that nobody accepts or discards any more.
const abandoned = 24 * time.Hour

// sweep deletes what a command left that was killed.
func (s *Store) sweep(now time.Time) error {
	left, err := filepath.Glob(s.path("sha256", ".new-*"))
	for _, dir := range left {
		if info, statErr := os.Stat(dir); statErr == nil && now.Sub(info.ModTime()) > abandoned {
			err = errors.Join(err, removeSealed(dir))
		}
	}
	return err
}

func runsHere(platform string) bool { return platform == Platform() || platform == AnyPlatform }

func (c *Candidate) fill(ctx context.Context, a *Archive, describe Describer) error {
	h1, err := a.Unpack(c.dir)
	if err != nil {
		return err
	}
	name := filepath.Base(c.vouched.release.Archive)
	if said := c.vouched.sums.H1[name]; said != "" && said != h1 {
		return fmt.Errorf("%s unpacks to %s, its %s says %s", name, h1, SumsFile, said)
	}
	if c.vouched.Trusted {
		if c.vouched.sums.H1[name] == "" {
			return fmt.Errorf("the signed %s does not name the digest of what %s holds; \"twinleaf plugin pack\" writes such lines", SumsFile, name)
		}
		c.Entry.Signer = c.vouched.Signer
		c.Entry.Hashes = c.vouched.sums.hashes(a.Entry.Name, a.Entry.Version)
	}
	c.Entry.Hashes[a.Platform] = h1
	maps.DeleteFunc(c.Entry.Hashes, func(platform, _ string) bool {
		return platform != a.Platform && (platform == AnyPlatform || a.Platform == AnyPlatform) // there is one choice at most
	})
	if err := c.conflict(); err != nil {
		return err
	}
	m, err := describe(ctx, filepath.Join(c.dir, filepath.FromSlash(c.Entry.Program)))
	if err != nil {
		return fmt.Errorf("try the program of %s: %w", c.Entry, err)
	}
	return c.Entry.compare(m)
}

// compare holds what a program says against the manifest of its archive.
func (e Entry) compare(m sdk.Manifest) error {
	here, err := EntryOf(m, e.Program)
	if err != nil {
		return err
	}
	var words []string
	for _, d := range e.Differences(here) {
		words = append(words, fmt.Sprintf("its %s is %s, %s says %s", d.What, d.Here, ManifestFile, d.Lock))
	}
	if len(words) == 0 {
		return nil
	}
	return fmt.Errorf("the program of %s is not what the archive says: %s", e, strings.Join(words, "; "))
}

// Try unpacks an archive into an empty folder, tries its program, and deletes it again.
func Try(ctx context.Context, archive, dir string, describe Describer) (err error) {
	a, err := OpenArchive(archive)
	if err != nil {
		return err
	}
	defer a.Close()
	if !runsHere(a.Platform) {
		return fmt.Errorf("%s is for %s, this machine is %s", filepath.Base(archive), a.Platform, Platform())
	}
	dir = filepath.Join(dir, "unpacked")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeSealed(dir)) }()
	if _, err := a.Unpack(dir); err != nil {
		return err
	}
	m, err := describe(ctx, filepath.Join(dir, filepath.FromSlash(a.Entry.Program)))
	if err != nil {
		return fmt.Errorf("try the program of %s: %w", a.Entry, err)
	}
	return a.Entry.compare(m)
}

// ErrTaken says that a version is there with other bytes than those that are to be added.
var ErrTaken = errors.New("installed already, with other content")

// conflict finds out what of this plug-in is installed already.
func (c *Candidate) conflict() error {
	l, err := c.store.Lock()
	if err != nil {
		return err
	}
	c.Replaces = l.Versions(c.Entry.Name)
	old, there := l.Find(c.Entry.Name, c.Entry.Version)
	if !there {
		return nil
	}
	for platform, h1 := range old.Hashes {
		if other := c.Entry.Hashes[platform]; other != "" && other != h1 {
			return fmt.Errorf("%s is %w: %s for %s, here %s", old, ErrTaken, h1, platform, other)
		}
	}
	return nil
}

// Discard deletes the unpacked files.
func (c *Candidate) Discard() error {
	if c.dir == "" {
		return nil
	}
	return removeSealed(c.dir)
}

// Accept makes the candidate an installed plug-in, and its version the active one if
// activate is set or no other version is installed.
func (c *Candidate) Accept(activate bool) error {
	s := c.store
	return s.edit(func(l *Lock) error {
		if err := c.conflict(); err != nil {
			return err
		}
		if err := c.move(); err != nil {
			return err
		}
		if err := c.keepSigned(); err != nil {
			return err
		}
		c.Entry.Active = false
		if old, there := l.Find(c.Entry.Name, c.Entry.Version); there {
			c.Entry.Active = old.Active
			if c.Entry.Signer == "" { // what is known of the same bytes stays
				c.Entry.Signer = old.Signer
				maps.Copy(c.Entry.Hashes, old.Hashes)
			}
		}
		l.drop(c.Entry.Name, c.Entry.Version)
		l.Entries = append(l.Entries, c.Entry)
		if activate || len(c.Replaces) == 0 {
			l.use(c.Entry.Name, c.Entry.Version)
			c.Entry.Active = true
		}
		return nil
	})
}

// keepSigned keeps the signature of a trusted signer beside the files.
func (c *Candidate) keepSigned() error {
	if !c.vouched.Trusted {
		return nil
	}
	return durable.Write(c.store.signedFile(c.Entry), c.vouched.release.Signed, 0o644)
}

// move gives the files their place. What lies there already, under the same
// digest, is replaced: it may have been damaged.
func (c *Candidate) move() error {
	folder, err := c.store.Folder(c.Entry.Hash(Platform()))
	if err != nil {
		return err
	}
	if err := errorsFirst(syncAll(c.dir), removeSealed(folder)); err != nil {
		return err
	}
	if err := os.Rename(c.dir, folder); err != nil {
		return fmt.Errorf("plug-in store: %w", err)
	}
	c.dir = ""
	return durable.Sync(filepath.Dir(folder))
}
