// Package patch finds patch codes: the marks of four parallel bars by which document
// scanners are told of separator sheets. Two of the four bars are wide (0.20 inch), two
// narrow (0.08 inch), the three spaces are narrow, so that a code is ten narrow widths
// long, whatever it says. Sizes and names are those of Kodak's "Patch Code Information"
// (publication A-61599).
package patch

import (
	"slices"
	"strings"
)

// The codes by their bars, W for a wide one, read from the page's edge inwards.
var names = map[string]string{
	"WWNN": "1", "WNNW": "2", "WNWN": "3", "NWWN": "4", "NNWW": "6", "NWNW": "T",
}

// Names are the names of all codes.
func Names() []string { return []string{"1", "2", "3", "4", "6", "T"} }

// What makes marks a patch code, in narrow widths or in inches.
const (
	narrowInch = 0.08
	lengthInch = 0.7 // least length of the bars; sheets have 0.75 and more
	stepInch   = 0.05
	minLow     = 0.55 // of a narrow bar or space
	minHigh    = 1.6
	wideLow    = 1.9
	wideHigh   = 3.2
	quiet      = 1.8 // white on both sides, wider than any space inside
	black      = 110 // what is darker is black
)

// Image is a gray picture, a byte a pixel, row by row, 0 black.
type Image struct {
	Gray          []byte
	Width, Height int
	DPI           float64
}

// Find gives the names of the patch codes on the image, each once, sorted. Codes are
// read from the nearer edge of the page inwards, as a scanner reads a sheet that is fed
// with that edge first; so a sheet with one code along each edge has one code.
func Find(m Image) []string {
	if m.DPI <= 0 || len(m.Gray) != m.Width*m.Height {
		return nil
	}
	found := search(m, m.Width, m.Height, func(line, at int) byte { return m.Gray[at*m.Width+line] })
	found = append(found, search(m, m.Height, m.Width, func(line, at int) byte { return m.Gray[line*m.Width+at] })...)
	slices.Sort(found)
	return slices.Compact(found)
}

// mark is a code as one scan line sees it.
type mark struct {
	name       string
	start, end int
}

// search looks along scan lines of the given length. Bars of a real code are met at
// the same place by all lines over lengthInch.
func search(m Image, lines, length int, at func(line, at int) byte) []string {
	step := max(int(stepInch*m.DPI), 1)
	want := int(lengthInch/stepInch) - 1
	slack := int(2 * narrowInch * m.DPI)
	var found []string
	var open []*chain
	for line := 0; line < lines; line += step {
		marks := scan(m.DPI, length, func(i int) byte { return at(line, i) })
		var still []*chain
		for _, k := range marks {
			c := follow(open, k, slack)
			if c.seen++; c.seen == want {
				found = append(found, k.name)
			}
			still = append(still, c)
		}
		open = still
	}
	return found
}

// chain is the same code on several lines.
type chain struct {
	mark
	seen int
}

// follow finds the chain that a mark goes on with, or begins one.
func follow(open []*chain, k mark, slack int) *chain {
	for _, c := range open {
		if c.name == k.name && near(c.start, k.start, slack) && near(c.end, k.end, slack) {
			c.mark = k
			return c
		}
	}
	return &chain{mark: k}
}

func near(a, b, slack int) bool { return a-b <= slack && b-a <= slack }

// scan finds the codes on one scan line.
func scan(dpi float64, length int, at func(int) byte) []mark {
	runs := runsOf(length, at)
	var found []mark
	for i := 1; i+7 < len(runs); i++ {
		if !runs[i].black {
			continue
		}
		if k, ok := codeAt(runs, i, dpi, length); ok {
			found = append(found, k)
		}
	}
	return found
}

// run is a stretch of one colour.
type run struct {
	black      bool
	start, end int
}

func (r run) width() float64 { return float64(r.end - r.start) }

func runsOf(length int, at func(int) byte) []run {
	var runs []run
	for i := range length {
		dark := at(i) < black
		if n := len(runs); n > 0 && runs[n-1].black == dark {
			runs[n-1].end = i + 1
			continue
		}
		runs = append(runs, run{dark, i, i + 1})
	}
	return runs
}

// codeAt reads the code whose first bar is run i.
func codeAt(runs []run, i int, dpi float64, length int) (mark, bool) {
	start, end := runs[i].start, runs[i+6].end
	unit := float64(end-start) / 10
	if unit < 0.7*narrowInch*dpi || unit > 1.4*narrowInch*dpi {
		return mark{}, false
	}
	if runs[i-1].width() < quiet*unit || runs[i+7].width() < quiet*unit {
		return mark{}, false
	}
	var bars strings.Builder
	for n, r := range runs[i : i+7] {
		switch w := r.width() / unit; {
		case w >= minLow && w <= minHigh:
			if n%2 == 0 {
				bars.WriteByte('N')
			}
		case n%2 == 0 && w >= wideLow && w <= wideHigh:
			bars.WriteByte('W')
		default:
			return mark{}, false
		}
	}
	word := bars.String()
	if (start+end)/2 > length/2 {
		word = reverse(word)
	}
	name, ok := names[word]
	return mark{name, start, end}, ok
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
