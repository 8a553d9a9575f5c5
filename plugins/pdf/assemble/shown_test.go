package assemble

import (
	"bytes"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// moved makes the picture whose pixel at each x, y shows at where(x, y) of pic.
func moved(pic image.Image, swap bool, where func(x, y, w, h int) (int, int)) *image.RGBA {
	w, h := pic.Bounds().Dx(), pic.Bounds().Dy()
	if swap {
		w, h = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			out.Set(x, y, pic.At(where(x, y, w-1, h-1)))
		}
	}
	return out
}

// stored is how a camera stores pic with an EXIF orientation.
func stored(pic image.Image, orient int) *image.RGBA {
	return moved(pic, orient >= 5, func(x, y, w, h int) (int, int) {
		switch orient {
		case 2:
			return w - x, y
		case 3:
			return w - x, h - y
		case 4:
			return x, h - y
		case 5:
			return y, x
		case 6: // the first row is the right edge
			return h - y, x
		case 7:
			return h - y, w - x
		case 8: // the first row is the left edge
			return y, w - x
		}
		return x, y
	})
}

// lying is pic as it lies before somebody turns it clockwise by degrees.
func lying(pic image.Image, degrees int) *image.RGBA {
	return stored(pic, map[int]int{0: 1, 90: 6, 180: 3, 270: 8}[degrees])
}

// drawn renders the first page as pixels.
func drawn(t testing.TB, path string, dpi int) image.Image {
	t.Helper()
	need(t, "pdftoppm")
	base := strings.TrimSuffix(path, ".pdf")
	run(t, "pdftoppm", "-r", fmt.Sprint(dpi), "-png", "-singlefile", path, base)
	f, err := os.Open(base + ".png")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pic, _, err := image.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return pic
}

// difference is the mean difference of two pictures, 0 to 255; 255 if they have
// different sizes.
func difference(a, b image.Image) float64 {
	r := a.Bounds()
	if r.Size() != b.Bounds().Size() {
		return 255
	}
	sum := 0.0
	for y := range r.Dy() {
		for x := range r.Dx() {
			r1, g1, b1, _ := a.At(r.Min.X+x, r.Min.Y+y).RGBA()
			r2, g2, b2, _ := b.At(b.Bounds().Min.X+x, b.Bounds().Min.Y+y).RGBA()
			for _, d := range [3]int{int(r1) - int(r2), int(g1) - int(g2), int(b1) - int(b2)} {
				sum += float64(max(d, -d)) / 257
			}
		}
	}
	return sum / float64(3*r.Dx()*r.Dy())
}

func TestPagesAreShownUpright(t *testing.T) {
	want := gradient(80, 120)
	for orient := 1; orient <= 8; orient++ {
		for _, degrees := range []int{0, 90, 180, 270} {
			t.Run(fmt.Sprintf("orientation %d turned by %d", orient, degrees), func(t *testing.T) {
				b := newBench(t)
				before := lying(want, degrees)
				shown := sdk.File{Path: b.write("shown.png", pngOf(t, stored(before, orient)))}
				page := b.page(b.write("image.png", pngOf(t, before)), 100, nil)
				page.Image.Shown, page.Image.Orient = &shown, orient
				page.Filtered = &sdk.Filtered{Turn: degrees}
				got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{page}})
				if d := difference(drawn(t, got["pdf"], 100), want); d > 2 {
					t.Errorf("the page differs by %.1f of 255 a pixel from the upright picture", d)
				}
			})
		}
	}
}

func TestWordsLieOnTheirPicture(t *testing.T) {
	// A black box on a turned and halved picture; the word must cover it.
	need(t, "pdftotext")
	b := newBench(t)
	pic := image.NewGray(image.Rect(0, 0, 400, 600)) // upright: 300 dpi would be 400 × 600
	for i := range pic.Pix {
		pic.Pix[i] = 255
	}
	before := lying(pic, 90)
	page := b.page(b.write("image.png", pngOf(t, before)), 100, nil)
	page.Filtered = &sdk.Filtered{Turn: 90, Scale: 0.5}
	box := ocr.Box{X0: 50, Y0: 100, X1: 150, Y1: 130} // in the picture of 200 × 300 pixels
	line := ocr.Line{Box: box, Size: 30, Words: []ocr.Word{{Text: "here", Box: box}}}
	text := ocr.Page{Width: 200, Height: 300, Blocks: []ocr.Block{{Box: box, Paragraphs: []ocr.Paragraph{{Box: box, Lines: []ocr.Line{line}}}}}}
	page.Text = b.text("t.json", text)
	got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{page}})
	out := run(t, "pdftotext", "-bbox", got["pdf"], "-")
	var x0, y0, x1, y1 float64
	at := strings.Index(out, "<word ")
	if at < 0 {
		t.Fatalf("no word in %s", out)
	}
	if _, err := fmt.Sscanf(out[at:], `<word xMin="%f" yMin="%f" xMax="%f" yMax="%f">here`, &x0, &y0, &x1, &y1); err != nil {
		t.Fatalf("%v in %s", err, out[at:])
	}
	// 100 dpi of the picture before it was halved: 1 pixel is 1.44 points.
	if want := [4]float64{72, 144, 216, 187.2}; max(x0-want[0], want[0]-x0, x1-want[2], want[2]-x1) > 0.5 || y0 > want[1]+10 || y1 < want[3]-10 || y0 < want[1]-10 || y1 > want[3]+12 {
		t.Errorf("the word lies at %.1f %.1f %.1f %.1f, want near %v", x0, y0, x1, y1, want)
	}
}

