package textlayer

import (
	"slices"

	"golang.org/x/text/unicode/bidi"
)

// Lines with right-to-left text are written in visual order, left to right, code
// point by code point: of all the ways it is the one that poppler, PDFium and
// pdf.js all turn back into the text as it is read. Runs of Latin letters and
// digits inside keep their own order.

// rightToLeft tells whether r is written from right to left.
func rightToLeft(r rune) bool {
	if r < 0x0590 {
		return false
	}
	p, _ := bidi.LookupRune(r)
	c := p.Class()
	return c == bidi.R || c == bidi.AL || c == bidi.AN
}

// visual reorders the code points of each word of a line for display from left to
// right. words are in logical order; rtl is the direction of the line.
func visual(words [][]rune, rtl bool) [][]rune {
	var line []rune
	var owner []int // of each code point: its word, -1 for spaces
	for i, w := range words {
		if i > 0 {
			line, owner = append(line, ' '), append(owner, -1)
		}
		for _, r := range w {
			line, owner = append(line, r), append(owner, i)
		}
	}
	out := make([][]rune, len(words))
	for _, at := range reorder(levels(line, rtl)) {
		if w := owner[at]; w >= 0 {
			out[w] = append(out[w], line[at])
		}
	}
	return out
}

// levels gives each code point its embedding level: 0 or 2 run left to right, 1
// right to left.
func levels(line []rune, rtl bool) []int {
	out := make([]int, len(line))
	var p bidi.Paragraph
	prefix := "" // without a first strong character the package takes the text's own
	var opts []bidi.Option
	if rtl {
		opts = append(opts, bidi.DefaultDirection(bidi.RightToLeft))
	} else {
		prefix = "\u200E"
	}
	if _, err := p.SetString(prefix+string(line), opts...); err != nil {
		return out
	}
	order, err := p.Order()
	if err != nil {
		return out
	}
	skip := len([]rune(prefix))
	at, afterRTL := -skip, false
	for i := range order.NumRuns() {
		run := order.Run(i)
		n := len([]rune(run.String()))
		for j := max(at, 0); j < min(at+n, len(out)); j++ {
			out[j] = embedding(run.Direction(), rtl)
		}
		if !rtl && afterRTL && run.Direction() == bidi.LeftToRight {
			liftNumber(line, out, at, at+n)
		}
		afterRTL = run.Direction() == bidi.RightToLeft
		at += n
	}
	return out
}

func embedding(d bidi.Direction, rtl bool) int {
	switch {
	case d == bidi.RightToLeft:
		return 1
	case rtl:
		return 2
	}
	return 0
}

// liftNumber gives a number that follows right-to-left text in a left-to-right
// line the level 2: it belongs to that text and stands to its left.
func liftNumber(line []rune, levels []int, from, to int) {
	for i := from; i < min(to, len(line)); i++ {
		p, _ := bidi.LookupRune(line[i])
		switch p.Class() {
		case bidi.EN, bidi.AN:
		case bidi.ES, bidi.CS, bidi.ET:
			if i == from || i+1 >= to {
				return
			}
		default:
			return
		}
		levels[i] = 2
	}
}

// reorder gives the logical positions in visual order: rule L2 of UAX #9.
func reorder(levels []int) []int {
	order := make([]int, len(levels))
	for i := range order {
		order[i] = i
	}
	for l := 2; l >= 1; l-- {
		for i := 0; i < len(levels); {
			j := i
			for j < len(levels) && levels[j] >= l {
				j++
			}
			if j > i {
				slices.Reverse(order[i:j])
			}
			i = max(j, i+1)
		}
	}
	return order
}
