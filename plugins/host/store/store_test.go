package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// says is a describer for programs that say m.
func says(m sdk.Manifest) Describer {
	return func(_ context.Context, program string) (sdk.Manifest, error) {
		_, err := os.Stat(program)
		return m, err
	}
}

// pack makes a release of a version of the test's plug-in.
func pack(t testing.TB, version, secret string) string {
	t.Helper()
	src, out := t.TempDir(), t.TempDir()
	write(t, filepath.Join(src, "invert"), "#!/bin/sh\n# "+version+"\n", 0o755)
	write(t, filepath.Join(src, "data", "words"), "w", 0o640)
	write(t, filepath.Join(src, ".hidden"), "", 0o644)
	c, err := Gather([]string{src}, "")
	if err != nil {
		t.Fatal(err)
	}
	archive, _, err := Pack(t.Context(), c, out, secret, says(manifest(version)))
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func write(t testing.TB, file, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func newStore(t testing.TB) *Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	t.Cleanup(func() { _ = removeSealed(dir) })
	s, err := At(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// add installs a release as the active version.
func add(t testing.TB, s *Store, archive string) *Candidate {
	t.Helper()
	c := unpack(t, s, archive)
	if err := c.Accept(true); err != nil {
		t.Fatal(err)
	}
	return c
}

func unpack(t testing.TB, s *Store, archive string) *Candidate {
	t.Helper()
	r, err := Local(archive)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	_, version, _, err := splitArchiveName(archive)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Unpack(t.Context(), v, says(manifest(version)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// onlyPin is the one active plug-in of a store.
func onlyPin(t testing.TB, s *Store, policy Policy) *Pin {
	t.Helper()
	pins, err := s.Pins(policy)
	if err != nil || len(pins) != 1 {
		t.Fatalf("%d pins: %v", len(pins), err)
	}
	return pins[0]
}

func wantError(t testing.TB, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("got %v, want %q", err, words)
	}
}

func TestPackingTwiceGivesTheSameBytes(t *testing.T) {
	a, b := pack(t, "1.0.0", ""), pack(t, "1.0.0", "")
	if filepath.Base(a) != goodName {
		t.Errorf("the archive is called %s", filepath.Base(a))
	}
	for _, name := range []string{goodName, SumsFile} {
		x, errX := os.ReadFile(filepath.Join(filepath.Dir(a), name))
		y, errY := os.ReadFile(filepath.Join(filepath.Dir(b), name))
		if err := errors.Join(errX, errY); err != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	opened, err := OpenArchive(a)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	var names []string
	for _, f := range opened.files {
		names = append(names, f.Name)
	}
	if want := []string{"data/words", "invert", ManifestFile}; !reflect.DeepEqual(names, want) {
		t.Errorf("it holds %v, want %v", names, want)
	}
}

func TestWhatIsAddedRunsAsLongAsNothingChanges(t *testing.T) {
	s := newStore(t)
	c := add(t, s, pack(t, "1.0.0", ""))
	p := onlyPin(t, s, Policy{})
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	if !c.Entry.Active || p.Digest() != c.Entry.Hash(Platform()) {
		t.Errorf("entry %+v", p.Entry)
	}
	if err := p.CheckManifest(manifest("1.0.0")); err != nil {
		t.Error(err)
	}
	grown := manifest("1.0.1")
	grown.Permissions.Net = []string{"evil.example:443"}
	err := p.CheckManifest(grown)
	wantError(t, err, "version is 1.0.1, plugins.lock says 1.0.0")
	wantError(t, err, "permissions is net:evil.example:443,memory:64, plugins.lock says memory:64")

	program := p.Program()
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, program, "#!/bin/sh\n# 1.0.1\n", 0o755)
	wantError(t, p.Check(), "the bytes of example.invert 1.0.0 have changed")
	found, err := s.Audit(Policy{})
	if err != nil || len(found) != 1 || !strings.Contains(found[0].Here, "have changed") {
		t.Errorf("audit finds %v (%v)", found, err)
	}
	write(t, program, "#!/bin/sh\n# 1.0.0\n", 0o755)
	if err := p.Check(); err != nil {
		t.Errorf("as it was before: %v", err)
	}
	if err := os.Chmod(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(filepath.Dir(program), "more"), "", 0o644)
	wantError(t, p.Check(), "have changed")
	if err := os.Remove(filepath.Join(filepath.Dir(program), "more")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/sh", filepath.Join(filepath.Dir(program), "more")); err != nil {
		t.Fatal(err)
	}
	wantError(t, p.Check(), "is no plain file")
}

func TestBytesAreReadAgainOnlyWhenAFileWasTouched(t *testing.T) {
	s := newStore(t)
	add(t, s, pack(t, "1.0.0", ""))
	p := onlyPin(t, s, Policy{})
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	if p.lasting {
		t.Error("a file that was written a moment ago is taken for settled")
	}
	_, files, err := digestOf(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	if now := time.Now(); files.settled(now) || !files.settled(now.Add(settled)) {
		t.Error("files settle at another time")
	}
	p.good, p.lasting = files, true
	if err := p.Unchanged(); err != nil {
		t.Error(err)
	}
	if err := os.Chtimes(p.Program(), time.Now(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantError(t, p.Unchanged(), "were touched")
	if err := p.Check(); err != nil {
		t.Errorf("its bytes are the same: %v", err)
	}
	if err := p.Unchanged(); err != nil {
		t.Error(err)
	}
	away := p.dir + ".away"
	if err := errors.Join(os.Rename(p.dir, away), os.Rename(away, p.dir)); err != nil {
		t.Fatal(err)
	}
	wantError(t, p.Unchanged(), "were touched")
}

func TestOneVersionIsActive(t *testing.T) {
	s := newStore(t)
	add(t, s, pack(t, "1.0.0", ""))
	add(t, s, pack(t, "1.1.0", ""))
	if err := unpack(t, s, pack(t, "1.2.0", "")).Accept(false); err != nil {
		t.Fatal(err)
	}
	active := func() string { return onlyPin(t, s, Policy{}).Entry.Version }
	if v := active(); v != "1.1.0" {
		t.Errorf("%s is active", v)
	}
	if err := s.Use("example.invert", "1.0.0"); err != nil || active() != "1.0.0" {
		t.Errorf("%s is active: %v", active(), err)
	}
	wantError(t, s.Use("example.invert", "9.0.0"), "is not installed")
	if err := s.Remove("example.invert", "1.0.0"); !errors.Is(err, ErrActive) {
		t.Errorf("the active version went: %v", err)
	}
	for _, v := range []string{"1.2.0", "1.1.0", "1.0.0"} {
		if err := s.Remove("example.invert", v); err != nil {
			t.Error(err)
		}
	}
	wantError(t, s.Remove("example.invert", "1.0.0"), "is not installed")
	left, err := os.ReadDir(s.path("sha256"))
	if err != nil || len(left) != 0 {
		t.Errorf("files stay: %v %v", left, err)
	}
}

func TestWhatAKilledCommandLeftIsSwept(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{".new-old", ".new-young"} {
		write(t, s.path("sha256", name, "file"), "", 0o444)
		if err := sealFolders(s.path("sha256", name)); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-abandoned - time.Hour)
	if err := os.Chtimes(s.path("sha256", ".new-old"), then, then); err != nil {
		t.Fatal(err)
	}
	add(t, s, pack(t, "1.0.0", ""))
	left, err := filepath.Glob(s.path("sha256", ".new-*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != ".new-young" {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestTheSameVersionWithOtherContentIsRefused(t *testing.T) {
	s := newStore(t)
	archive := pack(t, "1.0.0", "")
	add(t, s, archive)
	add(t, s, archive) // again: no harm
	r, err := Local(writeRelease(t, "#!/bin/sh\nevil\n"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Unpack(t.Context(), v, says(manifest("1.0.0")))
	wantError(t, err, "is installed already, with other content")
}

// writeRelease is version 1.0.0 with a program of its own.
func writeRelease(t testing.TB, program string) string {
	t.Helper()
	src, out := t.TempDir(), t.TempDir()
	write(t, filepath.Join(src, "invert"), program, 0o755)
	c, err := Gather([]string{filepath.Join(src, "invert")}, "")
	if err != nil {
		t.Fatal(err)
	}
	archive, _, err := Pack(t.Context(), c, out, "", says(manifest("1.0.0")))
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func TestAProgramThatSaysAnotherThingThanItsArchiveIsRefused(t *testing.T) {
	s := newStore(t)
	r, err := Local(pack(t, "1.0.0", ""))
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	greedy := manifest("1.0.0")
	greedy.Permissions.Exec = []string{"sh"}
	_, err = s.Unpack(t.Context(), v, says(greedy))
	wantError(t, err, "its permissions is exec:sh,memory:64, manifest.json says memory:64")
	left, err := os.ReadDir(s.path("sha256"))
	if err != nil || len(left) != 0 {
		t.Errorf("files stay: %v %v", left, err)
	}
}

func TestSignedPluginsNameWhoSigned(t *testing.T) {
	secret, verifier, err := NewKey("acme")
	if err != nil {
		t.Fatal(err)
	}
	archive := pack(t, "1.0.0", secret)

	s := newStore(t)
	c := unpack(t, s, archive)
	if c.Entry.Signer != "" || c.vouched.Trusted || c.vouched.Signer != KeyID(verifier) {
		t.Errorf("signer of a stranger: %q, %+v", c.Entry.Signer, c.vouched)
	}
	if err := c.Discard(); err != nil {
		t.Error(err)
	}
	if id, err := s.Trust(verifier); err != nil || id != KeyID(verifier) {
		t.Errorf("trusted %s: %v", id, err)
	}
	add(t, s, archive)
	p := onlyPin(t, s, Policy{Signed: true})
	if err := p.Check(); err != nil || p.Entry.Signer != KeyID(verifier) {
		t.Errorf("signed by %q: %v", p.Entry.Signer, err)
	}

	lock := string(mustRead(t, s.path(LockFile)))
	write(t, s.path(LockFile), strings.Replace(lock, KeyID(verifier), "acme+00000000", 1), 0o644)
	wantError(t, onlyPin(t, s, Policy{}).Check(), "plugins.lock says acme+00000000")
	write(t, s.path(LockFile), lock, 0o644)

	if err := s.Distrust(KeyID(verifier)); err != nil {
		t.Fatal(err)
	}
	wantError(t, onlyPin(t, s, Policy{}).Check(), "none of those who signed is trusted")
	wantError(t, s.Distrust("nobody+00000000"), "no key nobody+00000000")
}

func mustRead(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhereSignaturesAreRequiredOthersDoNotRun(t *testing.T) {
	s := newStore(t)
	add(t, s, pack(t, "1.0.0", ""))
	wantError(t, onlyPin(t, s, Policy{Signed: true}).Check(), "is not signed by a trusted key, and this server requires that")

	// A signer that somebody wrote into the lock has not signed.
	lock := string(mustRead(t, s.path(LockFile)))
	write(t, s.path(LockFile), strings.Replace(lock, "signer=none", "signer=acme+1f2e3d4c", 1), 0o644)
	wantError(t, onlyPin(t, s, Policy{Signed: true}).Check(), "the signature is not there")
}

func TestAReleaseThatDoesNotFitTogetherIsRefused(t *testing.T) {
	secret, verifier, err := NewKey("acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*Release)
		want  string
	}{
		{"archive", func(r *Release) { write(t, r.Archive, "other", 0o644) }, "is not what SHA256SUMS says"},
		{"sums", func(r *Release) { r.Sums = append(r.Sums, '#', '\n') }, "signs another text"},
		{"signature", func(r *Release) { r.Signed = []byte(strings.Replace(string(r.Signed), "— acme", "— acne", 1)) }, "SHA256SUMS.sig"},
		{"signature cut", func(r *Release) { r.Signed = r.Signed[:len(r.Signed)-10] }, "SHA256SUMS.sig: the signature is bad"},
		{"not named", func(r *Release) {
			r.Sums, r.Signed = []byte(strings.Replace(string(r.Sums), "1.0.0", "1.0.1", 1)), nil
		}, "does not name"},
		{"no sums", func(r *Release) { r.Sums, r.Signed = nil, nil }, "names no file"},
		{"garbage sums", func(r *Release) { r.Sums = []byte("<html>") }, "SHA256SUMS, line 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			if _, err := s.Trust(verifier); err != nil {
				t.Fatal(err)
			}
			r, err := Local(pack(t, "1.0.0", secret))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Verify(r); err != nil {
				t.Fatalf("before it was spoilt: %v", err)
			}
			c.spoil(&r)
			v, err := s.Verify(r)
			if err == nil && !v.Trusted {
				err = errors.New("SHA256SUMS.sig: not trusted") // a name that is not known is no error, and no trust
			}
			wantError(t, err, c.want)
		})
	}
}

func TestALockChangedByHandIsNoticed(t *testing.T) {
	for _, c := range []struct{ name, old, now, want string }{
		{"version", "1.0.0", "1.0.1", "version is 1.0.0, plugins.lock says 1.0.1"},
		{"permissions", "perms=memory:64", "perms=none", "permissions is memory:64, plugins.lock says none"},
		{"program", "program=invert", "program=data/words", "program is invert, plugins.lock says data/words"},
		{"kind", "kind=filter", "kind=reader", "kind is filter, plugins.lock says reader"},
		{"digest", "h1:", "h1:" + strings.Repeat("A", 4), "is no h1 digest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			add(t, s, pack(t, "1.0.0", ""))
			text := strings.Replace(string(mustRead(t, s.path(LockFile))), c.old, c.now, 1)
			write(t, s.path(LockFile), text, 0o644)
			pins, err := s.Pins(Policy{})
			if err == nil {
				err = pins[0].Check()
			}
			wantError(t, err, c.want)
		})
	}
}

func TestAStoreThatEverybodyMayChangeIsNotUsed(t *testing.T) {
	s := newStore(t)
	add(t, s, pack(t, "1.0.0", ""))
	if err := os.Chmod(s.path("sha256"), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := s.Pins(Policy{})
	wantError(t, err, "can be changed by every user")
}

func TestAStoreThatIsNotThereIsEmpty(t *testing.T) {
	s := newStore(t)
	pins, err := s.Pins(Policy{Signed: true})
	if err != nil || len(pins) != 0 {
		t.Errorf("%v %v", pins, err)
	}
	if found, err := s.Audit(Policy{}); err != nil || len(found) != 0 {
		t.Errorf("%v %v", found, err)
	}
}

func TestTheLockOfAFolderHoldsItsPrograms(t *testing.T) {
	dir := t.TempDir()
	if _, locked, err := FolderPins(dir); locked || err != nil {
		t.Fatalf("without a lock: %v %v", locked, err)
	}
	write(t, filepath.Join(dir, "invert"), "#!/bin/sh\n", 0o755)
	write(t, filepath.Join(dir, "README"), "", 0o644)
	l, err := LockFolder(t.Context(), dir, says(manifest("1.0.0")))
	if err != nil || len(l.Entries) != 1 {
		t.Fatalf("%+v %v", l, err)
	}
	pins, locked, err := FolderPins(dir)
	if err != nil || !locked || len(pins) != 1 {
		t.Fatalf("%v %v %v", pins, locked, err)
	}
	p := pins["invert"]
	if err := errors.Join(p.Check(), p.CheckManifest(manifest("1.0.0"))); err != nil {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "README"), "read me", 0o644)
	if err := p.Check(); err != nil {
		t.Errorf("another file does not matter: %v", err)
	}
	write(t, filepath.Join(dir, "invert"), "#!/bin/bash\n", 0o755)
	wantError(t, p.Check(), "have changed")
	if err := errors.Join(os.Rename(filepath.Join(dir, "invert"), filepath.Join(dir, "_invert")), os.Symlink("_invert", filepath.Join(dir, "invert"))); err != nil {
		t.Fatal(err)
	}
	wantError(t, p.Check(), "is a link")
	write(t, filepath.Join(dir, LockFile), "garbage\n", 0o644)
	_, _, err = FolderPins(dir)
	wantError(t, err, "line 1")
}

func TestAReleaseIsFetchedOverHTTPSOnly(t *testing.T) {
	secret, _, err := NewKey("acme")
	if err != nil {
		t.Fatal(err)
	}
	archive := pack(t, "1.0.0", secret)
	files := http.FileServer(http.Dir(filepath.Dir(archive)))
	plain := httptest.NewServer(files)
	defer plain.Close()
	mux := http.NewServeMux()
	mux.Handle("/dist/", http.StripPrefix("/dist/", files))
	mux.Handle("/down/", http.RedirectHandler(plain.URL, http.StatusFound))
	mux.HandleFunc("/on/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/on"+r.URL.Path, http.StatusFound)
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	fetch := func(base, dir string) (Release, error) {
		return Fetch(t.Context(), server.Client(), server.URL+base+goodName, dir)
	}
	r, err := fetch("/dist/", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want, err := Local(archive)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Sums, want.Sums) || !bytes.Equal(r.Signed, want.Signed) || !bytes.Equal(mustRead(t, r.Archive), mustRead(t, archive)) {
		t.Error("what was fetched is not what was served")
	}
	_, err = fetch("/down/", t.TempDir())
	wantError(t, err, "it leads to http://")
	_, err = fetch("/on/", t.TempDir())
	wantError(t, err, "on and on")
	_, err = fetch("/none/", t.TempDir())
	wantError(t, err, "there is no such file")
	_, err = Fetch(t.Context(), nil, plain.URL+"/"+goodName, t.TempDir())
	wantError(t, err, "only https")
	_, err = Fetch(t.Context(), nil, "https://example.com/latest.zip", t.TempDir())
	wantError(t, err, "want NAME_VERSION_OS_ARCH.zip")
}

func TestWhatIsPackedMustBePlain(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "#!", 0o755)
	write(t, filepath.Join(dir, "b"), "#!", 0o755)
	write(t, filepath.Join(dir, "text"), "", 0o644)
	_, err := Gather([]string{dir}, "")
	wantError(t, err, "There are 2 executable ones: a b")
	if c, err := Gather([]string{dir}, "b"); err != nil || c.Program != "b" || len(c.Files) != 3 {
		t.Errorf("%+v %v", c, err)
	}
	_, err = Gather([]string{filepath.Join(dir, "text")}, "")
	wantError(t, err, "is not executable")
	_, err = Gather([]string{filepath.Join(dir, "a"), filepath.Join(dir, "a")}, "")
	wantError(t, err, "would have one name")
	_, err = Gather([]string{dir}, "c")
	wantError(t, err, "There is no file c")
}

func FuzzSums(f *testing.F) {
	f.Add([]byte(strings.Repeat("0", 64) + "  a.zip\n# " + anH1 + " a.zip\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ParseSums(text)
		if err != nil {
			return
		}
		for name := range s.H1 {
			if s.Archives[name] == "" {
				delete(s.H1, name) // written only beside its archive
			}
		}
		again, err := ParseSums(s.Bytes())
		if err != nil || !reflect.DeepEqual(again, s) {
			t.Errorf("%v\n%s", err, s.Bytes())
		}
	})
}
