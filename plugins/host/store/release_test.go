package store

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

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
