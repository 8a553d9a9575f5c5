package source

import (
	"bytes"
	"context"
	"fmt"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/content"
)

// Limits of the walk over one page's content.
const (
	maxContent = 64 << 20  // decoded bytes, forms counted each time they are drawn
	maxOps     = 5_000_000 //
	maxForms   = 12        // forms within forms
	maxStates  = 512       // q without Q
	maxPlaced  = 2000      // images that are remembered
)

// Marks is what a page paints.
type Marks struct {
	Images  []Placed
	Visible int // glyphs that are shown
	Hidden  int // glyphs in invisible text, or under a picture that covers the page
	Own     int // those of Hidden that stand in a text layer of this plug-in
	Other   int // paths, shadings, inline images, clipped or blended images: all that is neither text nor a plain image
	Partial bool
}

// Placed is an image on the page.
type Placed struct {
	Ref    types.Object // what the resources hold: a reference as a rule
	Image  types.StreamDict
	Matrix Matrix // from the unit square to user space
	Box    Box    // around it, in user space
	Width  int    // samples, as the image says
	Height int
}

// Coverage is the part of the page's box that images cover, 0 to 1. Images that
// overlap are counted once each, so it is the upper bound.
func (m Marks) Coverage(p Page) float64 {
	sum := 0.0
	for _, i := range m.Images {
		sum += i.Box.Intersect(p.Box).Area()
	}
	return min(1, sum/max(1, p.Box.Area()))
}

// Content gives the decoded content of a page, its streams joined as viewers join
// them.
func (f *File) Content(p Page) ([]byte, error) {
	var parts [][]byte
	room := int64(maxContent)
	streams := f.Array(p.Dict["Contents"])
	if streams == nil {
		streams = types.Array{p.Dict["Contents"]}
	}
	for _, o := range streams {
		s, ok := f.Stream(o)
		if !ok {
			continue
		}
		b, err := f.Decode(s, room)
		if err != nil {
			return bytes.Join(parts, []byte("\n")), fmt.Errorf("content of page %d: %w", p.Number, err)
		}
		parts = append(parts, b)
		room -= int64(len(b)) + 1
	}
	return bytes.Join(parts, []byte("\n")), nil
}

// Budget bounds what the pages of one document may cost together.
type Budget struct{ Bytes, Ops int }

// NewBudget is enough for ten thousand pages of dense text.
func NewBudget() *Budget { return &Budget{Bytes: 1 << 30, Ops: 400_000_000} }

// Marks follows the content of a page. Damage and limits make the answer partial,
// never an error, except when ctx ends.
func (f *File) Marks(ctx context.Context, p Page, b *Budget) (Marks, error) {
	if b.Bytes <= 0 || b.Ops <= 0 {
		return Marks{Partial: true}, nil
	}
	body, err := f.Content(p)
	m, ended := f.follow(ctx, p, body, b)
	m.Partial = m.Partial || err != nil
	return m, ended
}

// follow finds the marks that a content makes on a page.
func (f *File) follow(ctx context.Context, p Page, body []byte, b *Budget) (Marks, error) {
	w := newMarker(ctx, f, p, b)
	defer w.spend(b)()
	w.run(body, p.Resources, state{matrix: identity, clip: p.Box}, 0)
	if ctx.Err() != nil {
		return Marks{}, ctx.Err()
	}
	return w.marks, nil
}

// marker walks the content of a page and of the forms that it draws.
type marker struct {
	f     *File
	ctx   context.Context // of the one call of Marks
	page  Page
	marks Marks
	bytes int
	ops   int
	path  []int // object numbers of the forms that are being drawn
}

func newMarker(ctx context.Context, f *File, p Page, b *Budget) *marker {
	return &marker{f: f, ctx: ctx, page: p, bytes: min(maxContent, b.Bytes), ops: min(maxOps, b.Ops)}
}

// spend gives the function that takes off the budget what the walk costs from now on.
func (w *marker) spend(b *Budget) func() {
	bytes, ops := w.bytes, w.ops
	return func() { b.Bytes, b.Ops = b.Bytes-(bytes-max(0, w.bytes)), b.Ops-(ops-max(0, w.ops)) }
}

// state is the part of the graphics state that matters.
type state struct {
	matrix  Matrix
	clip    Box  // what is left of the page; only rectangles are followed
	odd     bool // clipped by another shape, or painted with transparency
	render  int
	perByte int  // bytes a glyph of the current font
	own     bool // the current font is that of our text layer
}

func (w *marker) run(body []byte, resources types.Dict, s state, depth int) {
	w.bytes -= len(body)
	if w.bytes < 0 || depth > maxForms {
		w.marks.Partial = true
		return
	}
	r := runner{marker: w, resources: resources, state: s, depth: depth}
	scan := content.NewScanner(body)
	for {
		op, ok := scan.Next()
		if !ok {
			return
		}
		w.ops--
		if w.ops < 0 || w.ops%4096 == 0 && w.ctx.Err() != nil {
			w.marks.Partial = true
			return
		}
		r.step(op)
	}
}
