package store

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// other is the manifest of a second plug-in.
func other(version string) sdk.Manifest {
	m := manifest(version)
	m.Name = "example.blur"
	return m
}

// packOther makes a release of it; text makes its bytes differ.
func packOther(t testing.TB, version, text string) string {
	t.Helper()
	src, out := t.TempDir(), t.TempDir()
	write(t, filepath.Join(src, "blur"), "#!/bin/sh\n# "+text+"\n", 0o755)
	c, err := Gather([]string{src}, "")
	if err != nil {
		t.Fatal(err)
	}
	archive, _, err := Pack(t.Context(), c, out, "", says(other(version)))
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func addOther(t testing.TB, s *Store, archive, version string) {
	t.Helper()
	r, err := Local(archive)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.Verify(r)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Unpack(t.Context(), v, says(other(version)))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Accept(true); err != nil {
		t.Fatal(err)
	}
}

// from offers what a store has, and says of each program what the manifest beside it says.
func from(s *Store) Source {
	return Source{
		Fetch:    func(_ context.Context, h1 string) (io.ReadCloser, error) { return s.Offer(h1) },
		Describe: honest,
	}
}

func honest(_ context.Context, program string) (sdk.Manifest, error) {
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(program), ManifestFile))
	if err != nil {
		return sdk.Manifest{}, err
	}
	m, _, err := readManifest(raw)
	return m, err
}

