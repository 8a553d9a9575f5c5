package ocr

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// maxHOCR bounds the hOCR of one page, in bytes. A dense page has 80 KB.
const maxHOCR = 32 << 20

// maxSlope bounds a baseline's slope; a steeper line is one that runs up or down
// the page, whatever the engine says.
const maxSlope = 1

// ParseHOCR reads the hOCR of one page, with or without the document around it,
// as Tesseract writes it. It is tolerant: unknown classes and properties are
// skipped, boxes are clipped to the page, missing boxes are made from what lies in
// them, control characters are dropped, and words that stand outside a line get
// one. A line without a baseline (Tesseract gives none to turned lines) is lifted
// by its descenders.
//
// It is an error if there is no page, more than one, or more text than the bounds
// of [Page.Validate] allow. The page is always valid in the sense of Validate. It
// has no resolution unless the page says scan_res.
func ParseHOCR(r io.Reader) (Page, error) {
	data, err := readBounded(r, maxHOCR)
	if err != nil {
		return Page{}, fmt.Errorf("read hOCR: %w", err)
	}
	h := hocrReader{scan: scanner{data: data}}
	if err := h.read(); err != nil {
		return Page{}, fmt.Errorf("read hOCR: %w", err)
	}
	return h.page, nil
}

// level is what an element of the markup means.
type level int

const (
	other level = iota
	pageLevel
	blockLevel
	paragraphLevel
	lineLevel
	wordLevel
)

// maxRawWord bounds the markup of a word: each byte of it may be an entity of six.
const maxRawWord = 6 * MaxWordSize

// maxDepth bounds the nesting of elements that are remembered.
const maxDepth = 64

// hocrReader builds one page. While a part is open, its last child is the open one.
type hocrReader struct {
	scan  scanner
	page  Page
	found bool
	open  []element
	text  []byte // of the open word

	block, paragraph, line, word bool // which parts are open
	words, parts                 int
}

type element struct {
	name  string
	level level
}

var errSecondPage = errors.New("it holds more than one page")

func (h *hocrReader) read() error {
	for {
		t, ok := h.scan.next()
		if !ok {
			break
		}
		if err := h.token(t); err != nil {
			return err
		}
	}
	for len(h.open) > 0 {
		h.pop()
	}
	if !h.found {
		return errors.New("it holds no page")
	}
	if h.words > MaxWords || h.parts > MaxParts {
		return fmt.Errorf("the page has %d words in %d parts, more than %d", h.words, h.parts, MaxWords)
	}
	return h.finish()
}

func (h *hocrReader) token(t token) error {
	switch t.kind {
	case textToken:
		if h.word && len(h.text) < MaxWordSize {
			h.text = append(h.text, unescape(t.raw[:min(len(t.raw), maxRawWord)])...)
		}
	case startTag:
		return h.start(t)
	case endTag:
		h.end(t.name)
	}
	return nil
}

func (h *hocrReader) start(t token) error {
	if isVoid(t.name) || len(h.open) == maxDepth {
		return nil
	}
	var a attrs
	t.attributes(a.set)
	if a.level == pageLevel {
		if h.found {
			return errSecondPage
		}
		h.found = true
		h.startPage(a)
	} else if h.found {
		h.startPart(a)
	}
	h.open = append(h.open, element{t.name, a.level})
	return nil
}

func (h *hocrReader) startPage(a attrs) {
	h.page.Width, h.page.Height = min(a.box.X1, MaxSide), min(a.box.Y1, MaxSide)
	if within(a.resolution, 0, 100_000) {
		h.page.DPI = a.resolution
	}
}

// startPart opens a part and, before it, the parts it must lie in.
func (h *hocrReader) startPart(a attrs) {
	switch a.level {
	case blockLevel:
		h.paragraph, h.line, h.word = false, false, false
		h.openBlock(Block{Box: a.box})
	case paragraphLevel:
		h.line, h.word = false, false
		h.needBlock()
		h.openParagraph(Paragraph{Box: a.box, RTL: a.rtl, Lang: a.lang})
	case lineLevel:
		h.word = false
		h.needParagraph()
		h.openLine(a.line())
	case wordLevel:
		h.needLine()
		h.openWord(Word{Box: a.box, Confidence: a.confidence, Lang: a.lang})
	}
}

func (h *hocrReader) openBlock(b Block) {
	h.block = true
	h.parts++
	h.page.Blocks = append(h.page.Blocks, b)
}

func (h *hocrReader) openParagraph(p Paragraph) {
	h.paragraph = true
	h.parts++
	b := last(h.page.Blocks)
	b.Paragraphs = append(b.Paragraphs, p)
}

func (h *hocrReader) openLine(l Line) {
	h.line = true
	h.parts++
	p := last(last(h.page.Blocks).Paragraphs)
	p.Lines = append(p.Lines, l)
}

func (h *hocrReader) openWord(w Word) {
	h.closeWord()
	h.word = true
	h.words++
	h.text = h.text[:0]
	l := h.lastLine()
	l.Words = append(l.Words, w)
}

func (h *hocrReader) needBlock() {
	if !h.block {
		h.openBlock(Block{})
	}
}

func (h *hocrReader) needParagraph() {
	if h.needBlock(); !h.paragraph {
		h.openParagraph(Paragraph{})
	}
}

func (h *hocrReader) needLine() {
	if h.needParagraph(); !h.line {
		h.openLine(Line{})
	}
}

func (h *hocrReader) lastLine() *Line {
	return last(last(last(h.page.Blocks).Paragraphs).Lines)
}

// end closes the innermost open element of that name and all inside it.
func (h *hocrReader) end(name string) {
	for i := len(h.open) - 1; i >= 0; i-- {
		if h.open[i].name == name {
			for len(h.open) > i {
				h.pop()
			}
			return
		}
	}
}

func (h *hocrReader) pop() {
	switch h.open[len(h.open)-1].level {
	case wordLevel:
		h.closeWord()
	case lineLevel:
		h.closeWord()
		h.line = false
	case paragraphLevel:
		h.closeWord()
		h.paragraph, h.line = false, false
	case blockLevel:
		h.closeWord()
		h.block, h.paragraph, h.line = false, false, false
	}
	h.open = h.open[:len(h.open)-1]
}

func (h *hocrReader) closeWord() {
	if !h.word {
		return
	}
	h.word = false
	l := h.lastLine()
	last(l.Words).Text = cleanText(string(h.text))
}

// isVoid reports whether an HTML element never has an end tag.
func isVoid(name string) bool {
	switch name {
	case "meta", "link", "br", "hr", "img", "input":
		return true
	}
	return false
}

// cleanText is s without broken UTF-8, outer space and characters that markup
// cannot hold.
func cleanText(s string) string {
	if plain(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if r == 0xFFFE || r == 0xFFFF || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > MaxWordSize {
		s = strings.TrimRight(strings.ToValidUTF8(s[:MaxWordSize], ""), " ")
	}
	return s
}

// plain reports whether s is printable ASCII without spaces, as most words are.
func plain(s string) bool {
	if len(s) > MaxWordSize {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func last[T any](s []T) *T { return &s[len(s)-1] }
