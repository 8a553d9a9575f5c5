package main

import (
	"bytes"
	"fmt"
	"strings"
)

// pdfWriter collects objects; their numbers are their places.
type pdfWriter struct {
	objects [][]byte
	pages   []int
}

// The first two objects are the catalog and the page tree.
func newPDF() *pdfWriter { return &pdfWriter{objects: make([][]byte, 2)} }

func (w *pdfWriter) add(object []byte) int {
	w.objects = append(w.objects, object)
	return len(w.objects)
}

func (w *pdfWriter) stream(dict string, data []byte) int {
	return w.add(fmt.Appendf(nil, "<<%s/Length %d>>\nstream\n%s\nendstream", dict, len(data), data))
}

func (w *pdfWriter) page(width, height float64, resources string, content string) {
	c := w.stream("", []byte(content))
	w.pages = append(w.pages, w.add(fmt.Appendf(nil, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.2f %.2f]/Resources<<%s>>/Contents %d 0 R>>",
		width, height, resources, c)))
}

// scan adds a page that is one image. dict describes the image's stream.
func (w *pdfWriter) scan(p sheet, dict string, data []byte) {
	b := p.image.Bounds()
	img := w.stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height %d%s", b.Dx(), b.Dy(), dict), data)
	width, height := float64(b.Dx())*72/p.dpi, float64(b.Dy())*72/p.dpi
	w.page(width, height, fmt.Sprintf("/XObject<</Im0 %d 0 R>>", img), fmt.Sprintf("q %.2f 0 0 %.2f 0 0 cm /Im0 Do Q", width, height))
}

func (w *pdfWriter) g4(p sheet, data []byte) {
	b := p.image.Bounds()
	w.scan(p, fmt.Sprintf("/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns %d/Rows %d>>", b.Dx(), b.Dy()), data)
}

func (w *pdfWriter) jpeg(p sheet, data []byte) {
	w.scan(p, "/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/DCTDecode", data)
}

// digital adds a page as an office program prints it, and gives its text.
func (w *pdfWriter) digital(blocks []block) string {
	font := w.add([]byte("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"))
	var content, truth strings.Builder
	content.WriteString("BT /F1 11 Tf 15 TL 72 770 Td\n")
	for _, b := range blocks {
		for _, l := range wrap(b.text, 80) {
			fmt.Fprintf(&content, "(%s) Tj T*\n", strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(l))
			truth.WriteString(l + "\n")
		}
		content.WriteString("T*\n")
		truth.WriteByte('\n')
	}
	content.WriteString("ET")
	w.page(595.28, 841.89, fmt.Sprintf("/Font<</F1 %d 0 R>>", font), content.String())
	return truth.String()
}

// wrap breaks text at n letters and keeps its own breaks.
func wrap(text string, n int) []string {
	var out []string
	for kept := range strings.SplitSeq(strings.ReplaceAll(text, "\t", "  "), "\n") {
		line := ""
		for _, word := range strings.Fields(kept) {
			if line != "" && len(line)+len(word) >= n {
				out = append(out, line)
				line = ""
			}
			line = strings.TrimLeft(line+" "+word, " ")
		}
		out = append(out, line)
	}
	return out
}

// bytes is the finished file.
func (w *pdfWriter) bytes() []byte {
	w.objects[0] = []byte("<</Type/Catalog/Pages 2 0 R>>")
	kids := ""
	for _, p := range w.pages {
		kids += fmt.Sprintf("%d 0 R ", p)
	}
	w.objects[1] = fmt.Appendf(nil, "<</Type/Pages/Count %d/Kids[%s]>>", len(w.pages), strings.TrimSpace(kids))
	var b bytes.Buffer
	b.WriteString("%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
	var offsets []int
	for i, o := range w.objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.Bytes()
}
