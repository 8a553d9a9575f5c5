package poppler

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParseText reads what pdftotext says of a page of 60 lines with 12 words each.
func BenchmarkParseText(b *testing.B) {
	var page strings.Builder
	page.WriteString("  <page width=\"612.000000\" height=\"792.000000\">\n<flow><block xMin=\"72.000000\" yMin=\"50.100000\" xMax=\"540.000000\" yMax=\"740.000000\">\n")
	for y := range 60 {
		fmt.Fprintf(&page, "<line xMin=\"72.000000\" yMin=\"%d.100000\" xMax=\"540.000000\" yMax=\"%d.000000\">\n", 50+12*y, 60+12*y)
		for x := range 12 {
			fmt.Fprintf(&page, "<word xMin=\"%d.500000\" yMin=\"%d.100000\" xMax=\"%d.000000\" yMax=\"%d.000000\">reports</word>\n", 72+38*x, 50+12*y, 105+38*x, 60+12*y)
		}
		page.WriteString("</line>\n")
	}
	page.WriteString("</block></flow></page>\n")
	raw := []byte(page.String())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if pages := ParseText(raw); len(pages) != 1 {
			b.Fatalf("%d pages", len(pages))
		}
	}
}
