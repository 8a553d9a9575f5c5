package assemble

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestOutputsSayTheSame(t *testing.T) {
	need(t, "pdftotext", "qpdf")
	b := newBench(t)
	doc := sdk.Document{Name: "Three <pages>", Job: "j1", PDFA: "2u", Outputs: []string{"pdf", "text", "hocr", "alto", "text"}}
	for i, words := range [][]string{{"first", "page"}, nil, {"third", "one"}} {
		page := b.page(b.write(string(rune('a'+i))+".png", pngOf(t, gradient(248, 351))), 30, nil)
		if words != nil {
			page.Text = b.text(string(rune('a'+i))+".json", typeset(0, 0, false, words...))
		}
		doc.Pages = append(doc.Pages, page)
	}
	got, answer := b.assemble(doc)
	if len(answer.Outputs) != 4 {
		t.Errorf("%d outputs, want 4: %+v", len(answer.Outputs), answer.Outputs)
	}
	conforms(t, got["pdf"])
	if text, want := string(read(t, got["text"])), "first page\n\f\fthird one\n"; text != want {
		t.Errorf("text is %q, want %q", text, want)
	}
	if found, want := run(t, "pdftotext", got["pdf"], "-"), "first page\n\n\f\fthird one\n\n\f"; found != want {
		t.Errorf("pdftotext finds %q, want %q", found, want)
	}
	for kind, page := range map[string]string{"hocr": "class=\"ocr_page\"", "alto": "<Page "} {
		data := read(t, got[kind])
		if n := bytes.Count(data, []byte(page)); n != 3 || !bytes.Contains(data, []byte("third")) || !bytes.Contains(data, []byte("Three &lt;pages&gt;")) {
			t.Errorf("%s has %d pages, want 3 with all words and the title:\n%.600s", kind, n, data)
		}
	}
}

func TestFaultyRequestsAreErrors(t *testing.T) {
	b := newBench(t)
	page := b.page(b.write("a.png", pngOf(t, gradient(10, 10))), 100, nil)
	lost := page
	lost.Image = &sdk.PageImage{Image: sdk.File{Path: b.dir + "/nothing.png"}, Width: 1, Height: 1}
	silent := page
	silent.Text = &sdk.File{Path: b.write("bad.json", []byte("{"))}
	tests := map[string]sdk.Document{
		"no pages":       {Submitted: submitted, Outputs: []string{"pdf"}},
		"unknown output": {Submitted: submitted, Outputs: []string{"text", "docx"}, Pages: []sdk.DocPage{page}},
		"no time":        {Outputs: []string{"text", "pdf"}, Pages: []sdk.DocPage{page}},
		"unknown level":  {Submitted: submitted, PDFA: "3a", Outputs: []string{"pdf"}, Pages: []sdk.DocPage{page}},
		"lost image":     {Submitted: submitted, Outputs: []string{"text", "pdf", "alto"}, Pages: []sdk.DocPage{page, lost}},
		"broken text":    {Submitted: submitted, Outputs: []string{"hocr"}, Pages: []sdk.DocPage{page, silent}},
	}
	for name, doc := range tests {
		if answer, err := b.assembler().Assemble(t.Context(), doc, Settings{}); err == nil {
			t.Errorf("%s: no error, %+v", name, answer)
		}
	}
}

func TestImagesOfRealScansAreByteIdentical(t *testing.T) {
	need(t, "pdfimages", "qpdf")
	b := newBench(t)
	tif, jpg, png := shared.File(t, "scans-with-truth/eng-magazine-8087_054-g4.tif"), shared.File(t, "scans-with-truth/eng-typed-report-2col.jpg"), shared.File(t, "scans-with-truth/eng-brochure-2col.png")
	got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{b.page(tif, 300, nil), b.page(jpg, 300, nil), b.page(png, 300, nil)}})
	conforms(t, got["pdf"])
	run(t, "pdfimages", "-all", got["pdf"], b.dir+"/x")
	if strip := read(t, b.dir+"/x-000.ccitt"); !bytes.Contains(read(t, tif), strip) || len(strip) < 80_000 {
		t.Errorf("the %d bytes of the G4 image do not stand in the TIFF file", len(strip))
	}
	if !bytes.Equal(read(t, b.dir+"/x-001.jpg"), read(t, jpg)) {
		t.Error("the JPEG file has changed")
	}
	run(t, "convert", png, b.dir+"/want.pbm")
	run(t, "convert", b.dir+"/x-002.png", b.dir+"/got.pbm")
	if !bytes.Equal(read(t, b.dir+"/want.pbm"), read(t, b.dir+"/got.pbm")) {
		t.Error("the PNG file has other pixels")
	}
}

func TestLosslessMakesBlackAndWhiteSmallerAndKeepsEveryPixel(t *testing.T) {
	need(t, "pdfimages")
	for _, name := range []string{"eng-magazine-8087_054-g4.tif", "eng-book-a023.tif", "eng-brochure-2col.png"} {
		var pixels [2][]byte
		var sizes [2]int
		for i, optimize := range []string{"none", "lossless"} {
			b := newBench(t)
			got, _ := b.assemble(sdk.Document{Optimize: optimize, Pages: []sdk.DocPage{b.page(shared.File(t, "scans-with-truth/"+name), 300, nil)}})
			conforms(t, got["pdf"])
			run(t, "pdfimages", got["pdf"], b.dir+"/x")
			pixels[i], sizes[i] = pbm(t, b.dir+"/x-000.pbm"), len(read(t, got["pdf"]))
		}
		t.Logf("%s: %d bytes, lossless %d (%+.0f %%)", name, sizes[0], sizes[1], 100*float64(sizes[1]-sizes[0])/float64(sizes[0]))
		if !bytes.Equal(pixels[0], pixels[1]) {
			t.Errorf("%s: lossless changes pixels", name)
		}
		if sizes[1] > sizes[0]*85/100 {
			t.Errorf("%s: %d bytes instead of %d, want 15 %% less", name, sizes[1], sizes[0])
		}
	}
}

// pbm reads a bitmap and clears the bits behind each row, which mean nothing.
func pbm(t *testing.T, path string) []byte {
	t.Helper()
	data := read(t, path)
	var w, h int
	if _, err := fmt.Sscanf(string(data[:min(len(data), 30)]), "P4\n%d %d", &w, &h); err != nil {
		t.Fatal(err)
	}
	stride := (w + 7) / 8
	data = data[len(data)-stride*h:]
	for y := range h {
		data[(y+1)*stride-1] &= 0xFF << (stride*8 - w)
	}
	return data
}
