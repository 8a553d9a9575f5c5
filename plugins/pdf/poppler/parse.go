package poppler

import (
	"bytes"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseText reads the XHTML that pdftotext -bbox-layout writes, up to where it is cut. It
// takes at most two million words; the rest is left out. It knows the few elements that
// pdftotext writes and no XML: a page has hundreds of words, and every born-digital page
// goes through here.
func ParseText(raw []byte) []PageText {
	var p textParser
	for p.words < maxWords {
		text, rest, ok := bytes.Cut(raw, []byte("<"))
		if p.inWord {
			p.text = append(p.text, text...)
		}
		end := tagEnd(rest)
		if !ok || end < 0 {
			break
		}
		p.tag(rest[:end])
		raw = rest[end+1:]
	}
	return p.pages
}

// tagEnd finds the > of a tag; those in quotes are none.
func tagEnd(b []byte) int {
	var quote byte
	for i, c := range b {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		}
	}
	return -1
}

type textParser struct {
	pages  []PageText
	words  int
	inWord bool
	box    Rect   // of the word that is being read
	text   []byte // of it, as it is written
}

// tag takes what stands between < and >.
func (p *textParser) tag(tag []byte) {
	name, rest, _ := bytes.Cut(tag, []byte(" "))
	switch string(name) {
	case "page":
		p.pages = append(p.pages, PageText{})
	case "block":
		if page := p.page(); page != nil {
			page.Blocks = append(page.Blocks, Block{Rect: rect(rest)})
		}
	case "line":
		if block := p.block(); block != nil {
			block.Lines = append(block.Lines, Line{Rect: rect(rest)})
		}
	case "word":
		p.inWord, p.box, p.text = p.page() != nil, rect(rest), p.text[:0]
	case "/word":
		p.endWord()
	}
}

func (p *textParser) page() *PageText {
	if len(p.pages) == 0 {
		return nil
	}
	return &p.pages[len(p.pages)-1]
}

func (p *textParser) block() *Block {
	page := p.page()
	if page == nil || len(page.Blocks) == 0 {
		return nil
	}
	return &page.Blocks[len(page.Blocks)-1]
}

func (p *textParser) endWord() {
	block := p.block()
	if !p.inWord || block == nil || len(block.Lines) == 0 {
		p.inWord = false
		return
	}
	p.inWord = false
	text := plain(p.text)
	if text == "" {
		return
	}
	line := &block.Lines[len(block.Lines)-1]
	line.Words = append(line.Words, Word{Rect: p.box, Text: text})
	p.words++
}

// plain is the text that XHTML means: without entities, control characters and blanks at
// its ends.
func plain(b []byte) string {
	for _, c := range b {
		if c <= ' ' || c >= 0x7F || c == '&' {
			return unescaped(string(b))
		}
	}
	return string(b)
}

func unescaped(s string) string {
	return strings.TrimSpace(printable(html.UnescapeString(strings.Map(allowed, s))))
}

// allowed puts a blank in the place of every character that XHTML forbids; pdftotext lets
// them through. strings.Map gives it bytes that are not UTF-8 as utf8.RuneError.
func allowed(r rune) rune {
	if r == utf8.RuneError || r < 0x20 || r == 0x7F || r == 0xFFFE || r == 0xFFFF {
		return ' '
	}
	return r
}

// printable drops control characters and what is not UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || r == '\uFEFF' {
			return -1
		}
		return r
	}, s)
}

func rect(attrs []byte) Rect {
	return Rect{attr(attrs, "xMin"), attr(attrs, "yMin"), attr(attrs, "xMax"), attr(attrs, "yMax")}
}

// attr is the number that an attribute has; 0 stands for what is no length on a page.
func attr(attrs []byte, name string) float64 {
	for {
		i := bytes.IndexByte(attrs, '=')
		if i < 0 || len(attrs) < i+2 {
			return 0
		}
		key, quote := bytes.TrimSpace(attrs[:i]), attrs[i+1]
		value, rest, ok := bytes.Cut(attrs[i+2:], []byte{quote})
		if !ok {
			return 0
		}
		if string(key) == name {
			return number(value)
		}
		attrs = rest
	}
}

func number(b []byte) float64 {
	if v, ok := decimal(b); ok {
		return v
	}
	v, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(v) || math.Abs(v) > 1e7 {
		return 0
	}
	return v
}

// decimal reads numbers as pdftotext writes them: up to seven digits, a point, six digits.
func decimal(b []byte) (float64, bool) {
	var digits int64
	point := -1
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			digits = digits*10 + int64(c-'0')
		case c == '.' && point < 0:
			point = i
		default:
			return 0, false
		}
	}
	if len(b) == 0 || len(b) > 14 || point < 0 || point > 7 || len(b)-point != 7 {
		return 0, false
	}
	return float64(digits) / 1e6, true
}
