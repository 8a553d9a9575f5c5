package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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

func mustRead(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
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
