package ocr

import (
	"fmt"
	"math"
	"unicode"
	"unicode/utf8"
)

// Bounds that every valid page keeps. The densest newspaper page has some 20,000 words.
const (
	MaxSide     = 1_000_000 // pixels of a page's side
	MaxWords    = 200_000   // of a page
	MaxParts    = 200_000   // blocks, paragraphs and lines of a page, together
	MaxWordSize = 4096      // bytes of a word
)

// Validate says what is wrong with a page that came from outside: a size or a
// count out of bounds, a box that is empty or leaves the page, a number that is no
// number, text that is not UTF-8 or holds control characters. A page that
// [ParseHOCR] gave is always valid.
func (p Page) Validate() error {
	if p.Width < 1 || p.Height < 1 || p.Width > MaxSide || p.Height > MaxSide {
		return fmt.Errorf("page of %d x %d pixels: each side must be 1 to %d", p.Width, p.Height, MaxSide)
	}
	if !within(p.DPI, 0, 100_000) {
		return fmt.Errorf("page of %v dpi", p.DPI)
	}
	for _, name := range []string{p.Lang, p.Engine} {
		if err := checkText(name); err != nil {
			return fmt.Errorf("page language or engine: %w", err)
		}
	}
	c := checker{page: p}
	for i, block := range p.Blocks {
		if err := c.block(block); err != nil {
			return fmt.Errorf("block %d: %w", i+1, err)
		}
	}
	return nil
}

// checker counts the parts of one page while it checks them.
type checker struct {
	page         Page
	words, parts int
}

func (c *checker) block(b Block) error {
	if err := c.part(b.Box); err != nil {
		return err
	}
	for i, par := range b.Paragraphs {
		if err := c.paragraph(par); err != nil {
			return fmt.Errorf("paragraph %d: %w", i+1, err)
		}
	}
	return nil
}

func (c *checker) paragraph(par Paragraph) error {
	if err := c.part(par.Box); err != nil {
		return err
	}
	if err := checkText(par.Lang); err != nil {
		return fmt.Errorf("language: %w", err)
	}
	for i, line := range par.Lines {
		if err := c.line(line); err != nil {
			return fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return nil
}

func (c *checker) line(l Line) error {
	if err := c.part(l.Box); err != nil {
		return err
	}
	if !within(l.Baseline.Slope, -maxSlope, maxSlope) || !within(l.Baseline.Offset, -MaxSide, 0) {
		return fmt.Errorf("baseline %v is out of range", l.Baseline)
	}
	if !within(l.Size, 0, MaxSide) || !within(l.Ascent, 0, MaxSide) || !within(l.Descent, 0, MaxSide) {
		return fmt.Errorf("font size %v, ascent %v or descent %v is out of range", l.Size, l.Ascent, l.Descent)
	}
	if l.Angle < 0 || l.Angle >= 360 {
		return fmt.Errorf("angle %d is not 0 to 359", l.Angle)
	}
	for i, w := range l.Words {
		if err := c.word(w); err != nil {
			return fmt.Errorf("word %d: %w", i+1, err)
		}
	}
	return nil
}

func (c *checker) word(w Word) error {
	if c.words++; c.words > MaxWords {
		return fmt.Errorf("the page has more than %d words", MaxWords)
	}
	if err := c.box(w.Box); err != nil {
		return err
	}
	if !within(w.Confidence, 0, 100) {
		return fmt.Errorf("confidence %v is not 0 to 100", w.Confidence)
	}
	if w.Text == "" {
		return fmt.Errorf("it has no text")
	}
	if err := checkText(w.Lang); err != nil {
		return fmt.Errorf("language: %w", err)
	}
	return checkText(w.Text)
}

func (c *checker) part(b Box) error {
	if c.parts++; c.parts > MaxParts {
		return fmt.Errorf("the page has more than %d blocks, paragraphs and lines", MaxParts)
	}
	return c.box(b)
}

func (c *checker) box(b Box) error {
	if b.Empty() || b.X0 < 0 || b.Y0 < 0 || b.X1 > c.page.Width || b.Y1 > c.page.Height {
		return fmt.Errorf("box %v is empty or leaves the page of %d x %d pixels", b, c.page.Width, c.page.Height)
	}
	return nil
}

func checkText(s string) error {
	if len(s) > MaxWordSize {
		return fmt.Errorf("text of %d bytes is longer than %d", len(s), MaxWordSize)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("text %q is not UTF-8", s)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return fmt.Errorf("text %q holds a control character", s)
		}
	}
	return nil
}

// within reports whether lo <= x <= hi; it is false for NaN.
func within(x, lo, hi float64) bool { return x >= lo && x <= hi && !math.IsNaN(x) }
