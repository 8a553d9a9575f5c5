package assemble

import (
	"math"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/textlayer"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// PDF/A allows 3 to 14,400 units a side.
const (
	minSide, maxSide = 3, 14400
	assumedDPI       = 300
	leastDPI         = 10
	mostDPI          = 10000
)

// sheet is a page's size in its own units, and how many points a unit is.
type sheet struct {
	width, height float64
	unit          float64
}

// a4 is the size of pages of which nothing is known.
func a4() sheet { return sheet{595.28, 841.89, 1} }

// sizeOf is the size at which a page is shown: that of its upright image at its
// resolution. last is the size of the page before, for pages without an image.
func sizeOf(p sdk.DocPage, last sheet, units bool) sheet {
	w, h := last.width*last.unit, last.height*last.unit
	switch info := p.Info; {
	case p.Image != nil && p.Image.Width > 0 && p.Image.Height > 0:
		w, h = inches(p.Image.Width, p.Image.XDPI)*72, inches(p.Image.Height, p.Image.YDPI)*72
		if info.WidthPt > 0 && math.Abs(w-info.WidthPt) < 1 && math.Abs(h-info.HeightPt) < 1 { // rounding to whole pixels
			w, h = info.WidthPt, info.HeightPt
		}
		if turn(p)%180 != 0 {
			w, h = h, w
		}
		x, y := growth(p)
		w, h = w*x, h*y
	case info.WidthPt > 0 && info.HeightPt > 0:
		w, h = info.WidthPt, info.HeightPt
	case info.Width > 0 && info.Height > 0:
		w, h = inches(info.Width, info.XDPI)*72, inches(info.Height, info.YDPI)*72
	}
	return fit(w, h, units)
}

// fit brings a size into the limits: a huge page gets a larger unit, if the version
// of PDF knows units, else it shrinks; a tiny one grows.
func fit(w, h float64, units bool) sheet {
	s := sheet{w, h, 1}
	if over := max(w, h) / maxSide; over > 1 {
		s = sheet{w / over, h / over, over}
	}
	if under := minSide / min(s.width, s.height); under > 1 {
		s.width, s.height = s.width*under, s.height*under
	}
	s.width, s.height = round(min(s.width, maxSide)), round(min(s.height, maxSide))
	if !units {
		s.unit = 1
	}
	return s
}

func round(v float64) float64 { return math.Round(v*100) / 100 }

func inches(pixels int, dpi float64) float64 {
	if !(dpi >= leastDPI && dpi <= mostDPI) { // also NaN
		dpi = assumedDPI
	}
	return float64(pixels) / dpi
}

// turn is how far the page is turned clockwise to stand upright.
func turn(p sdk.DocPage) int {
	if p.Filtered == nil {
		return 0
	}
	return (p.Filtered.Turn%360 + 360) % 360
}

// imageMatrix puts the stored image, which a PDF draws into the unit square, upright
// on a page: orient is its EXIF orientation, turn what else it is turned clockwise.
func imageMatrix(orient, turn int, width, height float64) textlayer.Matrix {
	// All in fractions of a side, y downwards: stored to shown, then turned.
	m := orientation(orient)
	switch turn {
	case 90:
		m = m.Then(textlayer.Matrix{B: 1, C: -1, E: 1})
	case 180:
		m = m.Then(textlayer.Matrix{A: -1, D: -1, E: 1, F: 1})
	case 270:
		m = m.Then(textlayer.Matrix{B: -1, C: 1, F: 1})
	}
	flip := textlayer.Matrix{A: 1, D: -1, F: 1}
	return flip.Then(m).Then(textlayer.Matrix{A: width, D: -height, F: height})
}

// orientation leads from the stored image to the shown one, for EXIF's values 1 to 8.
func orientation(orient int) textlayer.Matrix {
	switch orient {
	case 2:
		return textlayer.Matrix{A: -1, D: 1, E: 1}
	case 3:
		return textlayer.Matrix{A: -1, D: -1, E: 1, F: 1}
	case 4:
		return textlayer.Matrix{A: 1, D: -1, F: 1}
	case 5:
		return textlayer.Matrix{B: 1, C: 1}
	case 6:
		return textlayer.Matrix{B: 1, C: -1, E: 1}
	case 7:
		return textlayer.Matrix{B: -1, C: -1, E: 1, F: 1}
	case 8:
		return textlayer.Matrix{B: -1, C: 1, F: 1}
	}
	return textlayer.Matrix{A: 1, D: 1}
}
