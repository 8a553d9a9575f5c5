package graft

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// full is a page of seventy lines with ten words each.
func full() ocr.Page {
	p := ocr.Page{Width: 2550, Height: 3300, DPI: 300}
	var para ocr.Paragraph
	for y := range 70 {
		line := ocr.Line{Box: ocr.Box{X0: 100, Y0: 40 + y*45, X1: 2400, Y1: 80 + y*45}, Size: 40, Descent: 9}
		for x := range 10 {
			line.Words = append(line.Words, ocr.Word{Text: fmt.Sprintf("word%dof%d", x, y*31), Box: ocr.Box{X0: 100 + x*230, Y0: 40 + y*45, X1: 310 + x*230, Y1: 80 + y*45}})
		}
		para.Lines = append(para.Lines, line)
	}
	p.Blocks = []ocr.Block{{Paragraphs: []ocr.Paragraph{para}}}
	return p
}

func BenchmarkGraftAHundredPages(b *testing.B) {
	kids := &strings.Builder{}
	o := []string{"<</Type/Catalog/Pages 2 0 R>>", ""}
	pages := map[int]PageText{}
	for n := range 100 {
		fmt.Fprintf(kids, "%d 0 R ", len(o)+1)
		o = append(o, fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<<>>/Contents %d 0 R>>", len(o)+2), sourcetest.Stream("", "0 0 9 9 re f"))
		pages[n+1] = PageText{Page: full()}
	}
	o[1] = fmt.Sprintf("<</Type/Pages/Kids[%s]/Count 100>>", kids)
	in := sourcetest.File(b, "", o...)
	for b.Loop() {
		if _, err := Graft(context.Background(), Options{Input: in, Output: filepath.Join(b.TempDir(), "out.pdf"), Scratch: b.TempDir(), Pages: pages}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/100/1000, "ms/page")
}
