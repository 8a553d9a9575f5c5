package recognize

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/cache"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// same is an engine that never changes, or one that is not known.
type same struct{ err error }

func (s same) Basis(context.Context, core.StepKind, core.Step, string) (string, error) {
	return "engine", s.err
}

// counting counts the calls of an engine.
type counting struct {
	*engine
	calls int
}

func (c *counting) Recognize(ctx context.Context, call core.RecognizeCall) (core.PageText, error) {
	c.calls++
	return c.engine.Recognize(ctx, call)
}

// place is a server with its own blobs, over a cache.
type place struct {
	t      *testing.T
	engine *counting
	blobs  *blob.Store
	stage  *Stage
}

func newPlace(t *testing.T, kept *cache.Store) *place {
	t.Helper()
	blobs, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	p := &place{t: t, blobs: blobs, engine: &counting{engine: &engine{json: page(t), words: 2, name: "page.json"}}}
	memory, err := reuse.New(kept, same{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	p.stage = New(blobs, p.engine, p.engine).Reusing(memory)
	return p
}

func openCache(t *testing.T, dir string) *cache.Store {
	t.Helper()
	kept, err := cache.Open(dir, cache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kept.Close)
	return kept
}

// run recognises a page and gives what is stored of it, with how often the engine was asked.
func (p *place) run(change func(*core.Task)) (core.PageText, string, int) {
	p.t.Helper()
	put := func(content string) core.File {
		ref, size, err := p.blobs.Put(p.t.Context(), strings.NewReader(content), 0)
		if err != nil {
			p.t.Fatal(err)
		}
		return core.File{Name: content + ".png", Ref: ref, Size: size}
	}
	image := put("image")
	put("another")
	task := core.Task{Job: "a-1", Page: 3, Image: core.PageImage{Image: image, Width: 100, Height: 50, XDPI: 300, YDPI: 300}}
	if change != nil {
		change(&task)
	}
	before := p.engine.calls
	result, err := p.stage.Run(p.t.Context(), task)
	if err != nil {
		p.t.Fatal(err)
	}
	text := result.(core.PageRecognized).Text
	path, err := p.blobs.Path(text.Text.Ref)
	if err != nil {
		p.t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	return text, string(data), p.engine.calls - before
}

func TestAPageIsRecognisedOnce(t *testing.T) {
	p := newPlace(t, openCache(t, t.TempDir()))
	first, data, calls := p.run(nil)
	if calls != 1 || first.Cached {
		t.Errorf("the first: %d calls, %+v", calls, first)
	}
	again, same, calls := p.run(func(task *core.Task) { task.Job, task.Page, task.Image.Image.Name = "b-2", 1, "other name.png" })
	if calls != 0 || !again.Cached || same != data {
		t.Errorf("the second: %d calls, %+v", calls, again)
	}
	if again.Cached = false; again != first {
		t.Errorf("got %+v, want %+v", again, first)
	}
}

// A levelled page's text is kept as it was read: how the page is carried back is not the
// engine's.
func TestKeptTextIsCarriedBackToThePageItIsFor(t *testing.T) {
	p := newPlace(t, openCache(t, t.TempDir()))
	p.run(nil)
	_, data, calls := p.run(func(task *core.Task) {
		image := task.Image.Image
		task.Clean = core.PageClean{Image: &image, Deskew: 4, Width: 100, Height: 50}
		task.Image.Width, task.Image.Height = 95, 44
	})
	stored, err := ocr.Decode(strings.NewReader(data), ocr.MaxJSON)
	if err != nil || calls != 0 || stored.Width != 95 || stored.Height != 44 {
		t.Errorf("%d calls, text of %d x %d pixels, %v", calls, stored.Width, stored.Height, err)
	}
}

func TestWhateverChangesTextIsAnotherQuestion(t *testing.T) {
	for name, change := range map[string]func(*core.Task){
		"image":      func(t *core.Task) { t.Image.Image.Ref = core.Ref(cache.KeyOf([]byte("another")).String()) },
		"resolution": func(t *core.Task) { t.Image.XDPI = 200 },
		"scale":      func(t *core.Task) { t.Clean.Scale = 0.5 },
		"languages":  func(t *core.Task) { t.Options.Languages = []string{"deu"} },
		"their order": func(t *core.Task) {
			t.Options.Languages = []string{"eng", "deu"}
		},
		"settings":  func(t *core.Task) { t.Options.Recognizer = &core.Step{Settings: json.RawMessage(`{"segmentation":6}`)} },
		"plug-in":   func(t *core.Task) { t.Options.Recognizer = &core.Step{Plugin: "other"} },
		"component": func(t *core.Task) { t.Options.Recognizer = &core.Step{Plugin: "other", Component: "b"} },
		"limits":    func(t *core.Task) { t.Options.Limits.Pixels = 10_000 },
	} {
		p := newPlace(t, openCache(t, t.TempDir()))
		p.run(nil)
		if _, _, calls := p.run(change); calls != 1 {
			t.Errorf("%s: the engine was asked %d times, want once", name, calls)
		}
		if _, _, calls := p.run(nil); calls != 0 {
			t.Errorf("%s: the first text is gone", name)
		}
	}
}

// Whatever does not change text does not make another question.
func TestWhateverDoesNotChangeTextIsTheSameQuestion(t *testing.T) {
	for name, change := range map[string]func(*core.Task){
		"the default language": func(t *core.Task) { t.Options.Languages = []string{"eng"} },
		"outputs":              func(t *core.Task) { t.Options.Outputs = []string{"text"} },
		"the filters":          func(t *core.Task) { t.Options.Filters = []core.Step{{Plugin: "other"}} },
		"the attempt":          func(t *core.Task) { t.Attempt, t.Round = 3, 2 },
	} {
		p := newPlace(t, openCache(t, t.TempDir()))
		p.run(nil)
		if _, _, calls := p.run(change); calls != 0 {
			t.Errorf("%s: the engine was asked again", name)
		}
	}
}

// A kept answer is looked at like any other; a bad one is dropped and asked for anew.
func TestABadKeptAnswerIsAskedForAnew(t *testing.T) {
	dir := t.TempDir()
	p := newPlace(t, openCache(t, dir))
	p.engine.words = 3 // which is refused
	if _, err := p.stage.Run(t.Context(), core.Task{Image: core.PageImage{Image: core.File{Name: "x"}}}); err == nil {
		t.Fatal("a page without an image was read")
	}
	p.engine.words = 2
	p.run(nil)
	for _, bad := range []reuse.Answer{
		{Found: []byte(`{"text":{"name":"../page.json"},"words":2}`)},
		{Found: []byte(`{"text":{"name":"page.json"},"words":2}`)},
		{Found: []byte(`{"text":{"name":"page.json"},"words":2}`), Files: map[string][]byte{"page.json": []byte("{}")}},
		{Found: []byte(`{"text":{"name":"page.json"},"words":3}`), Files: map[string][]byte{"page.json": []byte(page(t))}},
		{Found: []byte(`[]`)},
	} {
		task := core.Task{Image: core.PageImage{Image: core.File{Ref: core.Ref(cache.KeyOf([]byte("image")).String())}, Width: 100, Height: 50, XDPI: 300}}
		file, dpi := recognisedImage(task)
		Question(t.Context(), p.stage.memory, core.Step{}, file.Ref, dpi, task.Options).Keep(t.Context(), "", bad)
		if _, _, calls := p.run(nil); calls != 1 {
			t.Errorf("%s: the engine was asked %d times, want once", bad.Found, calls)
		}
		if _, _, calls := p.run(nil); calls != 0 {
			t.Errorf("%s: it was asked once more", bad.Found)
		}
	}
}

// What is refused is not kept: the next attempt asks again.
func TestABadAnswerIsNotKept(t *testing.T) {
	kept := openCache(t, t.TempDir())
	p := newPlace(t, kept)
	p.engine.json = strings.Replace(p.engine.json, `"conf":80`, `"conf":180`, 1)
	ref, _, err := p.blobs.Put(t.Context(), strings.NewReader("image"), 0)
	if err != nil {
		t.Fatal(err)
	}
	task := core.Task{Image: core.PageImage{Image: core.File{Name: "image", Ref: ref}, Width: 100, Height: 50, XDPI: 300}}
	for want := 1; want < 3; want++ {
		if _, err := p.stage.Run(t.Context(), task); err == nil || p.engine.calls != want || kept.Stats().Puts != 0 {
			t.Errorf("%v, %d calls, %+v", err, p.engine.calls, kept.Stats())
		}
	}
}

// Damage on disk, and a server that comes back.
func TestKeptTextOutlivesARestartUnlessItIsDamaged(t *testing.T) {
	dir := t.TempDir()
	kept := openCache(t, dir)
	newPlace(t, kept).run(nil)
	kept.Close()
	kept = openCache(t, dir)
	if text, _, calls := newPlace(t, kept).run(nil); calls != 0 || !text.Cached {
		t.Errorf("after a restart: %d calls, %+v", calls, text)
	}
	files, err := filepath.Glob(filepath.Join(dir, "??", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %q, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, _, calls := newPlace(t, kept).run(nil); calls != 1 || text.Cached {
		t.Errorf("damaged: %d calls, %+v", calls, text)
	}
	if kept.Stats().Damaged != 1 {
		t.Errorf("got %+v", kept.Stats())
	}
}

// Each server of a pair has its own: what one has read the other one reads once, too.
func TestTwoServersKeepTheirOwn(t *testing.T) {
	a, b := newPlace(t, openCache(t, t.TempDir())), newPlace(t, openCache(t, t.TempDir()))
	_, first, _ := a.run(nil)
	_, second, calls := b.run(nil)
	if calls != 1 || first != second {
		t.Errorf("%d calls; %q and %q", calls, first, second)
	}
	if _, _, calls := a.run(nil); calls != 0 {
		t.Error("the first one's is gone")
	}
}

func TestAnUnknownEngineIsAskedEachTime(t *testing.T) {
	p := newPlace(t, openCache(t, t.TempDir()))
	memory, err := reuse.New(openCache(t, t.TempDir()), same{fmt.Errorf("not known")}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	p.stage.Reusing(memory)
	for range 2 {
		if text, _, calls := p.run(nil); calls != 1 || text.Cached {
			t.Errorf("%d calls, %+v", calls, text)
		}
	}
}

// slow is an engine that takes a while.
type slow struct {
	*engine
	mu    sync.Mutex // guards calls
	calls int
	begun chan struct{}
	going chan struct{}
}

func (s *slow) Recognize(ctx context.Context, call core.RecognizeCall) (core.PageText, error) {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	s.begun <- struct{}{}
	<-s.going
	return s.engine.Recognize(ctx, call)
}

// A page that stands twice in a batch is often worked on twice at once.
func TestTwoPagesWithOneImageAreRecognisedOnceEvenAtOnce(t *testing.T) {
	p := newPlace(t, openCache(t, t.TempDir()))
	engine := &slow{engine: p.engine.engine, begun: make(chan struct{}, 2), going: make(chan struct{})}
	p.stage.recognizer = engine
	ref, size, err := p.blobs.Put(t.Context(), strings.NewReader("image"), 0)
	if err != nil {
		t.Fatal(err)
	}
	cached := make(chan bool, 2)
	var both sync.WaitGroup
	for n := range 2 {
		both.Go(func() {
			result, err := p.stage.Run(t.Context(), core.Task{Job: "a-1", Page: n + 1, Image: core.PageImage{
				Image: core.File{Name: "image.png", Ref: ref, Size: size}, Width: 100, Height: 50, XDPI: 300, YDPI: 300,
			}})
			if err != nil {
				t.Error(err)
				return
			}
			cached <- result.(core.PageRecognized).Text.Cached
		})
	}
	<-engine.begun
	close(engine.going)
	both.Wait()
	if first, second := <-cached, <-cached; engine.calls != 1 || first == second {
		t.Errorf("the engine was asked %d times; from memory: %v, %v", engine.calls, first, second)
	}
}
