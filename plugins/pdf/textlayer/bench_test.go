package textlayer

import (
	"fmt"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// BenchmarkOperators writes the invisible text of a page of seventy lines with ten words each.
func BenchmarkOperators(b *testing.B) {
	for name, slope := range map[string]float64{"level": 0, "sloping": 0.01} {
		b.Run(name, func(b *testing.B) {
			page := ocr.Page{Width: 2550, Height: 3300, DPI: 300}
			var para ocr.Paragraph
			for y := range 70 {
				line := ocr.Line{Box: ocr.Box{X0: 100, Y0: 40 + y*45, X1: 2400, Y1: 80 + y*45}, Size: 40, Descent: 9}
				line.Baseline.Slope = slope
				for x := range 10 {
					line.Words = append(line.Words, ocr.Word{Text: fmt.Sprintf("word%dof%d", x, y), Box: ocr.Box{X0: 100 + x*230, Y0: 40 + y*45, X1: 310 + x*230, Y1: 80 + y*45}})
				}
				para.Lines = append(para.Lines, line)
			}
			page.Blocks = []ocr.Block{{Paragraphs: []ocr.Paragraph{para}}}
			enc := &Encoder{}
			b.ReportAllocs()
			for b.Loop() {
				if len(Operators(page, Fill(612, 792, 2550, 3300), "F", enc)) == 0 {
					b.Fatal("there is no text")
				}
			}
		})
	}
}
