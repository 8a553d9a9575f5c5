package recognize

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// engine answers with a page, and notes what it was asked.
type engine struct {
	json  string
	words int
	name  string
	call  core.RecognizeCall
	text  core.TextCall
}

func (e *engine) answer(dir string) (core.PageText, error) {
	err := os.WriteFile(filepath.Join(dir, "page.json"), []byte(e.json), 0o600)
	return core.PageText{Text: core.File{Name: e.name}, Words: e.words, Confidence: 1, By: "fake 1"}, err
}

func (e *engine) Recognize(_ context.Context, c core.RecognizeCall) (core.PageText, error) {
	e.call = c
	return e.answer(c.Dir)
}

func (e *engine) Text(_ context.Context, c core.TextCall) (core.PageText, error) {
	e.text = c
	return e.answer(c.Dir)
}

// page is the text of a page of 100 x 50 pixels with two words.
func page(t *testing.T) string {
	t.Helper()
	line := ocr.Line{Box: ocr.Box{X1: 90, Y1: 20}}
	for i, text := range []string{"Hello", "world"} {
		line.Words = append(line.Words, ocr.Word{Text: text, Box: ocr.Box{X0: i * 40, X1: i*40 + 30, Y1: 20}, Confidence: 80 + float64(i)*10})
	}
	p := ocr.Page{Width: 100, Height: 50, DPI: 300, Blocks: []ocr.Block{{Box: line.Box, Paragraphs: []ocr.Paragraph{{Box: line.Box, Lines: []ocr.Line{line}}}}}}
	var b strings.Builder
	if err := p.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func run(t *testing.T, e *engine, change func(*core.Task)) (core.PageText, error) {
	t.Helper()
	return runThen(t, e, change, func(*os.File) error { return nil })
}

// runThen runs the stage and shows the stored text to look.
func runThen(t *testing.T, e *engine, change func(*core.Task), look func(*os.File) error) (core.PageText, error) {
	t.Helper()
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	put := func(content string) core.File {
		ref, size, err := store.Put(t.Context(), strings.NewReader(content), 0)
		if err != nil {
			t.Fatal(err)
		}
		return core.File{Name: content, Ref: ref, Size: size}
	}
	clean := put("clean")
	task := core.Task{
		Page: 3, Input: put("input"), InputPage: 2,
		Image: core.PageImage{Image: put("image"), Width: 200, Height: 100, XDPI: 600, YDPI: 600},
		Clean: core.PageClean{Image: &clean, Width: 100, Height: 50, Scale: 0.5},
	}
	if change != nil {
		change(&task)
	}
	result, err := New(store, e, e).Run(t.Context(), task)
	if err != nil {
		return core.PageText{}, err
	}
	got := result.(core.PageRecognized)
	f, err := store.Open(got.Text.Text.Ref)
	if err != nil {
		t.Fatalf("the text is no blob: %v", err)
	}
	defer f.Close()
	return got.Text, look(f)
}

func TestCleanedImageIsRecognisedAtItsOwnResolution(t *testing.T) {
	e := &engine{json: page(t), words: 2, name: "page.json"}
	got, err := run(t, e, nil)
	if err != nil {
		t.Fatal(err)
	}
	if e.call.DPI != 300 || e.call.Image.Name != "clean" {
		t.Errorf("asked for %s at %v dpi", e.call.Image.Name, e.call.DPI)
	}
	if got.Words != 2 || got.Confidence != 85 {
		t.Errorf("got %d words, confidence %v; want 2 and 85, counted by us", got.Words, got.Confidence)
	}
}

func TestTextOfALevelledImageIsCarriedBackToThePage(t *testing.T) {
	e := &engine{json: page(t), words: 2, name: "page.json"}
	var stored ocr.Page
	_, err := runThen(t, e, func(t *core.Task) {
		t.Clean.Deskew = 4
		t.Image.Width, t.Image.Height = 190, 88 // the frame of the levelled image is larger: 100 x 50 at half the size
	}, func(f *os.File) (err error) {
		stored, err = ocr.Decode(f, ocr.MaxJSON)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if stored.Width != 95 || stored.Height != 44 {
		t.Errorf("the text is of a page of %d x %d pixels, want 95 x 44", stored.Width, stored.Height)
	}
	line := stored.Blocks[0].Paragraphs[0].Lines[0]
	if s := line.Baseline.Slope; s < 0.069 || s > 0.071 {
		t.Errorf("the line slopes by %v, want tan 4°", s)
	}
	if stored.CountWords() != 2 {
		t.Errorf("%d words, want 2", stored.CountWords())
	}
}

func TestBornDigitalPageIsAskedForItsText(t *testing.T) {
	e := &engine{json: page(t), words: 2, name: "page.json"}
	_, err := run(t, e, func(t *core.Task) { t.Born, t.Image, t.Clean = true, core.PageImage{}, core.PageClean{} })
	if err != nil {
		t.Fatal(err)
	}
	if e.text.Input.Name != "input" || e.text.Page != 2 || e.call.Image.Path != "" {
		t.Errorf("asked %+v and %+v", e.text, e.call)
	}
}

func TestBadTextIsRefused(t *testing.T) {
	for name, change := range map[string]func(*engine){
		"no JSON":             func(e *engine) { e.json = "{" },
		"no file":             func(e *engine) { e.name = "other.json" },
		"file outside":        func(e *engine) { e.name = "../page.json" },
		"other size":          func(e *engine) { e.json = strings.Replace(e.json, `"w":100`, `"w":101`, 1) },
		"box leaves the page": func(e *engine) { e.json = strings.Replace(e.json, `"x1":70`, `"x1":170`, 1) },
		"confidence":          func(e *engine) { e.json = strings.Replace(e.json, `"conf":80`, `"conf":180`, 1) },
		"fewer words":         func(e *engine) { e.words = 1 },
	} {
		e := &engine{json: page(t), words: 2, name: "page.json"}
		before := [3]any{e.json, e.words, e.name}
		change(e)
		if before == [3]any{e.json, e.words, e.name} {
			t.Fatalf("%s: nothing was changed in %s", name, e.json)
		}
		if got, err := run(t, e, nil); err == nil || core.AsFailure(err).Code != core.CodePlugin {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}
