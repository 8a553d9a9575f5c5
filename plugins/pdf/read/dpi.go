package read

import (
	"math"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
)

// Resolutions for drawing, dots per inch.
const (
	usualDPI = 300  // a page without images
	lowDPI   = 150  // least for a page with coarse images
	highDPI  = 400  // most for a page with fine ones
	leastDPI = 72   // what a big sheet may come down to
	mostDPI  = 9600 // what a drawing is said to have, of a page that is next to nothing
)

// maxSide is the most pixels of a drawing's side.
const maxSide = 65_000

// drawDPI is the resolution to draw a page with: that of its finest large image,
// lowered until the page has at most so many pixels and maxSide a side.
func drawDPI(p source.Page, m source.Marks, pixels int64) float64 {
	dpi := 0.0
	for _, i := range m.Images {
		if i.Box.Intersect(p.Box).Area() >= 0.2*p.Box.Area() {
			dpi = max(dpi, imageDPI(i, p.Unit))
		}
	}
	if dpi == 0 {
		dpi = usualDPI
	}
	dpi = math.Round(min(highDPI, max(lowDPI, dpi)))
	w, h := p.Size()
	if area := w / 72 * h / 72; area*dpi*dpi > float64(pixels) {
		dpi = math.Floor(math.Sqrt(float64(pixels) / area))
	}
	if side := max(w, h) / 72; side*dpi > maxSide {
		dpi = math.Floor(maxSide / side)
	}
	return dpi
}

// imageDPI is the resolution of an image as it is placed.
func imageDPI(i source.Placed, unit float64) float64 {
	side := math.Hypot(i.Matrix.A, i.Matrix.B) * unit // points of the image's width
	if side <= 0 {
		return 0
	}
	return float64(i.Width) * 72 / side
}