func lockOf(t testing.TB, s *Store) Lock {
	t.Helper()
	l, err := s.Lock()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// follows has b follow a, and wants these changes and that both are alike.
func follows(t *testing.T, b, a *Store, changes ...string) {
	t.Helper()
	got, err := b.Follow(t.Context(), lockOf(t, a), from(a))
	if err != nil || !reflect.DeepEqual(got, changes) {
		t.Errorf("changes %q, %v\nwant %q", got, err, changes)
	}
	if x, y := lockOf(t, a).Bytes(), lockOf(t, b).Bytes(); !bytes.Equal(x, y) {
		t.Errorf("the lock is\n%s\nwant\n%s", y, x)
	}
	if found, err := b.Audit(Policy{}); err != nil || len(found) != 0 {
		t.Errorf("the audit finds %v, %v", found, err)
	}
}

func TestAStoreFollowsAnother(t *testing.T) {
	a, b := newStore(t), newStore(t)
	add(t, a, pack(t, "1.0.0", ""))
	addOther(t, a, packOther(t, "1.0.0", "x"), "1.0.0")
	follows(t, b, a, "example.blur 1.0.0: added and active", "example.invert 1.0.0: added and active")
	follows(t, b, a) // nothing is left to do

	add(t, a, pack(t, "2.0.0", ""))
	follows(t, b, a, "example.invert 1.0.0: not active any more", "example.invert 2.0.0: added and active")

	if err := a.Use("example.invert", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	follows(t, b, a, "example.invert 1.0.0: active now", "example.invert 2.0.0: not active any more")

	if err := a.Remove("example.blur", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	follows(t, b, a, "example.blur 1.0.0: removed")
}

// One version with two contents: the primary's counts.
func TestOtherFilesOfTheSameVersionAreReplaced(t *testing.T) {
	a, b := newStore(t), newStore(t)
	addOther(t, a, packOther(t, "1.0.0", "x"), "1.0.0")
	addOther(t, b, packOther(t, "1.0.0", "y"), "1.0.0")
	follows(t, b, a, "example.blur 1.0.0: replaced by other files of this version and active")
}

func TestDamagedFilesAreFetchedAgain(t *testing.T) {
	a, b := newStore(t), newStore(t)
	add(t, a, pack(t, "1.0.0", ""))
	follows(t, b, a, "example.invert 1.0.0: added and active")
	folder, err := b.Folder(lockOf(t, b).Entries[0].Hash(Platform()))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(folder, "invert"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "invert"), "#!/bin/sh\nrm -rf /\n", 0o755)
	follows(t, b, a)
	if err := onlyPin(t, b, Policy{}).Check(); err != nil {
		t.Errorf("it may not run: %v", err)
	}
}

// A server that runs holds on to the version that it began with.
func TestFilesOfWhatWasActiveStayForAWeek(t *testing.T) {
	a, b := newStore(t), newStore(t)
	add(t, a, pack(t, "1.0.0", ""))
	follows(t, b, a, "example.invert 1.0.0: added and active")
	pin := onlyPin(t, b, Policy{})
	if err := a.Remove("example.invert", "1.0.0"); err != nil {
		t.Fatal(err)
	}
	follows(t, b, a, "example.invert 1.0.0: removed")
	follows(t, b, a)
	if err := pin.Check(); err != nil {
		t.Errorf("the running server lost it: %v", err)
	}
	long := time.Now().Add(-keepLeft - time.Hour)
	if err := os.Chtimes(b.path(leftFile), long, long); err != nil {
		t.Fatal(err)
	}
	follows(t, b, a)
	if err := pin.Check(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a week: %v, want the files gone", err)
	}
	add(t, a, pack(t, "1.0.0", ""))
	follows(t, b, a, "example.invert 1.0.0: added and active")
}

func TestAnOfferIsAlwaysTheSame(t *testing.T) {
	a := newStore(t)
	add(t, a, pack(t, "1.0.0", ""))
	h1 := lockOf(t, a).Entries[0].Hash(Platform())
	var offers [2][]byte
	for i := range offers {
		r, err := a.Offer(h1)
		if err != nil {
			t.Fatal(err)
		}
		if offers[i], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(offers[0]) == 0 || !bytes.Equal(offers[0], offers[1]) {
		t.Errorf("%d and %d bytes, which differ", len(offers[0]), len(offers[1]))
	}
	if _, err := a.Offer("h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a digest that is not there: %v", err)
	}
	folder, err := a.Folder(h1)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(folder, "invert"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "invert"), "changed", 0o755)
	_, err = a.Offer(h1)
	wantError(t, err, "its files have changed")
}

// GS11: nothing but exactly what the lock names.
func TestWhatIsNotWhatTheLockNamesIsRefused(t *testing.T) {
	a, strange := newStore(t), newStore(t)
	add(t, a, pack(t, "1.0.0", ""))
	addOther(t, strange, packOther(t, "1.0.0", "x"), "1.0.0")
	h1, strangeH1 := lockOf(t, a).Entries[0].Hash(Platform()), lockOf(t, strange).Entries[0].Hash(Platform())
	offer := func(t *testing.T) []byte {
		r, err := a.Offer(h1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	tarOf := func(name string, content []byte) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644})
		if _, err2 := w.Write(content); errors.Join(err, err2, w.Close()) != nil {
			t.Fatal(err, err2)
		}
		return b.Bytes()
	}
	evil := append(good(t), entry{name: "more", body: "rm -rf /"})
	for name, c := range map[string]struct {
		want  string
		lock  func(*Entry)
		fetch func(*testing.T) []byte
		said  Describer
	}{
		"other content":      {want: "what came has the digest", fetch: func(t *testing.T) []byte { return tarOf(goodName, zipOf(t, evil...)) }},
		"another plug-in":    {want: "wanted is " + goodName, fetch: func(t *testing.T) []byte { r, _ := strange.Offer(strangeH1); raw, _ := io.ReadAll(r); return raw }},
		"a path":             {want: "wanted is", fetch: func(t *testing.T) []byte { return tarOf("../"+goodName, []byte("PK")) }},
		"cut off":            {want: "fetch it", fetch: func(t *testing.T) []byte { return offer(t)[:700] }},
		"nothing":            {want: "ends before its archive", fetch: func(t *testing.T) []byte { return nil }},
		"no tar":             {want: "no tar", fetch: func(t *testing.T) []byte { return bytes.Repeat([]byte("x"), 2000) }},
		"no zip":             {want: "it is no zip", fetch: func(t *testing.T) []byte { return tarOf(goodName, []byte("no zip")) }},
		"digest in the lock": {want: "no plug-in in the store", lock: func(e *Entry) { e.Hashes = map[string]string{AnyPlatform: strangeH1} }},
		"permissions":        {want: "does not say what the lock says", lock: func(e *Entry) { e.Permissions = "mem:128" }},
		"other platform":     {want: "has no digest of it for " + Platform(), lock: func(e *Entry) { e.Hashes = map[string]string{"plan9/mips": h1} }},
		"signer":             {want: "is signed by acme+00000000", lock: func(e *Entry) { e.Signer = "acme+00000000" }},
		"what it says":       {want: "is not what the archive says", said: says(manifest("1.0.1"))},
		"a program that does not start": {want: "try its program", said: func(context.Context, string) (sdk.Manifest, error) {
			return sdk.Manifest{}, errors.New("exit status 1")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b, l, src := newStore(t), lockOf(t, a), from(a)
			if c.lock != nil {
				c.lock(&l.Entries[0])
			}
			if c.said != nil {
				src.Describe = c.said
			}
			if c.fetch != nil {
				src.Fetch = func(context.Context, string) (io.ReadCloser, error) {
					return io.NopCloser(bytes.NewReader(c.fetch(t))), nil
				}
			}
			changes, err := b.Follow(t.Context(), l, src)
			wantError(t, err, c.want)
			wantError(t, err, "example.invert 1.0.0")
			if got := lockOf(t, b); len(changes) != 0 || len(got.Entries) != 0 {
				t.Errorf("it was taken all the same: %v, %v", changes, got)
			}
			if left, err := filepath.Glob(b.path("sha256", "*")); err != nil || len(left) != 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

func TestWhatFailsDoesNotHoldUpTheOthers(t *testing.T) {
	a, b := newStore(t), newStore(t)
	add(t, b, pack(t, "1.0.0", ""))
	add(t, a, pack(t, "2.0.0", ""))
	addOther(t, a, packOther(t, "1.0.0", "x"), "1.0.0")
	src := from(a)
	src.Describe = func(ctx context.Context, program string) (sdk.Manifest, error) {
		if filepath.Base(program) == "invert" {
			return sdk.Manifest{}, errors.New("it does not start here")
		}
		return honest(ctx, program)
	}
	changes, err := b.Follow(t.Context(), lockOf(t, a), src)
	wantError(t, err, "example.invert 2.0.0: try its program: it does not start here")
	if want := []string{"example.blur 1.0.0: added and active"}; !reflect.DeepEqual(changes, want) {
		t.Errorf("changes %q, want %q", changes, want)
	}
	if e, there := lockOf(t, b).Find("example.invert", "1.0.0"); !there || !e.Active {
		t.Error("the version that works here is gone")
	}
}

func TestSignaturesComeAlongAndAreCheckedHere(t *testing.T) {
	secret, verifier, err := NewKey("acme")
	if err != nil {
		t.Fatal(err)
	}
	a, b := newStore(t), newStore(t)
	if _, err := a.Trust(verifier); err != nil {
		t.Fatal(err)
	}
	add(t, a, pack(t, "1.0.0", secret))
	src := from(a)
	src.Policy.Signed = true
	_, err = b.Follow(t.Context(), lockOf(t, a), src)
	wantError(t, err, "none of those who signed is trusted")
	if _, err := b.Trust(verifier); err != nil {
		t.Fatal(err)
	}
	if _, err = b.Follow(t.Context(), lockOf(t, a), src); err != nil {
		t.Fatal(err)
	}
	if err := onlyPin(t, b, Policy{Signed: true}).Check(); err != nil {
		t.Errorf("it may not run: %v", err)
	}

	addOther(t, a, packOther(t, "1.0.0", "x"), "1.0.0")
	_, err = b.Follow(t.Context(), lockOf(t, a), src)
	wantError(t, err, "nobody signed it, and this server requires signatures")
}

func TestOnlyOneFollowsAtATime(t *testing.T) {
	a, b := newStore(t), newStore(t)
	add(t, a, pack(t, "1.0.0", ""))
	src := from(a)
	src.Fetch = func(_ context.Context, h1 string) (io.ReadCloser, error) {
		_, err := b.Follow(t.Context(), lockOf(t, a), from(a))
		wantError(t, err, "is being changed by another command")
		return a.Offer(h1)
	}
	if _, err := b.Follow(t.Context(), lockOf(t, a), src); err != nil {
		t.Fatal(err)
	}
}

// An offer writes nothing but the one archive, whatever it is.
func FuzzOffer(f *testing.F) {
	a := newStore(f)
	add(f, a, pack(f, "1.0.0", ""))
	r, err := a.Offer(lockOf(f, a).Entries[0].Hash(Platform()))
	if err != nil {
		f.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.Replace(raw, []byte(goodName), []byte("../"+goodName[3:]), 1))
	f.Add([]byte(strings.Repeat("\x00", 1024)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		outer := t.TempDir()
		dir := filepath.Join(outer, "in")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		release, err := takeOffer(bytes.NewReader(raw), dir, goodName)
		all, err2 := filepath.Glob(filepath.Join(outer, "*", "*"))
		if beside, err3 := os.ReadDir(outer); err2 != nil || err3 != nil || len(beside) != 1 || len(all) > 1 {
			t.Errorf("wrote %v beside %v", all, beside)
		}
		if err == nil && (len(all) != 1 || all[0] != release.Archive) {
			t.Errorf("no error, and the archive is in %v", all)
		}
	})
}
