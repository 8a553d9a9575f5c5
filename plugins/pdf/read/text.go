package read

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"unicode"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// textDPI is the resolution that the boxes of Text refer to.
const textDPI = 300

// Text gives the text that a page carries, in the frame of the displayed page at
// 300 dpi. Its confidence is 100: nobody had to guess.
func (r *Reader) Text(ctx context.Context, req sdk.TextRequest, s Settings) (sdk.Text, error) {
	var answer sdk.Text
	err := r.with(ctx, req.Input, req.Password, req.Limits, s, func(k *kept) error {
		f := k.file
		p, err := page(f, req.Page)
		if err != nil {
			return err
		}
		found, err := k.ahead.text(ctx, p.Number, len(f.Pages), func(ctx context.Context, first, last int) ([]byte, error) {
			return s.tools().XHTML(ctx, f.Drawable, first, last, r.temp(ctx))
		})
		if err != nil {
			return err
		}
		text, words := layout(p, found)
		name := fmt.Sprintf("text-%d.json", p.Number)
		file := sdk.File{Path: r.out(ctx, name), Name: name, Media: "application/json"}
		body, err := json.Marshal(text)
		if err != nil {
			return fmt.Errorf("text of page %d: %w", p.Number, err)
		}
		if err := os.WriteFile(file.Path, body, 0o600); err != nil {
			return fmt.Errorf("text of page %d: %w", p.Number, err)
		}
		answer = sdk.Text{Text: file, Words: words}
		if words > 0 {
			answer.Confidence = 100
		}
		return nil
	})
	return answer, source.Failed(ctx, err, "the text of page %d of the PDF cannot be read", req.Page)
}

// layout turns what pdftotext found into a page of recognised text.
func layout(p source.Page, found poppler.PageText) (ocr.Page, int) {
	w, h := p.Size()
	frame := framer{scale: textDPI / 72.0 * p.Unit, w: int(math.Ceil(w * textDPI / 72)), h: int(math.Ceil(h * textDPI / 72))}
	page := ocr.Page{Width: frame.w, Height: frame.h, DPI: textDPI, Engine: "pdf"}
	words := 0
	for _, b := range found.Blocks {
		para := ocr.Paragraph{Box: frame.box(b.Rect)}
		for _, l := range b.Lines {
			if line := frame.line(l); len(line.Words) > 0 {
				para.Lines = append(para.Lines, line)
				words += len(line.Words)
				para.RTL = para.RTL || rightToLeft(line.Words[0].Text)
			}
		}
		if len(para.Lines) > 0 {
			page.Blocks = append(page.Blocks, ocr.Block{Box: para.Box, Paragraphs: []ocr.Paragraph{para}})
		}
	}
	return page, words
}

// framer moves points of the displayed page to pixels.
type framer struct {
	scale float64
	w, h  int
}

func (f framer) box(r poppler.Rect) ocr.Box {
	x := func(v float64) int { return max(0, min(f.w, int(math.Round(v*f.scale)))) }
	y := func(v float64) int { return max(0, min(f.h, int(math.Round(v*f.scale)))) }
	b := ocr.Box{X0: x(r.X0), Y0: y(r.Y0), X1: x(r.X1), Y1: y(r.Y1)}
	b.X1, b.Y1 = max(b.X1, min(f.w, b.X0+1)), max(b.Y1, min(f.h, b.Y0+1))
	return b
}

// descent is the part of a line's height that lies below its baseline in usual fonts.
const descent = 0.2

func (f framer) line(l poppler.Line) ocr.Line {
	line := ocr.Line{Box: f.box(l.Rect)}
	size := float64(line.Box.Y1 - line.Box.Y0)
	line.Size, line.Descent = size, descent*size
	line.Baseline.Offset = -math.Round(descent * size)
	for _, w := range l.Words {
		box := f.box(w.Rect)
		if box.X1 > box.X0 && box.Y1 > box.Y0 {
			line.Words = append(line.Words, ocr.Word{Text: w.Text, Box: box, Confidence: 100})
		}
	}
	return line
}

// rightToLeft reports whether the first letter of a text belongs to a script that
// is written from right to left.
func rightToLeft(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) {
			return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
		}
	}
	return false
}
