package native

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// prefix makes one with a library and a distribution's, described truly, and lets the
// description be changed.
func prefix(t *testing.T, change func(*Build)) string {
	t.Helper()
	dir := t.TempDir()
	system := filepath.Join(dir, "system.so.5")
	p := filepath.Join(dir, Folder, "engine")
	here, err := processor()
	if err != nil || len(here) == 0 {
		t.Skipf("what the processor is able to do is not told: %v", err)
	}
	b := Build{
		Format: Format, Library: "libengine.so.5", SHA256: sum("fast"), Source: "engine 5.3.0-2", Processor: "some processor",
		Needs: here[:1], Replaces: system, ReplacesSHA256: sum("slow"),
	}
	if change != nil {
		change(&b)
	}
	raw, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	write(t, system, "slow")
	write(t, filepath.Join(p, "lib", "libengine.so.5"), "fast")
	write(t, filepath.Join(p, BuildFile), string(raw))
	return p
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sum(s string) string {
	d := sha256.Sum256([]byte(s))
	return hex.EncodeToString(d[:])
}

func TestALibraryThatFitsIsUsed(t *testing.T) {
	p := prefix(t, nil)
	l, err := Open(p)
	if err != nil {
		t.Fatal(err)
	}
	if l.Lib() != filepath.Join(p, "lib") || l.Build.Source != "engine 5.3.0-2" || l.Unchanged() != nil {
		t.Errorf("got %+v, %v", l, l.Unchanged())
	}
}

func TestWithoutAPrefixThereIsNone(t *testing.T) {
	if _, err := Open(Beside(filepath.Join(t.TempDir(), "plugins"), "engine")); !errors.Is(err, ErrNone) {
		t.Errorf("got %v", err)
	}
}

func TestThePrefixLiesBesideThePlugIns(t *testing.T) {
	for dir, want := range map[string]string{
		"/usr/local/lib/twinleaf/plugins":  "/usr/local/lib/twinleaf/native/tesseract",
		"/usr/local/lib/twinleaf/plugins/": "/usr/local/lib/twinleaf/native/tesseract",
	} {
		if got := Beside(dir, "tesseract"); got != want {
			t.Errorf("%s: got %s", dir, got)
		}
	}
}

func TestALibraryThatDoesNotFitIsLeftAside(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Build)
		want   string
	}{
		"another processor":       {func(b *Build) { b.Needs = append(b.Needs, "sve9", "tea") }, "another processor (some processor); this one lacks sve9 tea"},
		"needs nothing":           {func(b *Build) { b.Needs = nil }, "does not say what the processor"},
		"newer distribution":      {func(b *Build) { b.ReplacesSHA256 = sum("slow, older") }, "has changed since it was built of engine 5.3.0-2"},
		"no distribution":         {func(b *Build) { b.Replaces += ".gone" }, "has changed since"},
		"relative distribution":   {func(b *Build) { b.Replaces = "lib.so" }, "which library it stands for"},
		"other content":           {func(b *Build) { b.SHA256 = sum("faster") }, "is not the file that was described"},
		"other format":            {func(b *Build) { b.Format = 2 }, "format 2, this version reads 1"},
		"library elsewhere":       {func(b *Build) { b.Library = "../x.so" }, "no file name of a library"},
		"library that is missing": {func(b *Build) { b.Library = "libother.so" }, "no such file"},
		"library that is a dir":   {func(b *Build) { b.Library = "." }, "no file name of a library"},
	} {
		t.Run(name, func(t *testing.T) {
			if l, err := Open(prefix(t, c.change)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v", l, err)
			}
		})
	}
}

func TestAPrefixWithoutADescriptionIsLeftAside(t *testing.T) {
	p := prefix(t, nil)
	if err := os.Remove(filepath.Join(p, BuildFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(p); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("got %v", err)
	}
}

func TestALibraryThatIsReplacedIsNoticed(t *testing.T) {
	l, err := Open(prefix(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(l.path(), l.path()+".old"); err != nil {
		t.Fatal(err)
	}
	if err := l.Unchanged(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("gone: got %v", err)
	}
	write(t, l.path(), "fast")
	if err := l.Unchanged(); err == nil || !strings.Contains(err.Error(), "has been replaced") {
		t.Errorf("replaced: got %v", err)
	}
}

func TestAbilitiesAreReadOnEveryKindOfProcessor(t *testing.T) {
	for name, c := range map[string]struct{ info, want string }{
		"x86":  {"processor\t: 0\nmodel name\t: Some\nflags\t\t: sse avx2\nflags : other\n", "sse avx2"},
		"arm":  {"processor\t: 0\nFeatures\t: fp asimd\n", "fp asimd"},
		"none": {"processor: 0\n", ""},
	} {
		if got := strings.Join(abilities(c.info), " "); got != c.want {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func FuzzBuild(f *testing.F) {
	f.Add([]byte(`{"format":1,"library":"l.so","needs":["avx"],"replaces":"/l.so"}`))
	f.Add([]byte(`{"format":1,"library":"../l.so"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := decode(raw)
		if err == nil && (strings.ContainsRune(b.Library, '/') || b.Library == ".." || len(b.Needs) == 0) {
			t.Errorf("taken: %+v", b)
		}
	})
}
