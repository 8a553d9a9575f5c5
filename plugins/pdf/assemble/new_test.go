package assemble

import (
	"os"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestRealPagesBecomeASearchableDocument(t *testing.T) {
	need(t, "pdftotext", "qpdf")
	b := newBench(t)
	doc := sdk.Document{Name: "Three pages", Job: "j1", PDFA: "2u", Outputs: []string{"pdf", "text", "hocr", "alto"}}
	var want []string
	for _, name := range []string{"eng-magazine-8087_054-g4.tif", "eng-typed-report-2col.jpg", "eng-brochure-2col.png"} {
		path := shared(t, "scans-with-truth/"+name)
		text := recognized(t, path, "eng")
		want = append(want, words(text)...)
		doc.Pages = append(doc.Pages, b.page(path, 300, &text))
	}
	got, answer := b.assemble(doc)
	conforms(t, got["pdf"])
	read := strings.Fields(run(t, "pdftotext", "-raw", got["pdf"], "-"))
	t.Logf("%+v", answer)
	t.Log("pdftotext finds", percent(inOrder(want, read), len(want)))
	plain, err := os.ReadFile(got["text"])
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(plain), "\f"); n != 2 {
		t.Errorf("%d form feeds in the text of three pages, want 2", n)
	}
	os.Rename(got["pdf"], "/tmp/wr/out.pdf")
}
