package assemble

import (
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/embed"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// A page may be shown as a filter made it. That picture has the frame of the image that
// was recognised: turned upright, and levelled into a larger frame about the same
// centre. So the page grows with the frame, and its text, which refers to the scan, is
// levelled too.

// cleaned opens the picture that a filter gave to show; nil: there is none that fits the
// frame and can be put into this document.
func (d *document) cleaned(p sdk.DocPage) *embed.Image {
	if !isCleaned(p) {
		return nil
	}
	file := *p.Filtered.Shown
	img, err := embed.Open(file.Path, file.Media, d.embed)
	if err != nil {
		return nil
	}
	if !alike(img.Width, img.Height, p.Filtered.Width, p.Filtered.Height) {
		img.Close()
		return nil
	}
	return img
}

// isCleaned tells whether the page is shown as a filter made it.
func isCleaned(p sdk.DocPage) bool {
	return p.Image != nil && p.Filtered != nil && p.Filtered.Shown != nil && p.Filtered.Width > 0 && p.Filtered.Height > 0
}

// asScanned is the page without a filter's picture.
func asScanned(p sdk.DocPage) sdk.DocPage {
	if p.Filtered != nil && p.Filtered.Shown != nil {
		f := *p.Filtered
		f.Shown = nil
		p.Filtered = &f
	}
	return p
}

// alike tells whether two sizes have one shape, but for rounding.
func alike(w1, h1, w2, h2 int) bool {
	a, b := float64(w1)*float64(h2), float64(h1)*float64(w2)
	return math.Abs(a-b) <= 0.01*max(a, b)+2*float64(max(w1, h1, w2, h2))
}

// growth is how much larger than the upright page the frame is in which it is shown.
func growth(p sdk.DocPage) (x, y float64) {
	if !isCleaned(p) || p.Filtered.Deskew == 0 {
		return 1, 1
	}
	w, h := upright(p)
	return float64(p.Filtered.Width) / w, float64(p.Filtered.Height) / h
}

// upright is the size of the page's image in the pixels of the recognised one, before
// it was levelled.
func upright(p sdk.DocPage) (width, height float64) {
	scale := p.Filtered.Scale
	if scale <= 0 {
		scale = 1
	}
	width, height = max(float64(p.Image.Width)*scale, 1), max(float64(p.Image.Height)*scale, 1)
	if turn(p)%180 != 0 {
		width, height = height, width
	}
	return width, height
}

// turnShown is how far the picture has to be turned clockwise; a filter's is upright.
func turnShown(p sdk.DocPage) int {
	if isCleaned(p) {
		return 0
	}
	return turn(p)
}

// asShown carries the text of the scan into the frame in which the page is shown.
func asShown(p sdk.DocPage, text *ocr.Page) *ocr.Page {
	if !isCleaned(p) || p.Filtered.Deskew == 0 {
		return text
	}
	level := text.Tilted(-p.Filtered.Deskew, p.Filtered.Width, p.Filtered.Height)
	// Each way gave every word the box around its turned box; what grew by that goes.
	grown := math.Abs(math.Sin(2 * p.Filtered.Deskew * math.Pi / 180))
	for line := range level.Lines() {
		for i := range line.Words {
			line.Words[i].Box = shrunk(line.Words[i].Box, grown)
		}
	}
	return &level
}

// shrunk undoes that a box of w x h became one of w+kh x h+kw about its centre.
func shrunk(b ocr.Box, k float64) ocr.Box {
	w, h := float64(b.Width()), float64(b.Height())
	dx, dy := (w-(w-k*h)/(1-k*k))/2, (h-(h-k*w)/(1-k*k))/2
	x, y := int(math.Round(dx)), int(math.Round(dy))
	if out := (ocr.Box{X0: b.X0 + x, Y0: b.Y0 + y, X1: b.X1 - x, Y1: b.Y1 - y}); out.X0 < out.X1 && out.Y0 < out.Y1 {
		return out
	}
	return b
}

// keywords are the fields of a document as its metadata have them.
func keywords(fields map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		out = append(out, name+"="+fields[name])
	}
	return strings.Join(out, "; ")
}
