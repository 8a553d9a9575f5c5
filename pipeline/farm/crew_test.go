package farm

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/cache"
	"github.com/twinleaf-scan/twinleaf/pipeline/recognize"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
)

// crewed is a crew over a machine, with what it keeps and the blobs of its server.
type crewed struct {
	*Crew
	*machine
	memory *reuse.Memory
	blobs  *blob.Store
	task   Task
	path   string
}

func newCrewed(t *testing.T) *crewed {
	t.Helper()
	store, err := cache.Open(t.TempDir(), cache.Config{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	blobs, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	image, _, err := blobs.Put(t.Context(), bytes.NewReader([]byte("an image")), 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &crewed{machine: newMachine("crew", 1, 0), blobs: blobs, task: aTask()}
	c.task.Image.Ref = image
	if c.path, err = blobs.Path(image); err != nil {
		t.Fatal(err)
	}
	if c.memory, err = reuse.New(store, c.machine, 1<<20); err != nil {
		t.Fatal(err)
	}
	c.Crew = Answering(here{c.machine}, c.machine, c.memory, blobs.Temp)
	return c
}

func TestACrewReadsAPageOnce(t *testing.T) {
	c := newCrewed(t)
	for _, cached := range []bool{false, true} {
		a, err := c.Answer(t.Context(), c.task, c.path)
		if err != nil || a.Text.Cached != cached || !bytes.Equal(a.Page, pageJSON()) || c.pages() != 1 {
			t.Errorf("cached %v: got %+v, %v after %d readings", cached, a.Text, err, c.pages())
		}
		dir := t.TempDir()
		if _, err := accept(a, core.RecognizeCall{Width: 100, Height: 50, Dir: dir}); err != nil {
			t.Errorf("it is not taken: %v", err)
		}
	}
	other := c.task
	other.DPI = 200
	if a, err := c.Answer(t.Context(), other, c.path); err != nil || a.Text.Cached || c.pages() != 2 {
		t.Errorf("another resolution: %+v, %v", a.Text, err)
	}
}

// After a takeover the stage of the server whose crew read the page asks for it: it has it.
func TestTheStageOfACrewHasWhatTheCrewRead(t *testing.T) {
	c := newCrewed(t)
	if _, err := c.Answer(t.Context(), c.task, c.path); err != nil {
		t.Fatal(err)
	}
	task := core.Task{
		Job: "south-7", Stage: core.Recognize, Page: 3,
		Image:   core.PageImage{Image: c.task.Image, Width: 100, Height: 50, XDPI: 300, YDPI: 300},
		Options: core.Options{Recognizer: &c.task.Step, Languages: c.task.Options.Languages, Limits: c.task.Options.Limits, Mode: core.ModeRedo},
	}
	stage := recognize.New(c.blobs, here{c.machine}, nil).Reusing(c.memory)
	r, err := stage.Run(t.Context(), task)
	if page, ok := r.(core.PageRecognized); err != nil || !ok || !page.Text.Cached || c.pages() != 1 {
		t.Errorf("got %+v, %v after %d readings", r, err, c.pages())
	}
}

// What another machine read is kept here, as if it had been read here; unless the engine
// here has changed meanwhile.
func TestThePageThatAWorkerReadIsKeptHere(t *testing.T) {
	for _, changed := range []bool{false, true} {
		c := newCrewed(t)
		away := newMachine("away", 1, 10*time.Millisecond)
		p := New(here{c.machine}, c.machine, 0, nil)
		p.Join(away)
		if changed {
			p.bases.at("tesseract\x00\x00" + string(c.task.Step.Settings)).on = "engine.others"
			p.bases.at("tesseract\x00\x00" + string(c.task.Step.Settings)).at = time.Now()
		}
		stage := recognize.New(c.blobs, p, nil).Reusing(c.memory)
		task := core.Task{
			Job: "a-1", Stage: core.Recognize, Page: 1, Image: core.PageImage{Image: c.task.Image, Width: 100, Height: 50, XDPI: 300, YDPI: 300},
			Options: core.Options{Recognizer: &c.task.Step},
		}
		for range 2 {
			r, err := stage.Run(t.Context(), task)
			if page, ok := r.(core.PageRecognized); err != nil || !ok || page.Text.Basis != "" {
				t.Fatalf("got %+v, %v", r, err)
			}
		}
		if want := map[bool]int{false: 1, true: 2}[changed]; away.pages() != want || c.pages() != 0 {
			t.Errorf("changed %v: read %d times away and %d times here", changed, away.pages(), c.pages())
		}
	}
}

func TestACrewWithAnotherEngineReadsNothing(t *testing.T) {
	c := newCrewed(t)
	c.task.Basis = "another"
	if _, err := c.Answer(t.Context(), c.task, c.path); !errors.Is(err, ErrBasis) || c.pages() != 0 {
		t.Errorf("got %v after %d readings", err, c.pages())
	}
	c.machine.basis = errors.New("nobody knows")
	c.task.Step.Plugin = "other"
	if _, err := c.Answer(t.Context(), c.task, c.path); err == nil || errors.Is(err, ErrBasis) {
		t.Errorf("got %v", err)
	}
}

// odd answers with files that are none.
type odd func(dir string) core.PageText

func (o odd) Recognize(_ context.Context, c core.RecognizeCall) (core.PageText, error) {
	return o(c.Dir), nil
}

func TestACrewGivesNoOddAnswers(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, pageJSON(), 0o600); err != nil {
		t.Fatal(err)
	}
	text := func(name string, words int) core.PageText {
		return core.PageText{Text: core.File{Name: name}, Words: words}
	}
	for name, o := range map[string]odd{
		"nothing": func(string) core.PageText { return text("page.json", 1) },
		"a path":  func(string) core.PageText { return text(outside, 1) },
		"a link": func(dir string) core.PageText {
			_ = os.Symlink(outside, filepath.Join(dir, "page.json"))
			return text("page.json", 1)
		},
		"a wrong count": func(dir string) core.PageText {
			_ = os.WriteFile(filepath.Join(dir, "page.json"), pageJSON(), 0o600)
			return text("page.json", 2)
		},
	} {
		c := newCrewed(t)
		c.local = o
		for range 2 { // it was not kept either
			if a, err := c.Answer(t.Context(), c.task, c.path); err == nil {
				t.Errorf("%s: got %+v", name, a.Text)
			}
		}
	}
}

// upgraded is a machine whose engine is another one from its first page on.
type upgraded struct{ *machine }

func (u upgraded) Basis(context.Context, core.StepKind, core.Step, string) (string, error) {
	if u.pages() > 0 {
		return "another.files", nil
	}
	return "engine.files", nil
}

func TestTextOfAnotherEngineIsNoAnswer(t *testing.T) {
	c := newCrewed(t)
	crew := Answering(here{c.machine}, upgraded{c.machine}, c.memory, c.blobs.Temp)
	for range 2 {
		if a, err := crew.Answer(t.Context(), c.task, c.path); !errors.Is(err, ErrBasis) {
			t.Errorf("got %+v, %v after %d readings, want ErrBasis", a.Text, err, c.pages())
		}
	}
	if n := c.pages(); n != 1 {
		t.Errorf("%d pages were read, want the one before it was known", n)
	}
}
