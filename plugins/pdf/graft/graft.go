// Package graft adds invisible text layers to the pages of an existing PDF, in the
// place of those that they have. The assembler calls it for every document that is
// more than images.
//
// The result is an incremental update: the original bytes stand unchanged at its
// beginning, only the page objects are new, and an encrypted file stays encrypted.
// A damaged input is mended first, and then the mended bytes stand at the beginning.
package graft

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/textlayer"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// Options says what to do with which file.
type Options struct {
	Input    string // path of the PDF
	Output   string // path of the result, which is made anew
	Scratch  string // folder for temporary files
	Password string
	Pages    map[int]PageText // by page number, 1-based; the others stay as they are
	MaxPages int              // default 10,000
	MaxBytes int64            // of a decoded stream; default 256 MiB
	Tools    poppler.Tools
}

// PageText is the recognised text of one page.
type PageText struct {
	Page ocr.Page // boxes in the recognised image, which is turned by Turn already
	// Load gives the text in the place of Page. It is asked more than once and the
	// answer is not kept, so that the texts of a long document need not be in memory together.
	Load func() (ocr.Page, error)
	Turn int // clockwise degrees that were found to bring the page upright: 0, 90, 180, 270
	// Image says that the page's own image was recognised (PageInfo.Image), and not
	// a drawing of the page: the boxes refer to the place of that image.
	Image bool
}

// load gives the text.
func (t PageText) load() (ocr.Page, error) {
	if t.Load == nil {
		return t.Page, nil
	}
	return t.Load()
}

// Result says what became of the file.
type Result struct {
	PDFA        string // kept or none
	Conformance string // what is kept, e.g. 2u
	Why         string // why nothing is kept
	Pages       int    // pages that got text
	Dropped     int    // recognised words that the page shows as text already
	Stripped    int    // operators of old invisible text that were taken off
}

// Graft writes Output. Doing it again gives the same bytes, except for encrypted
// files. Errors are worded for people.
func Graft(ctx context.Context, o Options) (Result, error) {
	g := &grafter{o: o}
	for _, step := range []func(context.Context) error{g.open, g.permitted, g.look, g.findShown, g.finish} {
		if err := step(ctx); err != nil {
			return Result{}, source.Failed(ctx, err, "no text can be added to the PDF")
		}
	}
	g.result.PDFA, g.result.Conformance, g.result.Why = g.conformance()
	return g.result, nil
}

// grafter is one Graft under way.
type grafter struct {
	o      Options
	file   *source.File
	pages  []*leaf
	plain  string // the file without the invisible text that goes, for drawing programs
	result Result
}

// leaf is one page that gets text.
type leaf struct {
	source.Page
	text  PageText
	w, h  int              // pixels of the recognised image
	empty bool             // nothing was read
	place textlayer.Matrix // from the pixels of text to user space
	marks source.Marks
	left  source.Marks // without the invisible text that can be taken off
}

func (g *grafter) open(ctx context.Context) (err error) {
	g.file, err = source.Open(ctx, g.o.Input, source.Options{
		Password: g.o.Password, Scratch: g.o.Scratch, Pages: g.o.MaxPages, Bytes: g.o.MaxBytes, Tools: g.o.Tools,
	})
	return err
}

// permitted refuses a file that forbids changes when there is one to make.
func (g *grafter) permitted(ctx context.Context) error {
	if len(g.o.Pages) == 0 {
		return nil
	}
	ok, err := g.file.MayChange(ctx)
	if err == nil && !ok {
		err = source.RefuseChange()
	}
	return err
}

// look finds the pages and the place of their text.
func (g *grafter) look(ctx context.Context) error {
	budget := source.NewBudget()
	seen := map[int]bool{}
	for _, n := range slices.Sorted(maps.Keys(g.o.Pages)) {
		if n < 1 || n > len(g.file.Pages) {
			return fmt.Errorf("graft: page %d of a PDF with %d pages", n, len(g.file.Pages))
		}
		text, err := g.o.Pages[n].load()
		if err != nil {
			return err
		}
		l := &leaf{Page: g.file.Pages[n-1], text: g.o.Pages[n], w: text.Width, h: text.Height, empty: len(text.Blocks) == 0}
		object := int(l.Ref.ObjectNumber)
		if object == 0 {
			return errors.New("graft: a page of the PDF is no object of its own")
		}
		if seen[object] {
			continue // the same page stands in the document twice
		}
		seen[object] = true
		if l.marks, err = g.file.Marks(ctx, l.Page, budget); err != nil {
			return err
		}
		l.left = l.marks
		if !l.empty { // where nothing was read, nothing is replaced
			if l.left, err = g.file.MarksLeft(ctx, l.Page, l.marks, budget); err != nil {
				return err
			}
		}
		l.place = g.place(l)
		g.pages = append(g.pages, l)
	}
	return nil
}

// place leads from the pixels of the recognised image to the user space of the page.
func (g *grafter) place(l *leaf) textlayer.Matrix {
	box := l.Box
	if l.text.Image {
		if s, ok := g.file.Sole(l.Page, l.marks); ok {
			box = s.Box
		}
	}
	return textlayer.OnPage(max(1, l.w), max(1, l.h), textlayer.Box(box), l.Rotate+l.text.Turn)
}

func (g *grafter) finish(ctx context.Context) error { return g.write(ctx, g.o.Output, true) }

// conformance says what remains of a PDF/A claim.
func (g *grafter) conformance() (kept, which, why string) {
	claim := g.file.PDFA()
	switch {
	case claim == "":
		return "none", "", "the input claims no PDF/A conformance and its pages were kept as they are"
	case g.file.Encrypted:
		return "none", "", "the input is encrypted"
	case g.file.Repaired:
		return "none", "", "the input was damaged and has been mended"
	case len(claim) == 2 && claim[1] == 'a':
		return "none", "", "the input claims PDF/A-" + claim + ", which asks for tags that recognised text does not have"
	}
	return "kept", claim, ""
}
