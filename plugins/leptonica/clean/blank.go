package clean

import "github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"

// The sizes that tell ink from dirt, in millimetres. The tables behind them stand
// in docs/adr/0005.
const (
	border     = 0.03 // of the page's side: what lies in it is no text
	speckMin   = 0.9  // smaller shapes are grain, or the dot of an i
	markMin    = 1.7  // larger ones are ink; digits of 8 points are 2 mm high
	ruleThick  = 0.6  // a thinner shape …
	ruleLong   = 15.0 // … that is longer is a streak, a fold or a ruled line
	holeMin    = 4.0  // punched holes are 5 to 8 mm wide …
	holeMax    = 9.5  // …
	holeMargin = 20.0 // … and this near to an edge
	near       = 2.5  // specks nearer than this to another may be a word
	wordSpecks = 4    // so many near each other are
	edgeArea   = 0.04 // of the page: a larger dark area at its edge is a picture
)

// blank reports whether the page holds nothing but paper: no shape as large as a
// digit of 8 points and no group of smaller ones, apart from what sheets have
// without being written on: holes, shadows at the edge, streaks, folds, dust.
func blank(w view, shapes []lept.Box) (bool, error) {
	s := sheet{w: w.Width(), h: w.Height(), mm: w.dpi / 25.4}
	var specks []lept.Box
	for _, b := range shapes {
		switch s.kind(b) {
		case mark:
			return false, nil
		case speck:
			specks = append(specks, b)
		case atEdge:
			n, err := w.Black(b)
			if err != nil {
				return false, err
			}
			if float64(n) > edgeArea*float64(s.w)*float64(s.h) {
				return false, nil
			}
		}
		if len(specks) > maxSpecks {
			return false, nil
		}
	}
	return !s.grouped(specks), nil
}

// maxSpecks bounds the dirt of a sheet that still counts as blank.
const maxSpecks = 400

// kind is what a shape can be.
type kind int

const (
	grain kind = iota
	speck
	mark
	atEdge
)

// sheet judges shapes by their size and place.
type sheet struct {
	w, h int
	mm   float64 // pixels a millimetre
}

func (s sheet) kind(b lept.Box) kind {
	long, thin := float64(max(b.W, b.H))/s.mm, float64(min(b.W, b.H))/s.mm
	switch {
	case long < speckMin:
		return grain
	case s.touchesEdge(b):
		return atEdge
	case s.inBorder(b):
		return grain
	case thin <= ruleThick && long >= ruleLong:
		return grain
	case s.hole(b, long, thin):
		return grain
	case long < markMin:
		return speck
	}
	return mark
}

// touchesEdge reports whether the shape reaches the outermost hundredth of the sheet.
func (s sheet) touchesEdge(b lept.Box) bool {
	dx, dy := s.w/100, s.h/100
	return b.X <= dx || b.Y <= dy || b.X+b.W >= s.w-dx || b.Y+b.H >= s.h-dy
}

// inBorder reports whether the shape's middle lies in the border.
func (s sheet) inBorder(b lept.Box) bool {
	x, y := float64(b.X)+float64(b.W)/2, float64(b.Y)+float64(b.H)/2
	w, h := float64(s.w), float64(s.h)
	return x < border*w || x > w-border*w || y < border*h || y > h-border*h
}

// hole reports whether the shape is as wide as high, of a punch's size and near an edge.
func (s sheet) hole(b lept.Box, long, thin float64) bool {
	reach := int(holeMargin * s.mm)
	beside := b.X < reach || b.Y < reach || b.X+b.W > s.w-reach || b.Y+b.H > s.h-reach
	return beside && long <= holeMax && thin >= holeMin && thin >= 0.7*long
}

// grouped reports whether enough of the specks lie side by side to be small print.
func (s sheet) grouped(specks []lept.Box) bool {
	n := 0
	for i, a := range specks {
		for k, b := range specks {
			if i != k && s.beside(a, b) {
				n++
				break
			}
		}
		if n >= wordSpecks {
			return true
		}
	}
	return false
}

// beside reports whether a and b overlap in height and are near in width.
func (s sheet) beside(a, b lept.Box) bool {
	gap := max(a.X, b.X) - min(a.X+a.W, b.X+b.W)
	overlap := min(a.Y+a.H, b.Y+b.H) - max(a.Y, b.Y)
	return float64(gap) <= near*s.mm && overlap > 0
}
