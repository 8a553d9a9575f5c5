package clean

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

type filter struct{ answer core.PageClean }

func (f filter) Clean(_ context.Context, c core.CleanCall) (core.PageClean, error) {
	return f.answer, os.WriteFile(filepath.Join(c.Dir, "clean.png"), []byte("x"), 0o600)
}

func run(t *testing.T, answer core.PageClean) (core.PageClean, error) {
	t.Helper()
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ref, _, err := store.Put(t.Context(), strings.NewReader("image"), 0)
	if err != nil {
		t.Fatal(err)
	}
	result, err := New(store, filter{answer}).Run(t.Context(), core.Task{
		Page: 3, Image: core.PageImage{Image: core.File{Name: "a.png", Ref: ref}, Width: 100, Height: 51},
	})
	if err != nil {
		return core.PageClean{}, err
	}
	return result.(core.PageCleaned).Clean, nil
}

func TestSizeOfTheImageToRecogniseIsFilledIn(t *testing.T) {
	got, err := run(t, core.PageClean{Skew: 1.5})
	if err != nil || got.Width != 100 || got.Height != 51 || got.Image != nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTurnedAndHalvedImageIsTaken(t *testing.T) {
	got, err := run(t, core.PageClean{Image: &core.File{Name: "clean.png"}, Turn: 90, Scale: 0.5, Width: 26, Height: 50})
	if err != nil || got.Image.Ref == "" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestLevelledImageIsTakenInItsLargerFrame(t *testing.T) {
	got, err := run(t, core.PageClean{Image: &core.File{Name: "clean.png"}, Skew: 3, Deskew: 3, Width: 103, Height: 57})
	if err != nil || got.Deskew != 3 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBadAnswersAreRefused(t *testing.T) {
	image := &core.File{Name: "clean.png"}
	for name, bad := range map[string]core.PageClean{
		"turn":                    {Turn: 45},
		"skew NaN":                {Skew: math.NaN()},
		"skew":                    {Skew: 50},
		"scale":                   {Image: image, Scale: -1, Width: 100, Height: 51},
		"turned without an image": {Turn: 90},
		"scaled without an image": {Scale: 0.5},
		"size does not fit":       {Image: image, Turn: 90, Width: 100, Height: 51},
		"levelled, no image":      {Deskew: 2},
		"levelled, same frame":    {Image: image, Deskew: 10, Width: 100, Height: 51},
		"size missing":            {Image: image},
		"file missing":            {Image: &core.File{Name: "other.png"}, Width: 100, Height: 51},
	} {
		if got, err := run(t, bad); err == nil || core.AsFailure(err).Code != core.CodePlugin {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
