package assemble

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// tilted is pic turned clockwise about its centre into a frame that holds all of it.
func tilted(pic image.Image, degrees float64) *image.Gray {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	w, h := float64(pic.Bounds().Dx()), float64(pic.Bounds().Dy())
	W, H := int(w*cos+h*math.Abs(sin)), int(h*cos+w*math.Abs(sin))
	out := image.NewGray(image.Rect(0, 0, W, H))
	for y := range H {
		for x := range W {
			dx, dy := float64(x)-float64(W)/2, float64(y)-float64(H)/2
			sx, sy := int(math.Round(dx*cos+dy*sin+w/2)), int(math.Round(dy*cos-dx*sin+h/2))
			c := color.Color(color.White)
			if (image.Point{sx, sy}).In(pic.Bounds()) {
				c = pic.At(sx, sy)
			}
			out.Set(x, y, c)
		}
	}
	return out
}

// boxed is a white page with a black box for each word of the text.
func boxed(text ocr.Page) *image.Gray {
	pic := image.NewGray(image.Rect(0, 0, text.Width, text.Height))
	for i := range pic.Pix {
		pic.Pix[i] = 255
	}
	for line := range text.Lines() {
		for _, w := range line.Words {
			for y := w.Box.Y0; y < w.Box.Y1; y++ {
				for x := w.Box.X0; x < w.Box.X1; x++ {
					pic.SetGray(x, y, color.Gray{})
				}
			}
		}
	}
	return pic
}

// found is where poppler finds words on the first page, in points from the upper left.
func found(t *testing.T, path string) map[string][4]float64 {
	t.Helper()
	need(t, "pdftotext")
	words := map[string][4]float64{}
	for _, line := range strings.Split(run(t, "pdftotext", "-bbox", path, "-"), "\n") {
		var b [4]float64
		var rest string
		if n, _ := fmt.Sscanf(strings.TrimSpace(line), `<word xMin="%f" yMin="%f" xMax="%f" yMax="%f">%s`, &b[0], &b[1], &b[2], &b[3], &rest); n == 5 {
			word, _, _ := strings.Cut(rest, "<")
			words[word] = b
		}
	}
	return words
}

// dark is the share of pixels of the page, drawn at 100 dpi, that are black inside the box.
func dark(pic image.Image, b [4]float64) float64 {
	black, all := 0, 0
	const scale = 100.0 / 72
	for y := int(b[1] * scale); y < int(b[3]*scale); y++ {
		for x := int(b[0] * scale); x < int(b[2]*scale); x++ {
			all++
			if r, _, _, _ := pic.At(x, y).RGBA(); r < 0x8000 {
				black++
			}
		}
	}
	return float64(black) / float64(max(all, 1))
}

// TestWordsLieOnThePictureThatAFilterMade takes a scan that lies on its side, its lines
// askew; the filter turned it upright, levelled it and halved it for recognition, and
// gives a picture of that to show.
func TestWordsLieOnThePictureThatAFilterMade(t *testing.T) {
	const dpi, points = 120, 72.0 / 120 // of the scan, and of its pixels
	for _, askew := range []float64{0, 3, -4} {
		for _, degrees := range []int{0, 90, 180, 270} {
			for _, shownAt := range []float64{1, 0.5} { // pixels of the picture per recognised pixel
				if shownAt != 1 && degrees != 90 {
					continue // once is enough
				}
				t.Run(fmt.Sprintf("askew by %v, turned by %d, shown at %v", askew, degrees, shownAt), func(t *testing.T) {
					level := typeset(0, 0, false, "first", "longerword", "x", "second", "third", "lastwordofline", "a", "b", "under", "neath")
					level = level.Scaled(0.4)
					upright := tilted(boxed(level), askew) // as it would lie after the turn
					w, h := upright.Bounds().Dx(), upright.Bounds().Dy()
					text := level.Tilted(askew, w, h) // as recognise hands it on

					b := newBench(t)
					page := b.page(b.write("scan.png", pngOf(t, lying(upright, degrees))), dpi, nil)
					page.Text = b.text("t.json", text)
					sin, cos := math.Sincos(math.Abs(askew) * math.Pi / 180)
					W, H := int(float64(w)*cos+float64(h)*sin), int(float64(h)*cos+float64(w)*sin)
					show := boxed(level.Tilted(0, W, H).Scaled(shownAt))
					page.Filtered = &sdk.Filtered{Turn: degrees, Skew: askew, Deskew: askew, Scale: 1, Width: W, Height: H,
						Shown: &sdk.File{Path: b.write("shown.png", pngOf(t, show))}}
					got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{page}})
					conforms(t, got["pdf"])
					wantOnBoxes(t, got["pdf"], words(level))

					info := run(t, "pdfinfo", got["pdf"])
					var pw, ph float64
					if _, size, _ := strings.Cut(info, "Page size:"); true {
						fmt.Sscanf(size, "%f x %f", &pw, &ph)
					}
					if math.Abs(pw-float64(W)*points) > 1 || math.Abs(ph-float64(H)*points) > 1 {
						t.Errorf("the page is %v x %v points, want %v x %v", pw, ph, float64(W)*points, float64(H)*points)
					}
				})
			}
		}
	}
}

