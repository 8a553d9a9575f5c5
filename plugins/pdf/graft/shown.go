package graft

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/textlayer"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// findShown makes ready for unshown.
func (g *grafter) findShown(ctx context.Context) error {
	g.plain = g.file.Drawable
	if !slices.ContainsFunc(g.pages, (*leaf).mixed) {
		return nil
	}
	// Old invisible text goes, so it must not count: look at a copy without it.
	path := filepath.Join(g.o.Scratch, "visible.pdf")
	if err := g.visibleCopy(ctx, path); err != nil {
		return err
	}
	g.plain = path
	return nil
}

// carried is how many glyphs of text stay on the page.
func (l *leaf) carried() int { return l.left.Visible + l.left.Hidden }

// mixed reports whether a page has both text that goes and text that stays.
func (l *leaf) mixed() bool { return l.carried() > 0 && l.marks.Hidden > l.left.Hidden }

// visibleCopy writes the file without its invisible text. The parsed document is
// used up by it, so the file is opened again.
func (g *grafter) visibleCopy(ctx context.Context, path string) error {
	if g.o.Password != "" {
		path += ".locked"
	}
	if err := g.write(ctx, path, false); err != nil {
		return err
	}
	if g.o.Password != "" {
		if err := g.o.Tools.Decrypt(ctx, path, filepath.Join(g.o.Scratch, "visible.pdf"), g.o.Password); err != nil {
			return err
		}
	}
	g.pages, g.result = nil, Result{}
	if err := g.open(ctx); err != nil {
		return err
	}
	return g.look(ctx)
}

// unshown is the text of a page without the words that the page carries as text
// already, e.g. those of a stamp, so that a search does not find them twice.
func (g *grafter) unshown(ctx context.Context, l *leaf) (ocr.Page, error) {
	text, err := l.text.load()
	if err != nil || l.carried() == 0 || l.empty {
		return text, err
	}
	found, err := g.o.Tools.Text(ctx, g.plain, l.Number, l.Number, g.o.Scratch)
	if err != nil || len(found) != 1 {
		return text, err
	}
	s := shown{page: l, words: carriedWords(l, found[0])}
	text = s.without(text)
	g.result.Dropped += s.dropped
	return text, nil
}

// carriedWords gives the boxes of the words that a page carries, in its user space.
func carriedWords(l *leaf, t poppler.PageText) []source.Box {
	w, h := l.Box.Width(), l.Box.Height()
	if l.Rotate%180 != 0 {
		w, h = h, w
	}
	upright := textlayer.Matrix{A: 1, D: -1, F: h}.Then(textlayer.Displayed(textlayer.Box(l.Box), l.Rotate))
	var out []source.Box
	for _, b := range t.Blocks {
		for _, line := range b.Lines {
			for _, word := range line.Words {
				r := word.Rect
				// The box around a slanting watermark would hide half of the page.
				if r.X1-r.X0 > 0.1*w && r.Y1-r.Y0 > 0.1*h {
					continue
				}
				out = append(out, source.Matrix(upright).Box(source.Box(r)))
			}
		}
	}
	return out
}

// shown compares recognised words with carried ones.
type shown struct {
	page    *leaf
	words   []source.Box
	dropped int
}

// without is the page's text less what is carried.
func (s *shown) without(p ocr.Page) ocr.Page {
	blocks := p.Blocks
	p.Blocks = nil
	for _, b := range blocks {
		paragraphs := b.Paragraphs
		b.Paragraphs = nil
		for _, para := range paragraphs {
			if para.Lines = s.lines(para.Lines); len(para.Lines) > 0 {
				b.Paragraphs = append(b.Paragraphs, para)
			}
		}
		if len(b.Paragraphs) > 0 {
			p.Blocks = append(p.Blocks, b)
		}
	}
	return p
}

func (s *shown) lines(lines []ocr.Line) []ocr.Line {
	var out []ocr.Line
	for _, l := range lines {
		words := l.Words
		l.Words = nil
		for _, w := range words {
			if s.carried(w.Box) {
				s.dropped++
				continue
			}
			l.Words = append(l.Words, w)
		}
		if len(l.Words) > 0 {
			out = append(out, l)
		}
	}
	return out
}

// carried reports whether most of a recognised word lies on words that the page carries.
func (s *shown) carried(b ocr.Box) bool {
	box := source.Matrix(s.page.place).Box(source.Box{X0: float64(b.X0), Y0: float64(b.Y0), X1: float64(b.X1), Y1: float64(b.Y1)})
	common := 0.0
	for _, w := range s.words {
		common += box.Intersect(w).Area()
	}
	return common > 0.5*box.Area()
}
