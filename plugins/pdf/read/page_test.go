package read

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// scan is a document of one page whose image is 60 x 40 gray dots in a pattern
// without symmetry, placed by matrix on a page of that size with /Rotate.
func scan(t *testing.T, matrix string, w, h, rotate int) string {
	samples := make([]byte, 60*40)
	for i := range samples {
		x, y := i%60, i/60
		samples[i] = byte(255 - 3*x)
		if x < 20 && y < 10 {
			samples[i] = 0
		}
	}
	return sourcetest.File(t, "", sourcetest.One(
		fmt.Sprintf("/MediaBox[0 0 %d %d]/Rotate %d/Resources<</XObject<</I 5 0 R>>>>", w, h, rotate), matrix+" cm /I Do",
		sourcetest.Deflated("/Type/XObject/Subtype/Image/Width 60/Height 40/BitsPerComponent 8/ColorSpace/DeviceGray", string(samples)))...)
}

func TestImagesStandAsTheyAreDisplayed(t *testing.T) {
	for name, c := range map[string]struct {
		matrix string
		w, h   int
	}{
		"upright": {"600 0 0 400 0 0", 600, 400}, "mirrored": {"-600 0 0 400 600 0", 600, 400},
		"upside down": {"-600 0 0 -400 600 400", 600, 400}, "flipped": {"600 0 0 -400 0 400", 600, 400},
		"turned": {"0 600 -400 0 400 0", 400, 600}, "turned back": {"0 -600 400 0 0 600", 400, 600},
		"transposed": {"0 -600 -400 0 400 600", 400, 600}, "transversed": {"0 600 400 0 0 0", 400, 600},
	} {
		for _, rotate := range []int{0, 90, 180, 270} {
			t.Run(fmt.Sprintf("%s on a page turned by %d", name, rotate), func(t *testing.T) {
				path := scan(t, c.matrix, c.w, c.h, rotate)
				d := newDesk(t)
				info := d.inspect(path, "skip").Pages[0]
				if !info.Image || fmt.Sprintf("%.2f", info.XDPI) != "7.20" {
					t.Fatalf("got %+v, want an image of 7.2 dpi", info)
				}
				p := d.page(path, 1, info, "skip", true)
				got, err := readPNM(p.Image.Path, 1e6)
				if err != nil {
					t.Fatal(err)
				}
				drawn := filepath.Join(d.dir, "drawn")
				sourcetest.Run(t, "pdftoppm", "-r", "72", "-gray", "-singlefile", path, drawn)
				want, err := readPNM(drawn+".pgm", 1e7)
				if err != nil {
					t.Fatal(err)
				}
				for y := range got.h {
					for x := range got.w {
						a, b := int(got.samples[y*got.w+x]), int(want.samples[(y*10+5)*want.w+x*10+5])
						if a-b > 9 || b-a > 9 {
							t.Fatalf("dot %d, %d: got %d, want %d", x, y, a, b)
						}
					}
				}
			})
		}
	}
}

func TestFaxPixelsBecomeSquare(t *testing.T) {
	path := scan(t, "600 0 0 800 0 0", 600, 800, 0) // 7.2 x 3.6 dpi
	d := newDesk(t)
	p := d.page(path, 1, d.inspect(path, "skip").Pages[0], "skip", false)
	if got, want := fmt.Sprintf("%dx%d %.1f %.1f", p.Width, p.Height, p.XDPI, p.YDPI), "60x80 7.2 7.2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// pngScan is a page with one deflated image with PNG predictors.
func pngScan(t *testing.T, space string, colours, bits int, idat string) string {
	return sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 100 100]/Resources<</XObject<</I 5 0 R>>>>", "100 0 0 100 0 0 cm /I Do",
		sourcetest.Stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width 16/Height 16/BitsPerComponent %d/ColorSpace/%s/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors %d/BitsPerComponent %d/Columns 16>>", bits, space, colours, bits), idat))...)
}

