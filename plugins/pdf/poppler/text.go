package poppler

import (
	"bufio"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Rect is a rectangle on the page as it is displayed, in points; y grows downwards.
type Rect struct{ X0, Y0, X1, Y1 float64 }

// The text of a page as pdftotext lays it out.
type (
	// PageText is one page. The size that pdftotext writes is left out: it does not
	// follow /Rotate, as the boxes do.
	PageText struct{ Blocks []Block }
	// Block is lines that belong together.
	Block struct {
		Rect
		Lines []Line
	}
	// Line is words in reading order.
	Line struct {
		Rect
		Words []Word
	}
	// Word is one word, without control characters.
	Word struct {
		Rect
		Text string
	}
)

// Limits of what is read of pdftotext's answer.
const (
	maxTextBytes = 256 << 20
	maxWords     = 2_000_000
)

// Text gives the text of the pages first to last with its boxes. dir is for a
// temporary file.
func (t Tools) Text(ctx context.Context, path string, first, last int, dir string) ([]PageText, error) {
	out := filepath.Join(dir, fmt.Sprintf("text-%d.html", first))
	defer os.Remove(out)
	_, err := t.run(ctx, "", 0, "pdftotext", "-q", "-bbox-layout", "-cropbox",
		"-f", strconv.Itoa(first), "-l", strconv.Itoa(last), path, out)
	if err != nil {
		return nil, fmt.Errorf("read the text of page %d: %w", first, err)
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, fmt.Errorf("read the text of page %d: %w", first, err)
	}
	defer f.Close()
	pages, err := ParseText(f)
	if err != nil {
		return nil, fmt.Errorf("read the text of page %d: %w", first, err)
	}
	return pages, nil
}

// ParseText reads the XHTML that pdftotext -bbox-layout writes. It takes at most
// 256 MiB and two million words; the rest is left out.
func ParseText(r io.Reader) ([]PageText, error) {
	d := xml.NewDecoder(bufio.NewReader(&cleanReader{bufio.NewReader(io.LimitReader(r, maxTextBytes))}))
	d.Strict = false
	d.Entity = xml.HTMLEntity
	var p textParser
	for p.words < maxWords {
		tok, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if len(p.pages) > 0 {
				break // keep what came before the damage
			}
			return nil, fmt.Errorf("parse pdftotext's answer: %w", err)
		}
		p.token(tok)
	}
	return p.pages, nil
}

type textParser struct {
	pages []PageText
	words int
	word  *Word // being read
	text  strings.Builder
}

func (p *textParser) token(tok xml.Token) {
	switch e := tok.(type) {
	case xml.StartElement:
		p.start(e)
	case xml.CharData:
		if p.word != nil {
			p.text.Write(e)
		}
	case xml.EndElement:
		if e.Name.Local == "word" && p.word != nil {
			p.endWord()
		}
	}
}

func (p *textParser) start(e xml.StartElement) {
	if e.Name.Local == "page" {
		p.pages = append(p.pages, PageText{})
		return
	}
	if len(p.pages) == 0 {
		return
	}
	page := &p.pages[len(p.pages)-1]
	switch e.Name.Local {
	case "block":
		page.Blocks = append(page.Blocks, Block{Rect: rect(e)})
	case "line":
		if n := len(page.Blocks); n > 0 {
			page.Blocks[n-1].Lines = append(page.Blocks[n-1].Lines, Line{Rect: rect(e)})
		}
	case "word":
		p.word = &Word{Rect: rect(e)}
		p.text.Reset()
	}
}

func (p *textParser) endWord() {
	w := p.word
	p.word = nil
	w.Text = strings.TrimSpace(printable(p.text.String()))
	page := &p.pages[len(p.pages)-1]
	if w.Text == "" || len(page.Blocks) == 0 {
		return
	}
	block := &page.Blocks[len(page.Blocks)-1]
	if len(block.Lines) == 0 {
		return
	}
	line := &block.Lines[len(block.Lines)-1]
	line.Words = append(line.Words, *w)
	p.words++
}

func rect(e xml.StartElement) Rect {
	return Rect{attr(e, "xMin"), attr(e, "yMin"), attr(e, "xMax"), attr(e, "yMax")}
}

func attr(e xml.StartElement, name string) float64 {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			v, err := strconv.ParseFloat(a.Value, 64)
			if err != nil || math.IsNaN(v) || math.Abs(v) > 1e7 {
				return 0
			}
			return v
		}
	}
	return 0
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

// cleanReader puts a blank in the place of every character that XML forbids;
// pdftotext lets them through.
type cleanReader struct{ r *bufio.Reader }

func (c *cleanReader) Read(p []byte) (int, error) {
	n := 0
	for n+utf8.UTFMax <= len(p) {
		if n > 0 && c.r.Buffered() == 0 {
			break
		}
		r, size, err := c.r.ReadRune()
		if err != nil {
			if n > 0 {
				return n, nil
			}
			return 0, err
		}
		if r == utf8.RuneError && size == 1 || r < 0x20 && r != '\n' && r != '\t' && r != '\r' || r == 0x7F || r == 0xFFFE || r == 0xFFFF {
			r = ' '
		}
		n += utf8.EncodeRune(p[n:], r)
	}
	return n, nil
}