// cmyk makes a JPEG of four components: Adobe's programs write them inverted and say
// so in a segment of their own.
func cmyk(t *testing.T, adobe bool) []byte {
	t.Helper()
	need(t, "convert")
	dir := t.TempDir()
	path := filepath.Join(dir, "c.jpg")
	run(t, "convert", "-size", "64x64", "xc:cyan", "-colorspace", "CMYK", "-quality", "95", path)
	data := read(t, path)
	at := bytes.Index(data, []byte("Adobe\x00"))
	if at < 4 {
		t.Fatal("convert writes no Adobe segment")
	}
	if adobe {
		return data
	}
	return append(bytes.Clone(data[:at-4]), data[at-4+2+int(data[at-2])<<8+int(data[at-1]):]...)
}

func TestColoursOfCMYKJPEGs(t *testing.T) {
	for _, adobe := range []bool{true, false} {
		for _, level := range []string{"2u", "1b", "none"} {
			t.Run(fmt.Sprintf("Adobe segment %v, level %s", adobe, level), func(t *testing.T) {
				b := newBench(t)
				data := cmyk(t, adobe)
				shown := sdk.File{Path: b.write("c.jpg", data)}
				page := b.page(b.write("i.png", pngOf(t, image.NewGray(image.Rect(0, 0, 64, 64)))), 100, nil)
				page.Image.Shown, page.Image.Orient = &shown, 1
				got, _ := b.assemble(sdk.Document{PDFA: level, Pages: []sdk.DocPage{page}})
				if level == "none" {
					wellFormed(t, got["pdf"])
				} else {
					conforms(t, got["pdf"])
				}
				if extra := len(read(t, got["pdf"])) - len(data); extra > 40<<10 {
					t.Errorf("%d bytes beside the image, want at most 40 KiB", extra)
				}
				if level == "1b" {
					preflight(t, got["pdf"])
				}
				// Without the segment the stored numbers mean themselves: red, the inverse.
				r, _, bl, _ := drawn(t, got["pdf"], 100).At(32, 32).RGBA()
				if isCyan := r < 0x6000 && bl > 0xA000; isCyan != adobe {
					t.Errorf("red %x, blue %x: cyan is %v, want %v", r, bl, isCyan, adobe)
				}
			})
		}
	}
}

func TestJPEGIsByteIdentical(t *testing.T) {
	need(t, "pdfimages")
	b := newBench(t)
	data := jpegOf(t, gradient(100, 70))
	got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{b.page(b.write("in.jpg", data), 100, nil)}})
	run(t, "pdfimages", "-all", got["pdf"], filepath.Join(b.dir, "x"))
	if out := read(t, filepath.Join(b.dir, "x-000.jpg")); !bytes.Equal(out, data) {
		t.Errorf("%d bytes come out of the document, %d went in, and they differ", len(out), len(data))
	}
}

func TestPageWithoutImageIsEmptyAndOfASensibleSize(t *testing.T) {
	need(t, "pdfinfo")
	b := newBench(t)
	letter := b.page(b.write("a.png", pngOf(t, gradient(85, 110))), 10, nil)
	got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{
		{Info: sdk.PageInfo{WidthPt: 200, HeightPt: 100}}, letter, {}, {Info: sdk.PageInfo{Width: 300, Height: 600, XDPI: 300, YDPI: 300}}}})
	conforms(t, got["pdf"])
	out := run(t, "pdfinfo", "-l", "9", got["pdf"])
	for _, want := range []string{"1 size:  200 x 100 pts", "2 size:  612 x 792 pts", "3 size:  612 x 792 pts", "4 size:  72 x 144 pts"} {
		if !strings.Contains(out, want) {
			t.Errorf("got %s, want %q in it", out, want)
		}
	}
}

func TestSizesOutsideTheLimitsOfPDF(t *testing.T) {
	tests := []struct {
		w, h  int
		dpi   float64
		units bool
		want  sheet
	}{
		{3000, 6000, 300, true, sheet{720, 1440, 1}},
		{3000, 6000, 0, true, sheet{720, 1440, 1}},
		{100000, 50000, 300, true, sheet{14400, 7200, 24000.0 / 14400}},
		{100000, 50000, 300, false, sheet{14400, 7200, 1}},
		{1, 1, 300, true, sheet{3, 3, 1}},
		{1, 100000, 300, true, sheet{3, 14400, 24000.0 / 14400}},
	}
	for _, tt := range tests {
		p := sdk.DocPage{Image: &sdk.PageImage{Width: tt.w, Height: tt.h, XDPI: tt.dpi, YDPI: tt.dpi}}
		if got := sizeOf(p, a4(), tt.units); got != tt.want {
			t.Errorf("%d × %d pixels at %v dpi: got %v, want %v", tt.w, tt.h, tt.dpi, got, tt.want)
		}
	}
}

func TestShownBytesThatDoNotFitGiveWayToTheImage(t *testing.T) {
	b := newBench(t)
	want := gradient(60, 40)
	shown := sdk.File{Path: b.write("x.jp2", []byte("\x00\x00\x00\x0CjP  \r\n\x87\n and so on"))}
	page := b.page(b.write("i.png", pngOf(t, want)), 100, nil)
	page.Image.Shown, page.Image.Orient = &shown, 6
	got, _ := b.assemble(sdk.Document{PDFA: "1b", Pages: []sdk.DocPage{page}})
	if d := difference(drawn(t, got["pdf"], 100), want); d > 4 {
		t.Errorf("the page differs by %.1f of 255 a pixel from the image", d)
	}
}
