package clean

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/cache"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
)

// steady are filters that never change.
type steady struct{}

func (steady) Basis(_ context.Context, _ core.StepKind, s core.Step, _ string) (string, error) {
	return s.Plugin, nil
}

// counted is a filter that gives the same answer each time.
type counted struct {
	answer core.PageClean
	calls  int
}

func (c *counted) Clean(_ context.Context, call core.CleanCall) (core.PageClean, error) {
	c.calls++
	for _, f := range []*core.File{c.answer.Image, c.answer.Shown} {
		if f == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(call.Dir, f.Name), []byte("made "+f.Media), 0o600); err != nil {
			return core.PageClean{}, err
		}
	}
	return c.answer, nil
}

// asked lets a filter look at the same page on two servers' blob stores, one after the
// other, that share a memory.
func asked(t *testing.T, answer core.PageClean, change func(*core.Task)) (first, second core.PageClean, calls int) {
	t.Helper()
	kept, err := cache.Open(t.TempDir(), cache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kept.Close)
	memory, err := reuse.New(kept, steady{}, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	f := &counted{answer: answer}
	var got []core.PageClean
	for i := range 2 {
		store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		ref, _, err := store.Put(t.Context(), strings.NewReader("scan"), 0)
		if err != nil {
			t.Fatal(err)
		}
		task := core.Task{Page: 3, Image: core.PageImage{Image: core.File{Name: "a.png", Ref: ref}, Width: 100, Height: 50, XDPI: 300, YDPI: 300}}
		if i == 1 && change != nil {
			change(&task)
		}
		result, err := New(store, f).Reusing(memory).Run(t.Context(), task)
		if err != nil {
			t.Fatal(err)
		}
		found := result.(core.PageCleaned).Clean
		for _, file := range []*core.File{found.Image, found.Shown} {
			if file != nil && !store.Has(file.Ref) {
				t.Errorf("the image %s is no blob", file.Name)
			}
		}
		got = append(got, found)
	}
	return got[0], got[1], f.calls
}

func TestAPageIsCleanedOnce(t *testing.T) {
	turned := core.File{Name: "turned.png", Media: "image/png"}
	shown := core.File{Name: "shown.tif", Media: "image/tiff"}
	for name, answer := range map[string]core.PageClean{
		"as it is":   {Skew: 1, By: "leptonica 1"},
		"blank":      {Blank: true},
		"a sheet":    {Separator: true, Codes: []core.Code{{Type: "qr", Value: "x"}}},
		"turned":     {Image: &turned, Turn: 90, Width: 50, Height: 100},
		"two images": {Image: &turned, Shown: &shown, Turn: 180, Width: 100, Height: 50},
		"one image":  {Image: &turned, Shown: &core.File{Name: "same.png", Media: "image/png"}, Width: 100, Height: 50},
	} {
		first, second, calls := asked(t, answer, nil)
		if calls != 1 || first.Cached || !second.Cached {
			t.Errorf("%s: %d calls; %+v, %+v", name, calls, first, second)
		}
		if second.Cached = false; !reflect.DeepEqual(first, second) {
			t.Errorf("%s: got %+v, want %+v", name, second, first)
		}
	}
}

func TestWhateverChangesAFindingIsAnotherQuestion(t *testing.T) {
	for name, change := range map[string]func(*core.Task){
		"resolution": func(t *core.Task) { t.Image.YDPI = 200 },
		"plug-in":    func(t *core.Task) { t.Options.Filters = []core.Step{{Plugin: "other"}} },
		"settings":   func(t *core.Task) { t.Options.Filters = []core.Step{{Settings: json.RawMessage(`{"a":1}`)}} },
		"one more":   func(t *core.Task) { t.Options.Filters = []core.Step{{}, {Plugin: "other"}} },
		"graft":      func(t *core.Task) { t.Graft = true },
		"limits":     func(t *core.Task) { t.Options.Limits.Bytes = 1 << 20 },
		"splitting": func(t *core.Task) {
			t.Options.Split = &core.Split{At: []string{core.SplitSeparator}}
		},
	} {
		if _, second, calls := asked(t, core.PageClean{}, change); calls < 2 || second.Cached {
			t.Errorf("%s: %d calls, %+v", name, calls, second)
		}
	}
	if _, second, calls := asked(t, core.PageClean{}, func(t *core.Task) { t.Options.Languages = []string{"deu"} }); calls != 1 || !second.Cached {
		t.Errorf("another language: %d calls, %+v", calls, second)
	}
}

// An image that is too large is made anew each time.
func TestLargeImagesAreNotKept(t *testing.T) {
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	kept, err := cache.Open(t.TempDir(), cache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kept.Close)
	memory, err := reuse.New(kept, steady{}, 16<<20)
	if err != nil {
		t.Fatal(err)
	}
	s := New(store, &counted{}).Reusing(memory)
	task := core.Task{Image: core.PageImage{Image: core.File{Ref: "scan"}, Width: 1, Height: 1}}
	for _, size := range []int{maxKept, maxKept + 1} {
		ref, n, err := store.Put(t.Context(), strings.NewReader(strings.Repeat("x", size)), 0)
		if err != nil {
			t.Fatal(err)
		}
		q := memory.Ask(t.Context(), core.StepFilter, []core.Step{{}}, fmt.Sprint(size))
		s.keep(t.Context(), q, task, core.PageClean{Image: &core.File{Name: "big", Ref: ref, Size: n}})
		if _, ok := q.Recall(t.Context()); ok != (size == maxKept) {
			t.Errorf("%d bytes: kept %v", size, ok)
		}
	}
}

func TestABadKeptFindingIsAskedForAnew(t *testing.T) {
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ref, _, err := store.Put(t.Context(), strings.NewReader("the scan"), 0)
	if err != nil {
		t.Fatal(err)
	}
	scan := core.PageImage{Image: core.File{Ref: ref}, Width: 100, Height: 50}
	s := New(store, nil)
	good := reuse.Answer{Found: fmt.Appendf(nil, `{"image":{"name":"a","ref":%q},"w":100,"h":50}`, ref)}
	if _, err := s.again(t.Context(), core.Task{Image: scan}, good); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for name, found := range map[string]string{
		"rubbish":           `[]`,
		"a turn":            `{"turn":45,"w":100,"h":50}`,
		"no image":          `{"image":{"name":"a","ref":"ab"},"w":100,"h":50}`,
		"outside":           `{"image":{"name":"a","ref":"../../a"},"w":100,"h":50}`,
		"another's content": `{"image":{"name":"a","ref":"cd","size":4},"w":100,"h":50}`,
	} {
		kept := reuse.Answer{Found: []byte(found), Files: map[string][]byte{"cd": []byte("scan")}}
		if got, err := s.again(t.Context(), core.Task{Image: scan}, kept); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