func TestDeflatedImagesBecomePNGsAroundTheSameBytes(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	for i := range img.Pix {
		img.Pix[i] = byte(i * 7)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	path := filepath.Join(t.TempDir(), "x.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	f.Close()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	idat := string(raw[strings.Index(string(raw), "IDAT")+4 : strings.Index(string(raw), "IEND")-8])
	d := newDesk(t)
	in := pngScan(t, "DeviceRGB", 3, 8, idat)
	p := d.page(in, 1, d.inspect(in, "skip").Pages[0], "skip", false)
	if !p.Unchanged || p.Image.Media != "image/png" {
		t.Fatalf("got %+v, want an unchanged PNG", p)
	}
	g, err := os.Open(p.Image.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	got, err := png.Decode(g)
	if err != nil {
		t.Fatal(err)
	}
	for y := range 16 {
		for x := range 16 {
			if got.At(x, y) != img.At(x, y) {
				t.Fatalf("%d, %d: got %v, want %v", x, y, got.At(x, y), img.At(x, y))
			}
		}
	}
	t.Run("damaged bytes are left to a forgiving decoder", func(t *testing.T) {
		in := pngScan(t, "DeviceRGB", 3, 8, idat[:len(idat)-6])
		d := newDesk(t)
		p := d.page(in, 1, d.inspect(in, "skip").Pages[0], "skip", false)
		if p.Unchanged || p.Image.Media != "image/x-portable-pixmap" || p.Width != 16 {
			t.Errorf("got %+v, want samples", p)
		}
	})
}

func TestScansKeepTheirBytes(t *testing.T) {
	for name, media := range map[string]string{"mfd/epson-wikipedia.pdf": "image/tiff", "odd/rotated-4p.pdf": "image/jpeg"} {
		path := shared.File(t, name)
		d := newDesk(t)
		for n, info := range d.inspect(path, "skip").Pages {
			p := d.page(path, n+1, info, "skip", false)
			if !p.Unchanged || p.Shown != nil || p.Image.Media != media || p.Width != info.Width || p.Height != info.Height {
				t.Errorf("%s page %d: got %+v, want the unchanged %s", name, n+1, p, media)
			}
			said := sourcetest.Run(t, "identify", p.Image.Path)
			if want := fmt.Sprintf("%dx%d", p.Width, p.Height); !strings.Contains(said, want) || strings.Contains(said, "error") {
				t.Errorf("%s page %d: identify says %q, want %s", name, n+1, said, want)
			}
		}
	}
}

// dark counts the dark samples of a picture, in per mille.
func dark(t *testing.T, p sdk.PageImage) int {
	t.Helper()
	path := p.Image.Path
	if filepath.Ext(path) == ".tif" {
		path += ".pgm"
		sourcetest.Run(t, "convert", p.Image.Path, path)
	}
	pic, err := readPNM(path, 1e8)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range pic.samples {
		if pic.format == '4' && v == 1 || pic.format != '4' && v < 100 {
			n++
		}
	}
	return 1000 * n / len(pic.samples)
}

func TestLayeredPagesShowTheirText(t *testing.T) {
	for _, name := range []string{"mfd/mrc-jbig2-layers-lorem.pdf", "mfd/xerox-wc5030-jbig2-stencil.pdf", "mfd/canon-iradv-c2230-form.pdf", "scans-with-truth/eng-slip-opinion-2p.pdf"} {
		path := shared.File(t, name)
		d := newDesk(t)
		p := d.page(path, 1, d.inspect(path, "skip").Pages[0], "skip", true)
		if n := dark(t, p); n < 2 || n > 200 || p.XDPI < 299 || p.XDPI > 301 {
			t.Errorf("%s: %d per mille are dark at %.0f dpi, want a page of text at 300", name, n, p.XDPI)
		}
	}
}

func TestFaxesAreNotInverted(t *testing.T) {
	path := shared.File(t, "mfd/brother*.pdf")
	d := newDesk(t)
	for n, info := range d.inspect(path, "skip").Pages {
		if k := dark(t, d.page(path, n+1, info, "skip", true)); k > 300 {
			t.Errorf("page %d: %d per mille are dark", n+1, k)
		}
	}
	// A Group 4 code whose black is shown black, against a drawing of the page.
	epson := shared.File(t, "mfd/epson*.pdf")
	p := d.page(epson, 1, d.inspect(epson, "skip").Pages[0], "skip", true)
	said := sourcetest.Run(t, "convert", p.Image.Path, "-format", "%[fx:mean]", "info:")
	if said < "0.8" {
		t.Errorf("the mean of the wrapped page is %s, want mostly white", said)
	}
}

func TestForcedPagesAreDrawnToBeShown(t *testing.T) {
	colour := sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 200 200]", "1 0 0 rg 0 0 100 100 re f")...)
	black := sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 200 200]", "0 0 100 100 re f")...)
	for path, media := range map[string]string{colour: "image/jpeg", black: "image/x-portable-graymap"} {
		d := newDesk(t)
		p := d.page(path, 1, d.inspect(path, "force").Pages[0], "force", false)
		if p.Image.Media != media || p.Shown != nil || p.Unchanged || p.Width != 834 || p.XDPI < 299 {
			t.Errorf("got %+v, want %s of 834 pixels", p, media)
		}
	}
}

func TestBigSheetsAreDrawnCoarser(t *testing.T) {
	path := sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 7200 7200]", "")...) // 100 x 100 inches
	d := newDesk(t)
	req := sdk.PageRequest{Input: input(path), Page: 1, Graft: true, Limits: sdk.Limits{Pixels: 100_000_000}}
	p, err := d.Page(context.Background(), req, Settings{})
	if err != nil || p.Width != 10_000 {
		t.Errorf("got %d pixels and %v, want 10,000 at 100 dpi", p.Width, err)
	}
	req.Limits.Pixels = 10_000_000
	var refused *sdk.Error
	if _, err := d.Page(context.Background(), req, Settings{}); !errors.As(err, &refused) || refused.Code != "over-limit" {
		t.Errorf("got %v, want a refusal over-limit", err)
	}
}

