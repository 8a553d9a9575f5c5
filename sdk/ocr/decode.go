package ocr

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unmarshal reads a page from JSON. What [Page.Encode] wrote is read by a reader that
// knows its form, in a tenth of the time; everything else, an error too, is encoding/json's.
func unmarshal(data []byte, p *Page) error {
	r := reader{rest: data}
	if page, ok := r.document(); ok {
		*p = page
		return nil
	}
	*p = Page{}
	return json.Unmarshal(data, p)
}

// reader reads JSON with the fields in the order of Encode, without space between them.
// Whatever it meets beside that sets bad, and it reads no further.
type reader struct {
	rest []byte
	bad  bool
	lang string // the last one, which is mostly the next one too

	words []Word // of the open line; their backing is used again
	lines []Line // of the open paragraph
}

func (r *reader) document() (p Page, ok bool) {
	p.Width, p.Height = r.int(`{"w":`), r.int(`,"h":`)
	p.DPI = r.float(`,"dpi":`)
	p.Lang = r.optional(`,"lang":`)
	p.Engine = r.optional(`,"engine":`)
	r.must(`,"blocks":`)
	for list := begin(r, &p.Blocks); r.more(&list); {
		p.Blocks = append(p.Blocks, r.block())
	}
	r.must("}")
	return p, !r.bad && strings.Trim(string(r.rest), " \t\r\n") == ""
}

func (r *reader) block() (b Block) {
	r.must("{")
	b.Box = r.box(`"box":`)
	r.must(`,"paragraphs":`)
	for list := begin(r, &b.Paragraphs); r.more(&list); {
		b.Paragraphs = append(b.Paragraphs, r.paragraph())
	}
	r.must("}")
	return b
}

func (r *reader) paragraph() (p Paragraph) {
	r.must("{")
	p.Box = r.box(`"box":`)
	p.RTL = r.has(`,"rtl":true`)
	p.Lang = r.optional(`,"lang":`)
	r.must(`,"lines":`)
	r.lines = r.lines[:0]
	list := begin(r, &p.Lines)
	for r.more(&list) {
		r.lines = append(r.lines, r.line())
	}
	if len(r.lines) > 0 {
		p.Lines = slices.Clone(r.lines)
	}
	r.must("}")
	return p
}

func (r *reader) line() (l Line) {
	r.must("{")
	l.Box = r.box(`"box":`)
	l.Baseline = Baseline{Slope: r.float(`,"baseline":{"slope":`), Offset: r.float(`,"offset":`)}
	r.must("}")
	if r.has(`,"angle":`) {
		l.Angle = r.int("")
	}
	for _, f := range [...]struct {
		name string
		to   *float64
	}{{`,"size":`, &l.Size}, {`,"descent":`, &l.Descent}, {`,"ascent":`, &l.Ascent}} {
		if r.has(f.name) {
			*f.to = r.float("")
		}
	}
	r.must(`,"words":`)
	r.words = r.words[:0]
	list := begin(r, &l.Words)
	for r.more(&list) {
		r.words = append(r.words, r.word())
	}
	if len(r.words) > 0 {
		l.Words = slices.Clone(r.words)
	}
	r.must("}")
	return l
}

func (r *reader) word() (w Word) {
	r.must(`{"text":`)
	w.Text = r.string()
	w.Box = r.box(`,"box":`)
	w.Confidence = r.float(`,"conf":`)
	w.Lang = r.optional(`,"lang":`)
	r.must("}")
	return w
}

func (r *reader) box(name string) Box {
	r.must(name)
	b := Box{X0: r.int(`{"x0":`), Y0: r.int(`,"y0":`), X1: r.int(`,"x1":`), Y1: r.int(`,"y1":`)}
	r.must("}")
	return b
}

// list is the state of an array: whether an element may follow, and whether one came.
type list struct{ open, begun bool }

// begin begins the array of a slice, which becomes empty, or stays nil for null.
func begin[T any](r *reader, to *[]T) list {
	if r.has("null") {
		return list{}
	}
	r.must("[")
	*to = []T{}
	return list{open: true}
}

