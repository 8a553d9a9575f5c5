package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// says is what every program of these tests says of itself.
func says(version string) store.Describer {
	return func(context.Context, string) (sdk.Manifest, error) {
		return sdk.Manifest{
			Info: sdk.Info{Name: "example.invert", Version: version}, Protocol: 2,
			Components: []sdk.ComponentManifest{{ID: "invert", Kind: sdk.KindFilter, Ops: []string{"filter"}, Schema: []byte(`{"type":"object"}`)}},
		}, nil
	}
}

// serverFiles are the data folder of a server and its store.
func serverFiles(t *testing.T) whereabouts {
	t.Helper()
	data := t.TempDir()
	s, err := store.At(filepath.Join(data, "plugins"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // its folders are read-only
		_ = filepath.WalkDir(data, func(p string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(p, 0o700)
			}
			return err
		})
	})
	return whereabouts{store: s, data: data}
}

// candidate unpacks a version with some text in its program.
func (p whereabouts) candidate(t *testing.T, version, text string) *store.Candidate {
	t.Helper()
	program := filepath.Join(t.TempDir(), "invert")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n# "+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	contents, err := store.Gather([]string{program}, "")
	if err != nil {
		t.Fatal(err)
	}
	archive, _, err := store.Pack(t.Context(), contents, t.TempDir(), "", says(version))
	if err != nil {
		t.Fatal(err)
	}
	release, err := store.Local(archive)
	if err != nil {
		t.Fatal(err)
	}
	v, err := p.store.Verify(release)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.store.Unpack(t.Context(), v, says(version))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Discard() })
	return c
}

func (p whereabouts) add(t *testing.T, version string) {
	t.Helper()
	if err := p.candidate(t, version, version).Accept(true); err != nil {
		t.Fatal(err)
	}
}

// offers are what a server of these files lets its peer ask for.
func (p whereabouts) offers() node.Offers {
	return offered(config{Store: p.store.Dir()}, node.Offers{})
}

func (p whereabouts) lock(t *testing.T) []byte {
	t.Helper()
	raw, err := p.offers().Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// license activates a key on a server.
func (p whereabouts) license(t *testing.T, key license.Key) {
	t.Helper()
	i, l := newIssuer(t), north()
	l.Key = key
	shelf, err := license.OpenShelf(filepath.Join(p.data, licenseFolder))
	if err == nil {
		err = shelf.Trust(i.public)
	}
	if err == nil {
		_, err = shelf.Import([]byte(i.issue(t, l)))
	}
	if err == nil {
		_, err = shelf.Activate(key, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAStoreIsBroughtToWhatThePrimaryHas(t *testing.T) {
	a, b := serverFiles(t), serverFiles(t)
	a.add(t, "1.0.0")
	a.add(t, "2.0.0")
	describe := func(_ context.Context, program string) (sdk.Manifest, error) {
		raw, err := os.ReadFile(filepath.Join(filepath.Dir(program), store.ManifestFile))
		var m sdk.Manifest
		return m, errors.Join(err, json.Unmarshal(raw, &m))
	}
	changes, err := followLock(t.Context(), a.lock(t), a.offers().Archive, b, describe)
	want := []string{"example.invert 1.0.0: added", "example.invert 2.0.0: added and active"}
	if err != nil || !reflect.DeepEqual(changes, want) {
		t.Fatalf("changes %q, %v; want %q", changes, err, want)
	}
	if x, y := string(a.lock(t)), string(b.lock(t)); x != y {
		t.Errorf("the lock is\n%s\nwant\n%s", y, x)
	}
	if changes, err = followLock(t.Context(), a.lock(t), nil, b, describe); err != nil || len(changes) != 0 {
		t.Errorf("the second time: %q, %v", changes, err)
	}
	if _, err := followLock(t.Context(), []byte("no lock\n"), nil, b, describe); err == nil || !strings.Contains(err.Error(), "the primary's plugins.lock, line 1") {
		t.Errorf("a lock that is none: %v", err)
	}
	gone := func(context.Context, string) (io.ReadCloser, error) {
		return nil, errors.New("the primary does not answer")
	}
	a.add(t, "3.0.0")
	if changes, err = followLock(t.Context(), a.lock(t), gone, b, describe); err == nil || len(changes) != 0 {
		t.Errorf("without the primary: %q, %v", changes, err)
	}
}

func readOnlyError(t *testing.T, err error, words ...string) {
	t.Helper()
	f := (*core.Failure)(nil)
	if !errors.As(err, &f) || f.Code != core.CodeReadOnly {
		t.Fatalf("got %v, want it refused as read-only", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
}

func TestGS10ASecondaryRefusesToChangePluginsAndSaysWhere(t *testing.T) {
	p := serverFiles(t)
	if err := p.changeable("use"); err != nil {
		t.Errorf("without a licence: %v", err)
	}
	p.license(t, northKey)
	if err := p.changeable("use"); err != nil {
		t.Errorf("on a primary: %v", err)
	}
	p = serverFiles(t)
	p.license(t, southKey)
	readOnlyError(t, p.changeable("remove"), "secondary of a pair (licence 04)", `run "twinleaf plugin remove" on the primary, then "twinleaf pair sync" here`)

	self, err := identity.Open(filepath.Join(p.data, serverFolder), "south", false)
	if err != nil {
		t.Fatal(err)
	}
	err = self.Form(identity.Formed{
		Pair: "p", Role: pair.Secondary, At: time.Now().UTC(), Silence: 3 * time.Second,
		Peer: identity.Peer{ID: "north-1234", Name: "north", Fingerprint: strings.Repeat("ab", 32), Addresses: []string{"10.0.0.1:8443"}, URL: "https://north.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	readOnlyError(t, p.changeable("use"), "on the primary (https://north.example)")
}

func TestGS11ASecondaryAddsExactlyWhatThePrimarysLockNames(t *testing.T) {
	a, p := serverFiles(t), serverFiles(t)
	a.add(t, "1.0.0")
	p.license(t, southKey)
	right, wrong, other := p.candidate(t, "1.0.0", "1.0.0"), p.candidate(t, "1.0.0", "something else"), p.candidate(t, "2.0.0", "2.0.0")

	_, err := p.mayAdd(right.Entry, true)
	readOnlyError(t, err, "was never seen here")
	if err := p.keepPrimaryLock(a.lock(t)); err != nil {
		t.Fatal(err)
	}
	if active, err := p.mayAdd(right.Entry, false); err != nil || !active {
		t.Errorf("what the lock names: active %v, %v", active, err)
	}
	_, err = p.mayAdd(wrong.Entry, true)
	readOnlyError(t, err, "names example.invert 1.0.0 with other content, h1:")
	_, err = p.mayAdd(other.Entry, true)
	readOnlyError(t, err, "does not name example.invert 2.0.0", `run "twinleaf plugin add" on the primary`)
	more := right.Entry
	more.Permissions = "net"
	_, err = p.mayAdd(more, true)
	readOnlyError(t, err, "permissions is net")
}

func TestALicenceThatCannotBeReadLetsNobodyChangePlugins(t *testing.T) {
	p := serverFiles(t)
	p.license(t, southKey)
	if err := os.WriteFile(filepath.Join(p.data, licenseFolder, southKey+".license"), []byte("no licence"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.changeable("use"); err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("got %v", err)
	}
}
