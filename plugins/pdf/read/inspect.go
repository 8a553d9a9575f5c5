package read

import (
	"context"
	"slices"
	"sync"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// inspection is one Inspect under way.
type inspection struct {
	file   *source.File
	mode   string
	pixels int64
	budget *source.Budget
	may    func() (bool, error) // the document may be changed

	pages   []sdk.PageInfo
	exact   bool // all pages so far are images that a new document shows alike
	tooBig  int  // pages that cannot even be drawn
	largest sdk.PageInfo
}

func (i *inspection) run(ctx context.Context) error {
	i.budget = source.NewBudget()
	i.may = sync.OnceValues(func() (bool, error) { return i.file.MayChange(ctx) })
	for _, p := range i.file.Pages {
		m, err := i.file.Marks(ctx, p, i.budget)
		if err != nil {
			return err
		}
		if err := i.page(ctx, p, m); err != nil {
			return err
		}
	}
	if i.tooBig == len(i.pages) {
		return sdk.Refuse("over-limit", "raise the pixel limit of the profile, or scan with a lower resolution",
			"a page of %.0f x %.0f points cannot be drawn with %d dpi within %d million pixels, %d a side", i.largest.WidthPt, i.largest.HeightPt, leastDPI, i.pixels/1_000_000, maxSide)
	}
	return i.permitted()
}

// permitted refuses a document that needs a text layer and forbids it, before any
// page is recognised in vain.
func (i *inspection) permitted() error {
	if i.mode == modeForce || !slices.ContainsFunc(i.pages, func(p sdk.PageInfo) bool { return !p.Text }) {
		return nil
	}
	ok, err := i.may()
	if err != nil || ok {
		return err
	}
	return source.RefuseChange()
}

func (i *inspection) page(ctx context.Context, p source.Page, m source.Marks) (err error) {
	w, h := p.Size()
	info := sdk.PageInfo{WidthPt: w, HeightPt: h, Hidden: m.Hidden >= fullHidden}
	if info.Text, err = i.leaveAlone(ctx, p, m); err != nil {
		return err
	}
	s, ok := sole(i.file, p, m, i.pixels)
	if ok && !info.Text {
		info.Image = true
		info.Width, info.Height = s.Upright()
		info.XDPI, info.YDPI = s.XDPI, s.YDPI
	}
	i.exact = i.exact && info.Image && s.Exact && (m.Hidden == 0 || i.mode == modeRedo || i.mode == modeForce)
	if !info.Image && drawDPI(p, m, i.pixels) < leastDPI {
		i.tooBig++
		i.largest = info
	}
	i.pages = append(i.pages, info)
	return nil
}

func (i *inspection) answer() sdk.Inspection {
	f := i.file
	return sdk.Inspection{Media: Media, Pages: i.pages, PDF: &sdk.PDFInfo{
		Version: f.Version(), Encrypted: f.Encrypted, Signed: f.Signed(),
		Rebuild: i.exact && f.OnlyPages(), PDFA: f.PDFA(), Repaired: f.Repaired,
	}}
}

// sole is the one image of a page that can be taken out.
func sole(f *source.File, p source.Page, m source.Marks, pixels int64) (source.Sole, bool) {
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

// scanned is the least part of a page that its pictures cover when it is a scan.
const scanned = 0.5

// leaveAlone decides whether a page keeps the text that it has: visible text in
// proportion to its pictures and, in mode skip, some invisible text.
func (i *inspection) leaveAlone(ctx context.Context, p source.Page, m source.Marks) (bool, error) {
	switch {
	case i.mode == modeForce:
		return false, nil
	case showsText(p, m):
		return true, nil
	case i.mode == modeRedo:
		return false, nil
	}
	return i.keepsLayer(ctx, p, m)
}

// keepsLayer decides in mode skip whether invisible text stays: text of our own,
// text on a page that is no scan, and text that cannot be replaced. What a scanner
// or another program read from a scan is read again.
func (i *inspection) keepsLayer(ctx context.Context, p source.Page, m source.Marks) (bool, error) {
	switch {
	case m.Own > 0:
		return true, nil
	case m.Hidden < fullHidden:
		return false, nil
	case m.Coverage(p) < scanned:
		return true, nil
	}
	if may, err := i.may(); err != nil || !may {
		return true, err
	}
	left, err := i.file.MarksLeft(ctx, p, m, i.budget)
	return left.Hidden >= fullHidden, err
}

// showsText reports whether a page has enough visible text for its pictures.
func showsText(p source.Page, m source.Marks) bool {
	switch c := m.Coverage(p); {
	case c < 0.05:
		return m.Visible >= someGlyphs
	case c < 0.3:
		return m.Visible >= fewGlyphs
	}
	return m.Visible >= manyGlyphs
}