// wantOnBoxes finds every word on a black box of the page.
func wantOnBoxes(t *testing.T, path string, want []string) {
	t.Helper()
	places, pic := found(t, path), drawn(t, path, 100)
	for _, word := range want {
		box, ok := places[word]
		if !ok {
			t.Errorf("poppler does not find %q", word)
			continue
		}
		const rounding = 1.2 // points: two pixels of the scan
		mid := (box[1] + box[3]) / 2
		if share := dark(pic, [4]float64{box[0] + rounding, mid - 2, box[2] - rounding, mid + 2}); share < 0.95 {
			t.Errorf("%q lies at %.1f, where %.0f %% are black", word, box, 100*share)
		}
	}
}

func TestPictureOfAnotherShapeGivesWayToTheScan(t *testing.T) {
	want := gradient(80, 120)
	for name, shown := range map[string]image.Image{"another shape": gradient(80, 80), "no picture": nil} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			page := b.page(b.write("scan.png", pngOf(t, want)), 100, nil)
			path := b.write("shown.png", []byte("nothing"))
			if shown != nil {
				path = b.write("shown.png", pngOf(t, shown))
			}
			page.Filtered = &sdk.Filtered{Width: 80, Height: 120, Shown: &sdk.File{Path: path}}
			got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{page}})
			if d := difference(drawn(t, got["pdf"], 100), want); d > 2 {
				t.Errorf("the page differs by %.1f of 255 a pixel from the scan", d)
			}
		})
	}
}

func TestFieldsAreKeywords(t *testing.T) {
	need(t, "pdfinfo")
	for _, level := range []string{"2u", "1b", "none"} {
		b := newBench(t)
		page := b.page(b.write("p.png", pngOf(t, gradient(80, 120))), 100, nil)
		got, _ := b.assemble(sdk.Document{PDFA: level, Pages: []sdk.DocPage{page},
			Fields: map[string]string{"number": "RE-17 <&> Ü", "date": "2024-05-06\n", "control": "\x00"}})
		if info, want := run(t, "pdfinfo", got["pdf"]), "control=; date=2024-05-06 ; number=RE-17 <&> Ü"; !strings.Contains(info, want) {
			t.Errorf("level %s: got %s, want %q", level, info, want)
		}
		if level == "none" {
			wellFormed(t, got["pdf"])
			continue
		}
		conforms(t, got["pdf"])
		if level == "1b" {
			preflight(t, got["pdf"])
		}
	}
}

// TestSomePagesOfAPDFAreTakenOut makes one part of a PDF that was split.
func TestSomePagesOfAPDFAreTakenOut(t *testing.T) {
	need(t, "pdftotext", "qpdf")
	b := newBench(t)
	input := b.base("in", "one", "two", "", "four")
	info := sdk.PageInfo{Text: true}
	got, answer := b.assemble(sdk.Document{
		Mode: "skip", Inputs: []sdk.File{{Path: input, Name: "in.pdf"}},
		Inspections: []sdk.Inspection{{PDF: &sdk.PDFInfo{}, Pages: make([]sdk.PageInfo, 4)}},
		Pages: []sdk.DocPage{
			{InputPage: 2, Kept: true, Info: info, Text: b.text("2.json", typeset(0, 0, false, "two"))},
			{InputPage: 3, Text: b.text("3.json", typeset(0, 0, false, "grafted"))},
		},
	})
	wellFormed(t, got["pdf"])
	if words := strings.Join(strings.Fields(run(t, "pdftotext", got["pdf"], "-")), " "); words != "two grafted" {
		t.Errorf("the part reads %q", words)
	}
	if o := answer.Outputs[0]; o.PDFA != "none" || o.Why == "" {
		t.Errorf("the part says PDF/A %q because %q", o.PDFA, o.Why)
	}
}
