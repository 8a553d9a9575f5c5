package clean

import (
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
)

// stained is a page of 300 dpi on tinted paper with a shadow, a block of ink, the dot of
// a small letter and specks.
func stained(colour bool) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 1200, 1600))
	for y := range 1600 {
		for x := range 1200 {
			shade := uint8(225 - 40*math.Exp(-float64((x-600)*(x-600))/40000))
			c := color.RGBA{shade, shade, shade, 255}
			if colour {
				c.B = shade - 30
			}
			img.Set(x, y, c)
		}
	}
	fill := func(x, y, w, h int, c color.Color) {
		for dy := range h {
			for dx := range w {
				img.Set(x+dx, y+dy, c)
			}
		}
	}
	black := color.RGBA{30, 30, 30, 255}
	for line := range 20 {
		for word := range 8 {
			fill(150+word*110, 200+line*60, 80, 22, black)
		}
	}
	fill(200, 100, 3, 3, black) // a dot
	if colour {
		fill(500, 60, 200, 60, color.RGBA{200, 20, 20, 255}) // a stamp
	}
	for i := range 40 {
		fill(100+i*25, 1500+i%7*10, 2, 2, black) // specks
	}
	return img
}

func save(t *testing.T, img image.Image, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if filepath.Ext(name) == ".jpg" {
		err = jpeg.Encode(f, img, &jpeg.Options{Quality: 95})
	} else {
		err = png.Encode(f, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// seen is the picture as another library reads it back.
func seen(t *testing.T, img lept.Image) image.Image {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seen.jpg")
	if err := img.WriteJPEG(path, 95); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := jpeg.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func gray(img image.Image, x, y int) int {
	return int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
}

func TestBackgroundAndSpecksGoAndInkStays(t *testing.T) {
	for _, colour := range []bool{false, true} {
		for _, name := range []string{"page.png", "page.jpg"} {
			page := Page{Path: save(t, stained(colour), name), DPI: 300}
			shown, err := Show(page, Finding{}, Tidy{Specks: true, Background: true})
			if err != nil {
				t.Fatal(err)
			}
			got := seen(t, shown)
			shown.Close()
			for what, c := range map[string]struct{ x, y, from, to int }{
				"paper":           {60, 60, 245, 255},
				"paper in shade":  {600, 1450, 245, 255},
				"ink":             {180, 210, 0, 60},
				"dot of a letter": {201, 101, 0, 120},
				"speck":           {101, 1501, 235, 255},
			} {
				if g := gray(got, c.x, c.y); g < c.from || g > c.to {
					t.Errorf("%s (colour %v): %s has gray %d, want %d to %d", name, colour, what, g, c.from, c.to)
				}
			}
			if r, _, b, _ := got.At(600, 90).RGBA(); colour && r < 2*b {
				t.Errorf("%s: the red stamp became %v", name, got.At(600, 90))
			}
		}
	}
}

func TestNothingIsTakenOffUnlessAskedFor(t *testing.T) {
	page := Page{Path: save(t, stained(false), "page.png"), DPI: 300}
	shown, err := Show(page, Finding{}, Tidy{})
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Close()
	got := seen(t, shown)
	if paper, speck := gray(got, 600, 1450), gray(got, 101, 1501); paper > 200 || speck > 150 {
		t.Errorf("paper in shade %d, speck %d: both should be as they were", paper, speck)
	}
}

func TestADarkOrTinyPageSurvivesCleaning(t *testing.T) {
	dark := image.NewGray(image.Rect(0, 0, 800, 800))
	tiny := image.NewGray(image.Rect(0, 0, 5, 3))
	for name, img := range map[string]image.Image{"dark": dark, "tiny": tiny} {
		got, err := Show(Page{Path: save(t, img, "page.png"), DPI: 300}, Finding{}, Tidy{Specks: true, Background: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Width() != img.Bounds().Dx() || got.Height() != img.Bounds().Dy() {
			t.Errorf("%s: %d x %d pixels", name, got.Width(), got.Height())
		}
		got.Close()
	}
}

// TestShownAndRecognisedHaveOneFrame: the boxes of the text are laid over the shown page.
func TestShownAndRecognisedHaveOneFrame(t *testing.T) {
	page := Page{Path: save(t, stained(true), "page.png"), DPI: 600}
	f := Finding{Turn: 90, Halve: 1, Level: 2.5}
	shown, err := Show(page, f, Tidy{})
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Close()
	read, err := Prepare(page, f, Tidy{Specks: true})
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	if dx, dy := shown.Width()-2*read.Width(), shown.Height()-2*read.Height(); dx < -4 || dx > 4 || dy < -4 || dy > 4 {
		t.Errorf("shown %d x %d, recognised %d x %d: want twice the size", shown.Width(), shown.Height(), read.Width(), read.Height())
	}
	if shown.Depth() != 32 {
		t.Errorf("the shown page has %d bits, want its colours", shown.Depth())
	}
}
