package read

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// long is a document of many pages, each with a content stream of text.
func long(b *testing.B, pages int) string {
	kids := &strings.Builder{}
	o := []string{"<</Type/Catalog/Pages 2 0 R>>", "", sourcetest.Helvetica}
	body := strings.Repeat("BT /F 9 Tf 72 700 Td (a line of text as reports have it) Tj ET\n", 60)
	for range pages {
		fmt.Fprintf(kids, "%d 0 R ", len(o)+1)
		o = append(o, fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>", len(o)+2), sourcetest.Deflated("", body))
	}
	o[1] = fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", kids, pages)
	return sourcetest.File(b, "", o...)
}

func BenchmarkInspectOnePageOfAThousand(b *testing.B) {
	path := long(b, 1000)
	for b.Loop() {
		d := newDesk(b)
		d.inspect(path, "skip")
		d.cache.drop()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000/1000, "ms/page")
}

// BenchmarkTextOfAHundredPages asks for the texts of born-digital pages one by one.
func BenchmarkTextOfAHundredPages(b *testing.B) {
	const pages = 100
	path := long(b, pages)
	b.ReportAllocs()
	for b.Loop() {
		d := newDesk(b)
		for n := range pages {
			if _, err := d.Text(b.Context(), sdk.TextRequest{Input: input(path), Page: n + 1}, Settings{}); err != nil {
				b.Fatal(err)
			}
		}
		d.cache.drop()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/pages/1000, "ms/page")
}

func BenchmarkTakeOneImage(b *testing.B) {
	for _, name := range []string{"mfd/epson-wikipedia.pdf", "mfd/brother-ads1700w-fax-3p.pdf", "odd/rotated-4p.pdf"} {
		b.Run(strings.Trim(name, "/"), func(b *testing.B) {
			path := shared.File(b, name)
			d := newDesk(b)
			info := d.inspect(path, "skip").Pages[0]
			for b.Loop() {
				d.page(path, 1, info, "skip", true)
			}
		})
	}
}

func BenchmarkDrawOnePage(b *testing.B) {
	path := shared.File(b, "mfd/canon-iradv-c2230-form.pdf")
	d := newDesk(b)
	info := d.inspect(path, "skip").Pages[0]
	for b.Loop() {
		d.page(path, 1, info, "skip", true)
	}
}
