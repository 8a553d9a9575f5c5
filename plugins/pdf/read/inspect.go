package read

import (
	"context"
	"slices"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// inspection is one Inspect under way.
type inspection struct {
	file   *source.File
	mode   string
	pixels int64

	pages   []sdk.PageInfo
	exact   bool // all pages so far are images that a new document shows alike
	tooBig  int  // pages that cannot even be drawn
	largest sdk.PageInfo
}

func (i *inspection) run(ctx context.Context) error {
	budget := source.NewBudget()
	for _, p := range i.file.Pages {
		m, err := i.file.Marks(ctx, p, budget)
		if err != nil {
			return err
		}
		i.page(p, m)
	}
	if i.tooBig == len(i.pages) {
		return sdk.Refuse("over-limit", "raise the pixel limit of the profile, or scan with a lower resolution",
			"a page of %.0f x %.0f points cannot be drawn with %d dpi within %d million pixels", i.largest.WidthPt, i.largest.HeightPt, leastDPI, i.pixels/1_000_000)
	}
	return i.permitted(ctx)
}

// permitted refuses a document that needs a text layer and forbids it, before any
// page is recognised in vain.
func (i *inspection) permitted(ctx context.Context) error {
	if i.mode == modeForce || !slices.ContainsFunc(i.pages, func(p sdk.PageInfo) bool { return !p.Text }) {
		return nil
	}
	ok, err := i.file.MayChange(ctx)
	if err != nil || ok {
		return err
	}
	return source.RefuseChange()
}

func (i *inspection) page(p source.Page, m source.Marks) {
	w, h := p.Size()
	info := sdk.PageInfo{WidthPt: w, HeightPt: h, Hidden: m.Hidden >= fullHidden}
	info.Text = leaveAlone(p, m, i.mode)
	s, ok := sole(i.file, p, m, i.mode, i.pixels)
	if ok && !info.Text {
		info.Image = true
		info.Width, info.Height = s.Upright()
		info.XDPI, info.YDPI = s.XDPI, s.YDPI
	}
	i.exact = i.exact && info.Image && s.Exact
	if !info.Image && drawDPI(p, m, i.pixels) < leastDPI {
		i.tooBig++
		i.largest = info
	}
	i.pages = append(i.pages, info)
}

func (i *inspection) answer() sdk.Inspection {
	f := i.file
	return sdk.Inspection{Media: Media, Pages: i.pages, PDF: &sdk.PDFInfo{
		Version: f.Version(), Encrypted: f.Encrypted, Signed: f.Signed(),
		Rebuild: i.exact && f.OnlyPages(), PDFA: f.PDFA(), Repaired: f.Repaired,
	}}
}

// sole is the one image of a page that can be taken out. Invisible text beside it
// goes only where the mode replaces it.
func sole(f *source.File, p source.Page, m source.Marks, mode string, pixels int64) (source.Sole, bool) {
	if m.Hidden > 0 && mode != modeRedo && mode != modeForce {
		return source.Sole{}, false
	}
	s, ok := f.Sole(p, m)
	if s.Orient != 1 || s.Kind == source.Samples {
		pixels = min(pixels, maxTurned)
	}
	return s, ok && int64(s.Width)*int64(s.Height) <= pixels
}

// maxTurned is the most pixels of an image whose samples are handled here.
const maxTurned = 60_000_000

// How many glyphs make a page one with text. A stamp or a header on a scan has up
// to a hundred; the text of a full page has two thousand.
const (
	someGlyphs = 10  // a page without pictures
	fewGlyphs  = 60  // a page with some picture
	manyGlyphs = 250 // a page that is mostly picture
	fullHidden = 30  // an invisible layer
)

// leaveAlone decides whether a page carries its text already: visible text in
// proportion to its pictures or, in mode skip, an invisible layer.
func leaveAlone(p source.Page, m source.Marks, mode string) bool {
	if mode == modeForce {
		return false
	}
	if mode != modeRedo && m.Hidden >= fullHidden {
		return true
	}
	switch c := m.Coverage(p); {
	case c < 0.05:
		return m.Visible >= someGlyphs
	case c < 0.3:
		return m.Visible >= fewGlyphs
	}
	return m.Visible >= manyGlyphs
}
