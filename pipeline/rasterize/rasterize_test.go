package rasterize

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
)

// reader writes files and answers.
type reader struct {
	files  []string
	answer core.PageImage
	call   core.PageCall
}

func (r *reader) Page(_ context.Context, c core.PageCall) (core.PageImage, error) {
	r.call = c
	for _, name := range r.files {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(name), 0o600); err != nil {
			return core.PageImage{}, err
		}
	}
	return r.answer, nil
}

func run(t *testing.T, r *reader, o core.Options) (core.PageRasterized, *blob.Store, error) {
	t.Helper()
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ref, size, err := store.Put(t.Context(), strings.NewReader("input"), 0)
	if err != nil {
		t.Fatal(err)
	}
	result, err := New(store, r).Run(t.Context(), core.Task{
		Page: 7, InputPage: 2, Graft: true, Options: o, Input: core.File{Name: "in.pdf", Ref: ref, Size: size, Media: "application/pdf"},
	})
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(r.call.Dir), "scratch-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err != nil {
		return core.PageRasterized{}, store, err
	}
	return result.(core.PageRasterized), store, nil
}

func good() core.PageImage {
	return core.PageImage{Image: core.File{Name: "a.jpg"}, Width: 10, Height: 20, XDPI: 300, YDPI: 300}
}

func TestPageImageBecomesBlobs(t *testing.T) {
	r := &reader{files: []string{"a.jpg", "b.jpg"}, answer: good()}
	r.answer.Shown, r.answer.Orient = &core.File{Name: "b.jpg"}, 6
	got, store, err := run(t, r, core.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Page != 7 || !store.Has(got.Image.Image.Ref) || !store.Has(got.Image.Shown.Ref) || got.Image.Shown.Size != 5 {
		t.Errorf("got %+v", got)
	}
	if r.call.Page != 2 || !r.call.Graft || r.call.Input.Media != "application/pdf" {
		t.Errorf("asked %+v", r.call)
	}
}

func TestBadAnswersCostOneAttempt(t *testing.T) {
	for name, change := range map[string]func(*reader){
		"no file":             func(r *reader) { r.files = nil },
		"path that leads out": func(r *reader) { r.answer.Image.Name = "../a.jpg" },
		"no pixels":           func(r *reader) { r.answer.Width = 0 },
		"too many pixels":     func(r *reader) { r.answer.Width = 1_000_001 },
		"resolution zero":     func(r *reader) { r.answer.XDPI = 0 },
		"resolution NaN":      func(r *reader) { r.answer.YDPI = math.NaN() },
		"orientation 9":       func(r *reader) { r.answer.Orient = 9 },
		"turned, not there":   func(r *reader) { r.answer.Orient = 6 },
		"shown file missing":  func(r *reader) { r.answer.Shown = &core.File{Name: "c.jpg"} },
	} {
		r := &reader{files: []string{"a.jpg"}, answer: good()}
		change(r)
		if got, _, err := run(t, r, core.Options{Limits: core.Limits{Pixels: 1_000_000}}); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
