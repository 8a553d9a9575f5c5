package farm

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// densePage is a page of some 600 words in 60 lines, and how many there are.
func densePage(b *testing.B) (page []byte, words int) {
	b.Helper()
	p := ocr.Page{Width: 2480, Height: 3508, DPI: 300, Blocks: []ocr.Block{{Box: ocr.Box{X1: 2400, Y1: 3400}}}}
	block := &p.Blocks[0]
	block.Paragraphs = []ocr.Paragraph{{Box: block.Box}}
	for y := range 60 {
		line := ocr.Line{Box: ocr.Box{Y0: 50 * y, X1: 2400, Y1: 50*y + 40}}
		for x := range 10 {
			line.Words = append(line.Words, ocr.Word{
				Text: fmt.Sprintf("word%d", 10*y+x), Box: ocr.Box{X0: 240 * x, Y0: 50 * y, X1: 240*x + 200, Y1: 50*y + 40}, Confidence: 93.5,
			})
		}
		block.Paragraphs[0].Lines = append(block.Paragraphs[0].Lines, line)
	}
	var out bytes.Buffer
	if err := p.Encode(&out); err != nil {
		b.Fatal(err)
	}
	return out.Bytes(), p.CountWords()
}

// at once answers with the same page.
type atOnce struct{ answer Answer }

func (atOnce) Name() string { return "at once" }
func (atOnce) Slots() int   { return 1 }
func (a atOnce) Recognize(context.Context, Task) (Answer, error) {
	return a.answer, nil
}

// What a dense page costs this server when a worker reads it, from the place to the file.
func BenchmarkAPageOfAWorker(b *testing.B) {
	page, words := densePage(b)
	own := newMachine("own", 0, 0)
	p := New(here{own}, own, 0, nil)
	p.Join(atOnce{Answer{Text: core.PageText{Text: core.File{Name: "page.json"}, Words: words}, Page: page}})
	c := core.RecognizeCall{Image: core.Source{File: core.File{Ref: ref}}, Width: 2480, Height: 3508, Dir: b.TempDir()}
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Recognize(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}
