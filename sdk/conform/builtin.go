package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// What the built-in cases are about: a small page with bars where a text would be.
const (
	pageWidth  = 400 // pixels
	pageHeight = 200
	pageDPI    = 100
)

func limits() sdk.Limits { return sdk.Limits{Pages: 100, Pixels: 50_000_000, Bytes: 256 << 20} }

// casesOf are the built-in cases of a component. A refusal in words passes them, too:
// they show that the plug-in answers, its own cases show that it answers well.
func (s *suite) casesOf(c sdk.ComponentManifest) []Case {
	var all []Case
	switch c.Kind {
	case sdk.KindReader:
		all = readerCases(c)
	case sdk.KindFilter:
		page := input("in/page.png", "image/png")
		all = []Case{newCase("page", sdk.OpClean, sdk.FilterRequest{Image: page, Width: pageWidth, Height: pageHeight, XDPI: pageDPI, YDPI: pageDPI, Limits: limits()}, pngPage())}
	case sdk.KindRecognizer:
		page := input("in/page.png", "image/png")
		all = []Case{newCase("page", sdk.OpRecognize, sdk.RecognizeRequest{Image: page, DPI: pageDPI, Languages: []string{"eng"}, Limits: limits()}, pngPage())}
	case sdk.KindIndexer:
		all = []Case{newCase("invoice", sdk.OpIndex, sdk.IndexRequest{Name: "scan", Texts: []sdk.File{input("in/text.json", "application/json")}}, textPage())}
	case sdk.KindAssembler:
		all = []Case{newCase("document", sdk.OpAssemble, document(), pngPage(), textPage())}
	case sdk.KindDeliverer:
		r := sdk.DeliverRequest{
			Key: "test-1/archive", Job: "test-1", Name: "scan", Kinds: []string{"text"},
			Files: []sdk.File{input("in/scan.txt", "text/plain")},
		}
		all = []Case{newCase("delivery", sdk.OpDeliver, r, sample{"scan.txt", []byte("Invoice No. 4711\n")})}
	}
	for i := range all {
		all[i].Name = c.ID + " " + all[i].Name
		all[i].Component, all[i].builtin = c.ID, true
	}
	return all
}

// sample is a file of a built-in case.
type sample struct {
	name    string
	content []byte
}

func newCase(name, op string, request any, files ...sample) Case {
	args, err := json.Marshal(request)
	if err != nil {
		panic(err) // a plain struct
	}
	k := Case{Name: name, Op: op, Args: args, Files: map[string][]byte{}}
	for _, f := range files {
		k.Files[f.name] = f.content
	}
	return k
}

func input(path, media string) sdk.File {
	return sdk.File{Path: path, Name: path[len("in/"):], Media: media}
}

// readerCases are the operations of a reader on a page of each format that it reads
// and is known here, and on a file that is none at all.
func readerCases(c sdk.ComponentManifest) []Case {
	var all []Case
	seen := map[string]bool{}
	for _, media := range c.Media {
		f, ok := scanned(media)
		if !ok || seen[f.name] {
			continue
		}
		seen[f.name] = true
		in := input("in/"+f.name, media)
		for _, op := range c.Ops {
			// info is left out: the reader's own is asked for.
			all = append(all, newCase(fmt.Sprintf("%s of a %s", op, media), op, map[string]any{"input": in, "page": 1, "mode": "force", "limits": limits()}, f))
		}
	}
	if len(c.Media) > 0 {
		junk := sample{"junk.bin", bytes.Repeat([]byte("\x00\xff\x13junk"), 50)}
		in := input("in/junk.bin", c.Media[0])
		k := newCase("inspect of a damaged "+c.Media[0], sdk.OpInspect, map[string]any{"input": in, "mode": "skip", "limits": limits()}, junk)
		k.Want = json.RawMessage(`{"error":{"temporary":false}}`)
		all = append(all, k)
	}
	return all
}

