package textlayer

import (
	"math"
	"slices"
	"unicode"

	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// snapRise is how far, in points, a line must rise to be written as sloping.
const snapRise = 2

// size is the font size of a line in points, to one decimal. What the engine says is
// bounded by the height of the words: engines overrate lines that stand close, and
// pdf.js takes lines nearer than half their size for one.
func (w *writer) size(l ocr.Line) float64 {
	scale := -w.local.D
	if quarter(l.Angle)%2 == 1 {
		scale = w.local.A
	}
	pixels := 2 * usualHeight(l)
	if l.Size > 0 {
		pixels = min(pixels, l.Size)
	} else {
		pixels = pixels / 2
	}
	return min(max(math.Round(pixels*scale*10)/10, minSize), maxSize)
}

// usualHeight is the median height of the words across the direction of the text.
func usualHeight(l ocr.Line) float64 {
	heights := make([]int, 0, len(l.Words))
	for _, word := range l.Words {
		h := word.Box.Y1 - word.Box.Y0
		if quarter(l.Angle)%2 == 1 {
			h = word.Box.X1 - word.Box.X0
		}
		heights = append(heights, h)
	}
	if len(heights) == 0 {
		return 0
	}
	slices.Sort(heights)
	return float64(heights[len(heights)/2])
}

// place finds where the words of a line begin, in the order in which they are written.
func (w *writer) place(l ocr.Line, rtl bool) []placed {
	var words []placed
	for _, word := range l.Words {
		text := clean(word.Text)
		if len(text) == 0 {
			continue
		}
		p := w.frame(word.Box, l)
		p.text = text
		words = append(words, p)
	}
	if hasRTL(words) {
		order(words, rtl)
	}
	level(words)
	return words
}

// frame turns a word's box into the frame of its line.
func (w *writer) frame(b ocr.Box, l ocr.Line) placed {
	x0, y0 := w.local.Apply(float64(b.X0), float64(b.Y0)) // upper left
	x1, y1 := w.local.Apply(float64(b.X1), float64(b.Y1)) // lower right
	_, base := w.local.Apply(0, baseline(l, b))
	lx0, ly0 := w.local.Apply(float64(l.Box.X0), float64(l.Box.Y0))
	lx1, _ := w.local.Apply(float64(l.Box.X1), float64(l.Box.Y1))
	switch quarter(l.Angle) {
	case 1: // upwards
		return placed{along: y1, across: -(lx1 - w.lift(l, w.local.A)), width: y0 - y1}
	case 2: // upside down
		return placed{along: -x1, across: -(ly0 - w.lift(l, -w.local.D)), width: x1 - x0}
	case 3: // downwards
		return placed{along: -y0, across: lx0 + w.lift(l, w.local.A), width: y0 - y1}
	}
	return placed{along: x0, across: base, width: x1 - x0}
}

// baseline is the line's y in pixels under the middle of a word.
func baseline(l ocr.Line, b ocr.Box) float64 {
	middle := float64(b.X0+b.X1) / 2
	return l.Baseline.Slope*(middle-float64(l.Box.X0)) + float64(l.Box.Y1) + l.Baseline.Offset
}

// lift is how far the baseline of turned text lies inside its box, in points:
// engines give no baseline for it, only the depth of the descenders.
func (w *writer) lift(l ocr.Line, scale float64) float64 {
	if l.Descent != 0 {
		return math.Abs(l.Descent) * scale
	}
	return l.Size * -glyphDescent / 1000 * scale
}

func hasRTL(words []placed) bool {
	return slices.ContainsFunc(words, func(p placed) bool { return slices.ContainsFunc(p.text, rightToLeft) })
}

// order brings the words of a line with right-to-left text into visual order.
func order(words []placed, rtl bool) {
	texts := make([][]rune, len(words))
	balance := 0
	for i, p := range words {
		texts[i] = p.text
		for _, r := range p.text {
			if rightToLeft(r) {
				balance++
			} else if unicode.IsLetter(r) {
				balance--
			}
		}
	}
	for i, text := range visual(texts, rtl || balance > 0) {
		words[i].text = text
	}
	slices.SortStableFunc(words, func(a, b placed) int {
		switch {
		case a.along < b.along:
			return -1
		case a.along > b.along:
			return 1
		}
		return 0
	})
}

// level puts all words of a line that hardly rises on one height, which keeps it
// one line for every reader and is shorter.
func level(words []placed) {
	if len(words) == 0 {
		return
	}
	low, high := words[0].across, words[0].across
	for _, p := range words {
		low, high = min(low, p.across), max(high, p.across)
	}
	if high-low >= snapRise {
		return
	}
	for i := range words {
		words[i].across = (low + high) / 2
	}
}
