package assemble

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// gradient is a small colour picture with a mark in its upper left corner.
func gradient(w, h int) *image.RGBA {
	pic := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			pic.Set(x, y, color.RGBA{uint8(255 * x / w), uint8(255 * y / h), 128, 255})
			if x < w/4 && y < h/4 {
				pic.Set(x, y, color.RGBA{A: 255})
			}
		}
	}
	return pic
}

func encoded(t testing.TB, encode func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, pic image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return jpeg.Encode(b, pic, nil) })
}

func pngOf(t testing.TB, pic image.Image) []byte {
	return encoded(t, func(b *bytes.Buffer) error { return png.Encode(b, pic) })
}

func grayOf(pic image.Image, bits int) image.Image {
	b := pic.Bounds()
	if bits == 16 {
		out := image.NewGray16(b)
		for y := range b.Dy() {
			for x := range b.Dx() {
				out.Set(x, y, pic.At(x, y))
			}
		}
		return out
	}
	out := image.NewGray(b)
	for y := range b.Dy() {
		for x := range b.Dx() {
			out.Set(x, y, pic.At(x, y))
		}
	}
	return out
}

// mixed is a document with a page of each kind.
func mixed(t testing.TB, b *bench) sdk.Document {
	pic := gradient(120, 160)
	paletted := image.NewPaletted(pic.Bounds(), color.Palette{color.White, color.Black, color.RGBA{255, 0, 0, 255}})
	clear := image.NewNRGBA(pic.Bounds())
	text := typeset(0, 0, false, vocabulary(40)...)
	doc := sdk.Document{Name: "Mixed <&> Ünï 文書 \"q\"", Job: "j"}
	for name, data := range map[string][]byte{
		"a.jpg": jpegOf(t, pic), "b.jpg": jpegOf(t, grayOf(pic, 8)), "c.png": pngOf(t, pic), "d.png": pngOf(t, grayOf(pic, 8)),
		"e.png": pngOf(t, grayOf(pic, 16)), "f.png": pngOf(t, paletted), "g.png": pngOf(t, clear),
	} {
		doc.Pages = append(doc.Pages, b.page(b.write(name, data), 100, &text))
	}
	pbm := b.write("h.pbm", append([]byte("P4\n16 16\n"), bytes.Repeat([]byte{0xF0, 0x0F}, 16)...))
	doc.Pages = append(doc.Pages, sdk.DocPage{Image: &sdk.PageImage{Image: sdk.File{Path: pbm}, Width: 16, Height: 16, XDPI: 100, YDPI: 100}, Blank: true})
	doc.Pages = append(doc.Pages, sdk.DocPage{}) // could not be read
	return doc
}

func TestEveryDocumentConformsToWhatItClaims(t *testing.T) {
	for _, level := range []string{"2u", "2b", "1b"} {
		for _, optimize := range []string{"none", "lossless"} {
			t.Run(level+" "+optimize, func(t *testing.T) {
				b := newBench(t)
				doc := mixed(t, b)
				doc.PDFA, doc.Optimize = level, optimize
				got, answer := b.assemble(doc)
				if o := answer.Outputs[0]; o.PDFA != level || o.Why != "" {
					t.Errorf("output says PDF/A %q because %q, want %q", o.PDFA, o.Why, level)
				}
				conforms(t, got["pdf"])
				if level == "1b" {
					preflight(t, got["pdf"])
				}
			})
		}
	}
}

func TestPlainDocumentSaysWhyItClaimsNothing(t *testing.T) {
	b := newBench(t)
	doc := mixed(t, b)
	doc.PDFA = "none"
	got, answer := b.assemble(doc)
	wellFormed(t, got["pdf"])
	if o := answer.Outputs[0]; o.PDFA != "none" || o.Why == "" {
		t.Errorf("output says PDF/A %q because %q", o.PDFA, o.Why)
	}
}

func TestTheSameRequestGivesTheSameBytes(t *testing.T) {
	var last []byte
	for i := range 3 {
		b := newBench(t)
		path := b.write("p.jpg", jpegOf(t, gradient(100, 100)))
		text := typeset(0, 0, false, "same", "words")
		got, _ := b.assemble(sdk.Document{Name: "n", Job: "j", Pages: []sdk.DocPage{b.page(path, 100, &text)}})
		data := read(t, got["pdf"])
		if i > 0 && !bytes.Equal(data, last) {
			t.Fatal("another run gives other bytes")
		}
		last = data
	}
	if !bytes.Contains(last, fmt.Appendf(nil, "%s", "2024-05-06T05:08:09+00:00")) {
		t.Error("the time of submission does not stand in the metadata")
	}
}
