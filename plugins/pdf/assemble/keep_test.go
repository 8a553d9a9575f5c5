package assemble

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// base makes a PDF of A4 pages, each with one word as its text; "" is none.
func (b *bench) base(name string, words ...string) string {
	b.Helper()
	var doc sdk.Document
	for i, w := range words {
		page := b.page(b.write(fmt.Sprintf("%s%d.png", name, i), pngOf(b, gradient(248, 351))), 30, nil)
		if w != "" {
			page.Text = b.text(fmt.Sprintf("%s%d.json", name, i), typeset(0, 0, false, w))
		}
		doc.Pages = append(doc.Pages, page)
	}
	got, _ := b.assemble(doc)
	path := b.dir + "/" + name + ".pdf"
	if err := os.Rename(got["pdf"], path); err != nil {
		b.Fatal(err)
	}
	return path
}

func TestOnePDFKeepsItsBytesAndGetsText(t *testing.T) {
	need(t, "pdftotext", "qpdf")
	b := newBench(t)
	input := b.base("in", "old", "")
	text := typeset(0, 0, false, "grafted", "words")
	doc := sdk.Document{
		Mode: "skip", Outputs: []string{"pdf", "text"},
		Inputs:      []sdk.File{{Path: input, Name: "in.pdf"}},
		Inspections: []sdk.Inspection{{PDF: &sdk.PDFInfo{PDFA: "2u", Signed: true}}},
		Pages: []sdk.DocPage{
			{InputPage: 1, Kept: true, Info: sdk.PageInfo{Hidden: true}, Text: b.text("0.json", typeset(0, 0, false, "old"))},
			{InputPage: 2, Text: b.text("1.json", text), Image: &sdk.PageImage{Width: 2480, Height: 3508}},
		},
	}
	got, answer := b.assemble(doc)
	wellFormed(t, got["pdf"])
	if !bytes.HasPrefix(read(t, got["pdf"]), read(t, input)) {
		t.Error("the input does not stand unchanged at the beginning")
	}
	found := strings.Fields(run(t, "pdftotext", got["pdf"], "-"))
	if strings.Join(found, " ") != "old grafted words" {
		t.Errorf("the document reads %q", found)
	}
	if len(answer.Outputs) != 2 {
		t.Errorf("got %d outputs, want the two that were asked for", len(answer.Outputs))
	}
	for _, o := range answer.Outputs {
		if o.Kind == kindPDF && o.PDFA != "kept" {
			t.Errorf("the document says PDF/A %q because %q, want kept", o.PDFA, o.Why)
		}
	}
	if plain, want := string(read(t, got["text"])), "old\n\fgrafted words\n"; plain != want {
		t.Errorf("text is %q, want %q", plain, want)
	}
}

func TestPDFsAndImagesAreJoinedInOrder(t *testing.T) {
	need(t, "pdftotext", "qpdf", "pdfinfo")
	b := newBench(t)
	one, two := b.base("one", "alpha", "beta", ""), b.base("two", "delta")
	picture := b.write("p.png", pngOf(t, gradient(100, 200)))
	lying := b.page(picture, 100, nil)
	lying.Filtered = &sdk.Filtered{Turn: 90}
	lying.Text = b.text("p.json", typeset(0, 0, false, "picture"))
	lying.Input = 1
	page := func(input, n int, kept bool, words ...string) sdk.DocPage {
		p := sdk.DocPage{Input: input, InputPage: n, Info: sdk.PageInfo{Text: kept}, Image: &sdk.PageImage{Width: 2480, Height: 3508}}
		if words != nil {
			p.Text = b.text(words[0]+".json", typeset(0, 0, false, words...))
		}
		return p
	}
	got, answer := b.assemble(sdk.Document{
		Mode:        "skip",
		Inputs:      []sdk.File{{Path: one}, {Path: picture}, {Path: two}},
		Inspections: []sdk.Inspection{{PDF: &sdk.PDFInfo{}}, {}, {PDF: &sdk.PDFInfo{Rebuild: true}}},
		Pages:       []sdk.DocPage{page(0, 1, true, "alpha"), page(0, 3, false, "more"), lying, lying, page(2, 1, false)},
	})
	wellFormed(t, got["pdf"])
	if found, want := strings.Fields(run(t, "pdftotext", got["pdf"], "-")), "alpha more picture picture delta"; strings.Join(found, " ") != want {
		t.Errorf("the document reads %q, want %q", found, want)
	}
	if o := answer.Outputs[0]; o.PDFA != "none" || o.Why == "" {
		t.Errorf("a joined document says PDF/A %q because %q", o.PDFA, o.Why)
	}
	info := run(t, "pdfinfo", "-l", "9", got["pdf"])
	if want := "Page    3 size:  144 x 72 pts"; !strings.Contains(info, want) || strings.Contains(info, "Page    6") {
		t.Errorf("got %s, want %q and five pages", info, want)
	}
}

func TestForceWritesANewDocument(t *testing.T) {
	b := newBench(t)
	page := b.page(b.write("a.png", pngOf(t, gradient(100, 100))), 100, nil)
	got, answer := b.assemble(sdk.Document{Mode: "force", Inputs: []sdk.File{{Path: "/nothing.pdf"}},
		Inspections: []sdk.Inspection{{PDF: &sdk.PDFInfo{Signed: true}}}, Pages: []sdk.DocPage{page}})
	conforms(t, got["pdf"])
	if len(answer.Outputs) != 1 || answer.Outputs[0].PDFA != "2u" {
		t.Errorf("got %+v", answer)
	}
}

func TestPageRangesAsQPDFReadsThem(t *testing.T) {
	for want, pages := range map[string][]int{"1-z": nil, "1": {1}, "1-3": {1, 2, 3}, "1,3-4,2": {1, 3, 4, 2}, "2,2": {2, 2}} {
		if got := ranges(pages); got != want {
			t.Errorf("%v: got %q, want %q", pages, got, want)
		}
	}
}