// scanned is a one-page document of a media type.
func scanned(media string) (sample, bool) {
	switch media {
	case "image/png":
		return pngPage(), true
	case "image/jpeg":
		var b bytes.Buffer
		err := jpeg.Encode(&b, bars(), nil)
		return sample{"page.jpg", b.Bytes()}, err == nil
	case "image/x-portable-anymap", "image/x-portable-graymap":
		return sample{"page.pgm", append(fmt.Appendf(nil, "P5\n%d %d\n255\n", pageWidth, pageHeight), bars().Pix...)}, true
	case "application/pdf":
		return sample{"page.pdf", pdfPage()}, true
	}
	return sample{}, false
}

// bars is the page: dark bars on white.
func bars() *image.Gray {
	m := image.NewGray(image.Rect(0, 0, pageWidth, pageHeight))
	for y := range pageHeight {
		for x := range pageWidth {
			v := color.Gray{Y: 255}
			if y%40 >= 15 && y%40 < 30 && x > 40 && x < pageWidth-40 && x%16 < 9 {
				v.Y = 20
			}
			m.SetGray(x, y, v)
		}
	}
	return m
}

func pngPage() sample {
	var b bytes.Buffer
	if err := png.Encode(&b, bars()); err != nil {
		panic(err) // a page in memory
	}
	return sample{"page.png", b.Bytes()}
}

// pdfPage is a PDF whose one page is the page as an image.
func pdfPage() []byte {
	var b bytes.Buffer
	var offsets []int
	object := func(body string) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(offsets), body)
	}
	stream := func(dict, content string) string {
		return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(content), content)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 288 144] /Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>")
	object(stream("", "288 0 0 144 0 0 cm /I Do"))
	object(stream(fmt.Sprintf("/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8", pageWidth, pageHeight), string(bars().Pix)))
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, xref)
	return b.Bytes()
}

// textPage is the text of the page: an invoice.
func textPage() sample {
	page := ocr.Page{Width: pageWidth, Height: pageHeight, DPI: pageDPI, Lang: "eng", Engine: "none 0"}
	for row, words := range [][]string{{"Invoice", "No.", "4711"}, {"Date:", "2026-03-14"}, {"Total", "129.50"}} {
		line := ocr.Line{Box: ocr.Box{X0: 40, Y0: 15 + 40*row, X1: 360, Y1: 30 + 40*row}, Size: 15}
		for i, text := range words {
			box := ocr.Box{X0: 40 + 100*i, Y0: line.Box.Y0, X1: 130 + 100*i, Y1: line.Box.Y1}
			line.Words = append(line.Words, ocr.Word{Text: text, Box: box, Confidence: 95})
		}
		page.Blocks = append(page.Blocks, ocr.Block{Box: line.Box, Paragraphs: []ocr.Paragraph{{Box: line.Box, Lines: []ocr.Line{line}}}})
	}
	raw, err := json.Marshal(page)
	if err != nil {
		panic(err) // a plain struct
	}
	return sample{"text.json", raw}
}

// document is the page with its text, to be assembled.
func document() sdk.Document {
	page := input("in/page.png", "image/png")
	text := input("in/text.json", "application/json")
	info := sdk.PageInfo{Width: pageWidth, Height: pageHeight, XDPI: pageDPI, YDPI: pageDPI, Image: true}
	return sdk.Document{
		Job: "test-1", Name: "scan", Submitted: "2026-03-14T09:26:53Z", Mode: "skip", PDFA: "2u", Optimize: "none",
		Outputs: []string{"pdf", "text"}, Languages: []string{"eng"}, Inputs: []sdk.File{page},
		Inspections: []sdk.Inspection{{Media: "image/png", Pages: []sdk.PageInfo{info}}},
		Pages: []sdk.DocPage{{
			Number: 1, InputPage: 1, Info: info, Text: &text,
			Image: &sdk.PageImage{Image: page, Width: pageWidth, Height: pageHeight, XDPI: pageDPI, YDPI: pageDPI, Unchanged: true},
		}},
		Limits: limits(), Fields: map[string]string{"invoice": "4711"},
	}
}
