package take

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
)

func newWork(t *testing.T) (*blob.Store, *Work) {
	t.Helper()
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	w, err := Begin(store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.End)
	return store, w
}

func (w *Work) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.Dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFileOfAnAnswerBecomesABlob(t *testing.T) {
	store, w := newWork(t)
	w.write(t, "page.png", "picture")
	f := core.File{Name: "page.png", Media: "image/png"}
	if err := w.File(t.Context(), &f, 7); err != nil {
		t.Fatal(err)
	}
	if f.Size != 7 || !store.Has(f.Ref) || f.Media != "image/png" {
		t.Errorf("got %+v", f)
	}
}

func TestLinkToASourceIsThatSource(t *testing.T) {
	store, w := newWork(t)
	ref, size, err := store.Put(t.Context(), strings.NewReader("original"), 0)
	if err != nil {
		t.Fatal(err)
	}
	source, err := w.Source(core.File{Name: "in.jpg", Ref: ref, Size: size})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(source.Path, filepath.Join(w.Dir, "same.jpg")); err != nil {
		t.Fatal(err)
	}
	f := core.File{Name: "same.jpg"}
	if err := w.File(t.Context(), &f, 100); err != nil || f.Ref != ref || f.Size != size {
		t.Errorf("got %+v, %v", f, err)
	}
	if !store.Has(ref) {
		t.Error("the source is gone")
	}
}

func TestFileThatIsNotRightIsRefused(t *testing.T) {
	_, w := newWork(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(w.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(w.Dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.write(t, "empty", "")
	w.write(t, "large", strings.Repeat("x", 101))
	for _, name := range []string{"", ".", "..", "../secret", "/etc/passwd", "a/b", "absent", "link", "folder", "empty", "large"} {
		f := core.File{Name: name}
		err := w.File(t.Context(), &f, 100)
		var failure *core.Failure
		if !errors.As(err, &failure) || failure.Code != core.CodePlugin || failure.Permanent {
			t.Errorf("%q: got %+v, %v", name, f, err)
		}
	}
}

func TestBlobThatIsGoneIsAPermanentFailure(t *testing.T) {
	_, w := newWork(t)
	_, err := w.Source(core.File{Name: "in.pdf", Ref: core.Ref(strings.Repeat("0", 64))})
	var failure *core.Failure
	if !errors.As(err, &failure) || !failure.Permanent || !strings.Contains(failure.Detail, "in.pdf") {
		t.Errorf("got %v", err)
	}
}
