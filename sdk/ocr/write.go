package ocr

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Head is what a document of several pages says of itself.
type Head struct {
	Title  string
	Lang   string // of the whole document, as the engine names it, e.g. deu
	Engine string // e.g. "tesseract 5.3.0, leptonica 1.82.0"
}

// printer writes markup and keeps the first error, which flush gives back.
type printer struct {
	w *bufio.Writer
}

func newPrinter(w io.Writer) printer { return printer{bufio.NewWriterSize(w, 32<<10)} }

// raw writes markup as it is.
func (p printer) raw(parts ...string) {
	for _, s := range parts {
		p.w.WriteString(s)
	}
}

func (p printer) int(n int) {
	p.w.Write(strconv.AppendInt(p.w.AvailableBuffer(), int64(n), 10))
}

// num writes a number with at most three digits after the point.
func (p printer) num(x float64) {
	p.w.Write(appendNumber(p.w.AvailableBuffer(), x))
}

// ints writes numbers parted by spaces.
func (p printer) ints(ns ...int) {
	for i, n := range ns {
		if i > 0 {
			p.w.WriteByte(' ')
		}
		p.int(n)
	}
}

// text writes foreign text so that it may stand in an element or an attribute.
// Characters that XML 1.0 does not allow are left out.
func (p printer) text(s string) {
	begin := 0
	for i, r := range s {
		n := utf8.RuneLen(r)
		escaped, ok := escape(r)
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
			escaped, ok, n = "", false, 1 // a broken byte
		}
		if ok {
			continue
		}
		p.w.WriteString(s[begin:i])
		p.w.WriteString(escaped)
		begin = i + n
	}
	p.w.WriteString(s[begin:])
}

func (p printer) flush() error { return p.w.Flush() }

// escape gives what stands for r in markup; ok means r itself.
func escape(r rune) (s string, ok bool) {
	switch r {
	case '&':
		return "&amp;", false
	case '<':
		return "&lt;", false
	case '>':
		return "&gt;", false
	case '"':
		return "&quot;", false
	case '\'':
		return "&#39;", false
	case '\t', '\n', '\r':
		return " ", false
	case 0xFFFE, 0xFFFF:
		return "", false
	}
	return "", !unicode.IsControl(r)
}

func appendNumber(b []byte, x float64) []byte {
	start := len(b)
	b = strconv.AppendFloat(b, x, 'f', 3, 64)
	for len(b) > start && b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	if string(b[start:]) == "-0" {
		return append(b[:start], '0')
	}
	return b
}

// languageTag turns an engine's language name into one that XML accepts, "" if
// there is none: deu+eng becomes deu, chi_sim chi-sim.
func languageTag(lang string) string {
	lang, _, _ = strings.Cut(lang, "+")
	lang = strings.ReplaceAll(lang, "_", "-")
	for i, part := range strings.Split(lang, "-") {
		if len(part) < 1 || len(part) > 8 || !isTagPart(part, i > 0) {
			return ""
		}
	}
	return lang
}

func isTagPart(s string, digits bool) bool {
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && !(digits && c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}
