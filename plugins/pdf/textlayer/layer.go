// Package textlayer writes the invisible text of a page: the operators that put
// every recognised word under its picture, and the font that makes readers find
// it. Both the writer of new documents and the graft onto existing ones call it,
// once a page with one [Encoder] a document, and write [Encoder.Font] at the end.
//
// Words stand flat, each at its own baseline, also in lines that slope by a few
// degrees, because readers join words of a rotated line wrongly. Only text that
// runs upwards, downwards or upside down gets a rotation.
package textlayer

import (
	"math"
	"slices"
	"strconv"
	"unicode"

	"github.com/twinleaf-scan/twinleaf/ocr"
)

const (
	minSize, maxSize = 1, 1000 // points
	minTz, maxTz     = 1, 10000
	snapRise         = 2 // points: lines that rise less are written level

	// apart is how far, in font sizes, the first word of a sloping line keeps from
	// the height of the last word before it. pdf.js begins a new line only from 0.5;
	// words at both ends of steep lines can be nearer than that, and would be glued.
	apart = 0.55

	// leastGap is the space between two words of a line, in font sizes. Boxes that
	// nearly touch would make poppler join their words; they are narrowed, but not
	// under narrowest of their width.
	leastGap  = 0.2
	narrowest = 0.6
)

// Operators gives the content stream for the text of a page, or nil for a page
// without words. place leads from the pixels that page's boxes refer to, y
// downwards, to the page's user space; font is the resource name without slash.
// The result is one text object a line within q and Q.
func Operators(page ocr.Page, place Matrix, font string, enc *Encoder) []byte {
	local, frame := place.split(page.Height)
	w := writer{font: font, enc: enc, local: local}
	for _, b := range page.Blocks {
		for _, p := range b.Paragraphs {
			for _, l := range p.Lines {
				w.line(l, p.RTL)
			}
		}
	}
	if len(w.out) == 0 {
		return nil
	}
	head := []byte("q\n")
	if frame != (Matrix{A: 1, D: 1}) {
		head = frame.appendCM(head)
	}
	return slices.Concat(head, []byte("3 Tr\n"), w.out, []byte("Q\n"))
}

type writer struct {
	out   []byte
	font  string
	enc   *Encoder
	local Matrix // pixels to points, both axis-parallel

	end     placed  // the last word written
	endSize float64 // its font size; 0: none, or not of a level text
}

// placed is a word in the frame of its line: along is where it begins in the
// direction of the text, across its baseline, in points.
type placed struct {
	text          []rune
	along, across float64
	width         float64
}

func (w *writer) line(l ocr.Line, rtl bool) {
	size := w.size(l)
	words := w.place(l, rtl)
	if len(words) == 0 {
		return
	}
	part(words, size)
	if quarter(l.Angle) == 0 {
		w.keepApart(words)
		w.end, w.endSize = words[len(words)-1], size
	}
	w.out = append(w.out, "BT /"...)
	w.out = append(w.out, w.font...)
	w.out = append(w.out, ' ')
	w.out = append(appendNumber(w.out, size, 1), " Tf\n"...)
	var at point
	for i, p := range words {
		w.move(&at, p, l.Angle, i == 0)
		w.show(p, size)
	}
	w.out = append(w.out, "ET\n"...)
}

// part narrows words that leave too little space before the next one.
func part(words []placed, size float64) {
	for i := range words[:len(words)-1] {
		p := &words[i]
		if room := words[i+1].along - p.along - leastGap*size; room > 0 && room < p.width {
			p.width = max(room, narrowest*p.width)
		}
	}
}

// keepApart moves the first word of a sloping line a little up or down if it would
// stand on the height of the word before it.
func (w *writer) keepApart(words []placed) {
	sloping := words[0].across != words[len(words)-1].across
	if !sloping || w.endSize == 0 || words[0].along > w.end.along {
		return
	}
	least := apart * w.endSize
	switch d := words[0].across - w.end.across; {
	case math.Abs(d) >= least:
	case d > 0:
		words[0].across = w.end.across + least
	default:
		words[0].across = w.end.across - least
	}
}

// point is where the text matrix stands, in tenths of a point, in the frame of the line.
type point struct{ along, across int }

// move brings the start of the line to where p begins. The rest after rounding
// is never carried along: at is what a reader has.
func (w *writer) move(at *point, p placed, angle int, first bool) {
	to := point{tenths(p.along), tenths(p.across)}
	if m := directions[quarter(angle)]; first && m != "" {
		x, y := unframe(to, angle)
		w.out = append(w.out, m...)
		w.out = appendTenths(w.out, x)
		w.out = append(w.out, ' ')
		w.out = append(appendTenths(w.out, y), " Tm "...)
	} else {
		w.out = appendTenths(w.out, to.along-at.along)
		w.out = append(w.out, ' ')
		w.out = append(appendTenths(w.out, to.across-at.across), " Td "...)
	}
	*at = to
}

// directions begins the text matrix of a line by quarter turns counter-clockwise.
var directions = [4]string{"", "0 1 -1 0 ", "-1 0 0 -1 ", "0 -1 1 0 "}

// unframe leads from the frame of a line back to the page.
func unframe(p point, angle int) (x, y int) {
	switch quarter(angle) {
	case 1:
		return -p.across, p.along
	case 2:
		return -p.along, -p.across
	case 3:
		return p.across, -p.along
	}
	return p.along, p.across
}

// show writes one word with a space behind it, stretched to the width of its box.
func (w *writer) show(p placed, size float64) {
	natural := float64(len(p.text)) * size * glyphWidth / 1000
	tz := min(max(math.Round(p.width/natural*100), minTz), maxTz)
	w.out = strconv.AppendInt(w.out, int64(tz), 10)
	w.out = append(w.out, " Tz "...)
	w.out = w.enc.appendLiteral(w.out, append(p.text, ' '))
	w.out = append(w.out, " Tj\n"...)
}

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

func tenths(v float64) int { return int(math.Round(v * 10)) }

// appendTenths writes a number of tenths of a point.
func appendTenths(dst []byte, v int) []byte {
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	if v >= 10 || v == 0 {
		dst = strconv.AppendInt(dst, int64(v/10), 10)
	}
	if v%10 != 0 {
		dst = append(dst, '.', byte('0'+v%10))
	}
	return dst
}