func TestAPageThatIsNextToNothingIsDrawn(t *testing.T) {
	path := sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 .0001 .0001]", "")...)
	d := newDesk(t)
	p := d.page(path, 1, d.inspect(path, "skip").Pages[0], "skip", true)
	if p.Width != 1 || p.XDPI != mostDPI || p.YDPI != mostDPI {
		t.Errorf("got %+v, want one pixel of %d dpi", p, mostDPI)
	}
}

func TestCarriedTextComesInTheFrameOfTheDisplayedPage(t *testing.T) {
	for rotate, want := range map[int]ocr.Box{0: {X0: 300, Y0: 600}, 90: {X0: 2509, Y0: 300}, 180: {X0: 1494, Y0: 2509}, 270: {X0: 606, Y0: 1494}} {
		o := sourcetest.One(fmt.Sprintf("/MediaBox[0 0 612 892]/CropBox[0 0 540 792]/Rotate %d/Resources<</Font<</F 5 0 R>>>>", rotate),
			"BT /F 48 Tf 72 612 Td (H\x01ello) Tj ET", sourcetest.Helvetica)
		path := sourcetest.File(t, "", o...)
		d := newDesk(t)
		answer, err := d.Text(context.Background(), sdk.TextRequest{Input: input(path), Page: 1}, Settings{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(answer.Text.Path)
		if err != nil {
			t.Fatal(err)
		}
		var p ocr.Page
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		w, h := 2250, 3300
		if rotate%180 != 0 {
			w, h = h, w
		}
		if p.Width != w || p.Height != h || answer.Words != 1 || answer.Confidence != 100 {
			t.Fatalf("turned by %d: got %dx%d, %+v", rotate, p.Width, p.Height, answer)
		}
		word := p.Blocks[0].Paragraphs[0].Lines[0].Words[0]
		if word.Text != "Hello" || abs(word.Box.X0-want.X0) > 10 || abs(word.Box.Y0-want.Y0) > 10 {
			t.Errorf("turned by %d: got %+v, want Hello near %v", rotate, word, want)
		}
	}
}

func abs(n int) int { return max(n, -n) }

func TestDocumentIsParsedOnceForItsPages(t *testing.T) {
	path := sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 99 99]", "")...)
	d := newDesk(t)
	info := d.inspect(path, "skip").Pages[0]
	first := d.cache.open[0]
	other := sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 50 50]", "")...)
	if w := d.inspect(other, "skip").Pages[0].WidthPt; w != 50 {
		t.Errorf("got a page of %v points, want 50", w)
	}
	d.page(path, 1, info, "skip", true)
	if len(d.cache.open) != 2 || d.cache.open[0] != first {
		t.Error("the document was parsed again")
	}
	if _, err := d.Page(context.Background(), sdk.PageRequest{Input: input(path), Page: 2}, Settings{}); err == nil {
		t.Error("page 2 of 1 was given")
	}
}

func TestOnlySoManyDocumentsStayOpen(t *testing.T) {
	d := newDesk(t)
	var folders []string
	for n := range maxOpen + 3 {
		d.inspect(sourcetest.File(t, "", sourcetest.One(fmt.Sprintf("/MediaBox[0 0 %d 99]", 50+n), "")...), "skip")
		folders = append(folders, d.cache.open[0].dir)
	}
	if n := len(d.cache.open); n != maxOpen {
		t.Errorf("%d documents are open, want %d", n, maxOpen)
	}
	for n, dir := range folders {
		if _, err := os.Stat(dir); (err == nil) != (n >= 3) {
			t.Errorf("the folder of document %d: %v", n, err)
		}
	}
	d.cache.open[2].ahead.held = maxTogether
	d.inspect(sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 40 99]", "")...), "skip")
	if n := len(d.cache.open); n != 3 {
		t.Errorf("%d documents are open beside one that fills the memory, want the 3 that were used after it", n)
	}
}
