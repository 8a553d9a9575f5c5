// Package recognize is the fourth stage: it asks a recognizer for the text of a
// page image, or a reader for the text that a born-digital page carries, and
// checks what comes back word by word.
package recognize

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// Recognizer gives the text of a page image.
type Recognizer interface {
	Recognize(context.Context, core.RecognizeCall) (core.PageText, error)
}

// Reader gives the text that a page carries.
type Reader interface {
	Text(context.Context, core.TextCall) (core.PageText, error)
}

// Stage is the recognize stage.
type Stage struct {
	store      take.Store
	recognizer Recognizer
	reader     Reader
	memory     *reuse.Memory // nil: nothing is kept
	turns      turns
}

// New makes the stage.
func New(store take.Store, recognizer Recognizer, reader Reader) *Stage {
	return &Stage{store: store, recognizer: recognizer, reader: reader}
}

// Reusing gives text again that a recognizer gave before to the same question. It is said
// before the first Run.
func (s *Stage) Reusing(m *reuse.Memory) *Stage {
	s.memory = m
	return s
}

// Run gives a core.PageRecognized.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	if t.Born {
		return s.carried(ctx, t)
	}
	file, dpi := recognisedImage(t)
	q := Question(ctx, s.memory, t.Options.Of(core.StepRecognizer), file.Ref, dpi, t.Options)
	defer q.End()
	if kept, ok := q.Recall(ctx); ok {
		result, err := s.again(ctx, t, kept)
		if err == nil || ctx.Err() != nil {
			return result, err
		}
		q.Useless()
	}
	return s.recognized(ctx, t, q)
}

// recognized is what the recognizer reads, which is kept for the next one who asks.
func (s *Stage) recognized(ctx context.Context, t core.Task, q *reuse.Question) (core.Result, error) {
	work, err := take.Begin(s.store)
	if err != nil {
		return nil, err
	}
	defer work.End()
	file, dpi := recognisedImage(t)
	image, err := work.Source(file)
	if err != nil {
		return nil, err
	}
	width, height := size(t)
	text, err := s.recognizer.Recognize(ctx, core.RecognizeCall{
		Job: t.Job, Step: t.Options.Of(core.StepRecognizer), Image: image, Width: width, Height: height, DPI: dpi, Options: t.Options, Dir: work.Dir,
	})
	if err != nil {
		return nil, err
	}
	answer := text
	text.Basis = ""
	return finish(ctx, text, t, work, func() { keep(ctx, q, file.Ref, answer, work) })
}

// finish checks text and makes it a blob; good is called in between.
func finish(ctx context.Context, text core.PageText, t core.Task, work *take.Work, good func()) (core.Result, error) {
	if err := check(&text, t, work); err != nil {
		return nil, err
	}
	good()
	if err := work.File(ctx, &text.Text, ocr.MaxJSON); err != nil {
		return nil, err
	}
	return core.PageRecognized{Page: t.Page, Text: text}, nil
}

// recognisedImage is the image that is recognised, with its resolution.
func recognisedImage(t core.Task) (file core.File, dpi float64) {
	file, dpi = t.Image.Image, t.Image.XDPI
	if t.Clean.Image != nil {
		file = *t.Clean.Image
	}
	if t.Clean.Scale > 0 {
		dpi *= t.Clean.Scale
	}
	return file, dpi
}

// check reads the page text as a stranger's and takes the counts from it.
func check(text *core.PageText, t core.Task, work *take.Work) error {
	path, err := work.Path(&text.Text)
	if err != nil {
		return err
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return take.Bad("its file %q is not there or no regular file", text.Text.Name)
	}
	f, err := os.Open(path)
	if err != nil {
		return take.Bad("its file %q cannot be opened: %v", text.Text.Name, err)
	}
	defer f.Close()
	page, err := ocr.Decode(f, ocr.MaxJSON)
	if err != nil {
		return take.Bad("%v", err)
	}
	if w, h := size(t); !t.Born && (page.Width != w || page.Height != h) {
		return take.Bad("text of a page of %d x %d pixels where the image has %d x %d", page.Width, page.Height, w, h)
	}
	if n := page.CountWords(); text.Words != n {
		return take.Bad("it counts %d words where there are %d", text.Words, n)
	}
	text.Confidence = page.Confidence()
	if t.Clean.Image != nil && t.Clean.Deskew != 0 {
		return tiltBack(page, text, t, work)
	}
	return nil
}

// tiltBack carries the text of a levelled image back to the page as it lies, so
// that nobody behind this stage needs to know of the levelling.
func tiltBack(page ocr.Page, text *core.PageText, t core.Task, work *take.Work) error {
	w, h := t.Clean.Upright(t.Image)
	text.Text = core.File{Name: "upright.json", Media: "application/json"}
	f, err := os.Create(filepath.Join(work.Dir, text.Text.Name))
	if err != nil {
		return err
	}
	err = page.Tilted(t.Clean.Deskew, int(math.Round(w)), int(math.Round(h))).Encode(f)
	return errors.Join(err, f.Close())
}

// size is that of the image that was recognised.
func size(t core.Task) (width, height int) {
	if t.Clean.Image != nil {
		return t.Clean.Width, t.Clean.Height
	}
	return t.Image.Width, t.Image.Height
}
