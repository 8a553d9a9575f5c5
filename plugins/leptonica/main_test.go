package main

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// combs draws lines of comb-like letters of the given height in pixels (0: none): enough
// like text to be measured.
func combs(t testing.TB, w, h, letter int) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for y := h / 10; letter > 0 && y < h*9/10; y += 2 * letter {
		for x := w / 10; x < w*9/10; x++ {
			in := (x - w/10) % letter
			for dy := range letter {
				if in < letter/6 || in < letter*2/3 && dy < letter/6 {
					img.SetGray(x, y+dy, color.Gray{})
				}
			}
		}
	}
	path := filepath.Join(t.TempDir(), "page.png")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
	return path
}

func filtered(t testing.TB, path string, dpi float64, s settings) (sdk.Filtered, error) {
	t.Helper()
	return plugintest.Call[sdk.FilterRequest, sdk.Filtered](t, component(), sdk.OpClean, sdk.FilterRequest{
		Image: sdk.File{Path: path, Name: filepath.Base(path)}, XDPI: dpi, YDPI: dpi, Limits: sdk.Limits{Pixels: 150_000_000},
	}, s)
}

func TestAPageThatNeedsNothingGetsNoNewPicture(t *testing.T) {
	got, err := filtered(t, combs(t, 1654, 2339, 20), 200, settings{KeepOrientation: true})
	if err != nil {
		t.Fatal(err)
	}
	got.Skew = 0
	if !reflect.DeepEqual(got, sdk.Filtered{}) {
		t.Errorf("got %+v, want nothing", got)
	}
}

func TestALargePageIsHalvedForRecognition(t *testing.T) {
	path := combs(t, 2400, 3000, 50)
	got, err := filtered(t, path, 600, settings{KeepOrientation: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.Image == nil || got.Scale != 0.5 || got.Width != 1200 || got.Height != 1500 {
		t.Fatalf("got %+v, want a picture of 1200 x 1500", got)
	}
	info, err := lept.Stat(got.Image.Path, 0)
	if err != nil || info.Width != 1200 || info.Height != 1500 || info.Depth != 8 {
		t.Errorf("the picture is %+v (%v), want 1200 x 1500 in 8 bit", info, err)
	}
	if got, err = filtered(t, path, 600, settings{KeepOrientation: true, KeepScale: true}); err != nil || got.Image != nil {
		t.Errorf("with keepScale: got %+v (%v), want no picture", got, err)
	}
}

func TestASkewedPageIsLevelledForRecognition(t *testing.T) {
	straight := combs(t, 1654, 2339, 20)
	skewed := filepath.Join(t.TempDir(), "skewed.tif")
	info, err := lept.Stat(straight, 0)
	if err != nil {
		t.Fatal(err)
	}
	img, err := lept.Read(straight, info, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	leaning, err := img.Rotate(3)
	if err != nil {
		t.Fatal(err)
	}
	defer leaning.Close()
	if err := leaning.Write(skewed); err != nil {
		t.Fatal(err)
	}
	got, err := filtered(t, skewed, 200, settings{KeepOrientation: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.Skew < 2.8 || got.Skew > 3.2 || got.Deskew != got.Skew || got.Image == nil {
		t.Fatalf("got skew %v, deskew %v, image %v; want 3 degrees levelled", got.Skew, got.Deskew, got.Image)
	}
	if got.Width <= leaning.Width() || got.Height <= leaning.Height() {
		t.Errorf("the frame of %d x %d does not hold the turned page of %d x %d", got.Width, got.Height, leaning.Width(), leaning.Height())
	}
	again, err := filtered(t, got.Image.Path, 200, settings{KeepOrientation: true})
	if err != nil {
		t.Fatal(err)
	}
	if again.Skew > 0.2 || again.Skew < -0.2 {
		t.Errorf("the levelled page is still askew by %v degrees", again.Skew)
	}
	if kept, err := filtered(t, skewed, 200, settings{KeepOrientation: true, KeepSkew: true}); err != nil || kept.Deskew != 0 || kept.Image != nil {
		t.Errorf("told to keep the skew: %+v, %v", kept, err)
	}
}

func TestABlankPageIsSaidToBeAndNothingElse(t *testing.T) {
	path := combs(t, 1654, 2339, 0)
	if got, err := filtered(t, path, 200, settings{}); err != nil || !reflect.DeepEqual(got, sdk.Filtered{Blank: true}) {
		t.Errorf("got %+v (%v), want only blank", got, err)
	}
	if got, err := filtered(t, path, 200, settings{KeepBlank: true}); err != nil || got.Blank {
		t.Errorf("with keepBlank: got %+v (%v), want a page like any other", got, err)
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken.tif")
	if err := os.WriteFile(broken, []byte("II*\x00 and nothing more"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"broken": broken, "missing": "/nowhere/page.png"} {
		if got, err := filtered(t, path, 300, settings{}); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
	_, err := plugintest.Call[sdk.FilterRequest, sdk.Filtered](t, component(), sdk.OpClean, sdk.FilterRequest{
		Image: sdk.File{Path: combs(t, 300, 300, 20)}, Limits: sdk.Limits{Pixels: 1000},
	}, nil)
	if e, ok := err.(*sdk.Error); !ok || e.Code != "over-limit" {
		t.Errorf("300 x 300 with a limit of 1000: got %v, want over-limit", err)
	}
}

func TestACleanedPageIsShownOnlyWhenTheSettingsSaySo(t *testing.T) {
	path := combs(t, 1654, 2339, 20)
	got, err := filtered(t, path, 200, settings{KeepOrientation: true, Despeckle: true})
	if err != nil || got.Shown != nil || got.Image == nil || got.Scale != 1 {
		t.Errorf("without show: got %+v (%v), want a new image for recognition alone", got, err)
	}
	got, err = filtered(t, path, 200, settings{KeepOrientation: true, Background: true, Show: true})
	if err != nil || got.Shown == nil || got.Shown.Media != "image/jpeg" || got.Image == nil {
		t.Errorf("with show: got %+v (%v), want both images", got, err)
	}
	got, err = filtered(t, combs(t, 1654, 2339, 0), 200, settings{Show: true})
	if err != nil || !got.Blank || got.Shown != nil {
		t.Errorf("a blank page: got %+v (%v), want nothing to show", got, err)
	}
}

func TestABilevelPageIsShownBilevel(t *testing.T) {
	got, err := filtered(t, "../../testdata/minutes-g4.tif", 300, settings{Show: true, Despeckle: true})
	if err != nil || got.Shown == nil || got.Shown.Media != "image/tiff" {
		t.Fatalf("got %+v (%v), want a TIFF", got, err)
	}
	if info, err := lept.Stat(got.Shown.Path, 0); err != nil || info.Depth != 1 {
		t.Errorf("it has %d bits (%v), want 1", info.Depth, err)
	}
}