func (r *reader) more(l *list) bool {
	if !l.open || r.bad {
		return false
	}
	if r.has("]") {
		l.open = false
		return false
	}
	if l.begun {
		r.must(",")
	}
	l.begun = true
	return !r.bad
}

// has takes s if it comes next.
func (r *reader) has(s string) bool {
	if r.bad || len(r.rest) < len(s) || string(r.rest[:len(s)]) != s {
		return false
	}
	r.rest = r.rest[len(s):]
	return true
}

func (r *reader) must(s string) {
	if !r.has(s) {
		r.bad = true
	}
}

// optional is a string that is left out when it is empty, mostly the last one again.
func (r *reader) optional(name string) string {
	if !r.has(name) {
		return ""
	}
	if n := len(r.lang); n > 0 && len(r.rest) > n+1 && r.rest[0] == '"' && string(r.rest[1:n+1]) == r.lang && r.rest[n+1] == '"' {
		r.rest = r.rest[n+2:]
		return r.lang
	}
	s := r.string()
	if plain(s) && !strings.ContainsAny(s, `"\\`) { // as it stands in JSON
		r.lang = s
	}
	return s
}

func (r *reader) string() string {
	if !r.has(`"`) {
		r.bad = true
		return ""
	}
	for i, c := range r.rest {
		switch {
		case c == '"':
			s := string(r.rest[:i])
			r.bad = !utf8.ValidString(s)
			r.rest = r.rest[i+1:]
			return s
		case c == '\\':
			return r.escaped(i)
		case c < ' ':
			r.bad = true
			return ""
		}
	}
	r.bad = true
	return ""
}

// escaped reads a string whose first escape is at i.
func (r *reader) escaped(i int) (s string) {
	for ; i < len(r.rest) && r.rest[i] != '"'; i++ {
		if r.rest[i] == '\\' {
			i++
		}
	}
	if i >= len(r.rest) {
		r.bad = true
		return ""
	}
	quoted := append(append([]byte{'"'}, r.rest[:i]...), '"')
	r.bad = json.Unmarshal(quoted, &s) != nil
	r.rest = r.rest[i+1:]
	return s
}

// maxDigits are so few that a number with them is exact as a whole number and as a
// float64 divided by a power of ten.
const maxDigits = 15

// number is one that JSON can hold, without exponent: its digits as a whole number, and
// how many of them are decimals. One with more than maxDigits has only its text.
type number struct {
	text     []byte
	value    int64
	decimals int
	digits   int
}

func (r *reader) number(name string) (n number) {
	r.must(name)
	i, point := 0, -1
	if len(r.rest) > 0 && r.rest[0] == '-' {
		i = 1
	}
	start := i
	for ; i < len(r.rest); i++ {
		c := r.rest[i]
		if c == '.' && point < 0 {
			point = i
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		if n.digits++; n.digits <= maxDigits {
			n.value = 10*n.value + int64(c-'0')
		}
	}
	whole := i - start
	if point >= 0 {
		whole, n.decimals = point-start, i-point-1
	}
	leadingZero := whole > 1 && r.rest[start] == '0'
	exponent := i < len(r.rest) && (r.rest[i] == 'e' || r.rest[i] == 'E')
	if whole == 0 || leadingZero || exponent || point >= 0 && n.decimals == 0 {
		r.bad = true
	}
	n.text, r.rest = r.rest[:i], r.rest[i:]
	if start == 1 {
		n.value = -n.value
	}
	return n
}

func (r *reader) int(name string) int {
	n := r.number(name)
	if n.decimals > 0 || n.digits > maxDigits {
		r.bad = true
	}
	return int(n.value)
}

func (r *reader) float(name string) float64 {
	n := r.number(name)
	if n.value != 0 && n.digits <= maxDigits {
		return float64(n.value) / powers[n.decimals]
	}
	if string(n.text) == "0" {
		return 0
	}
	x, err := strconv.ParseFloat(string(n.text), 64)
	if err != nil {
		r.bad = true
	}
	return x
}

var powers = [maxDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}
