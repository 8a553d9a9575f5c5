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

	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

const (
	minSize, maxSize = 1, 1000 // points
	minTz, maxTz     = 1, 10000

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
