package main

import (
	"errors"
	"image"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// page is a white page of 200 dpi with a code laid on it.
func page(t *testing.T, name string, code image.Image) sdk.FilterRequest {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 1654, 2339))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	if code != nil {
		draw.Draw(img, code.Bounds().Add(image.Pt(400, 300)), code, image.Point{}, draw.Src)
	}
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(name) == ".jpg" {
		err = jpeg.Encode(f, img, &jpeg.Options{Quality: 60})
	} else {
		err = png.Encode(f, img)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return sdk.FilterRequest{Image: sdk.File{Path: path, Name: name}, Width: 1654, Height: 2339, XDPI: 200, YDPI: 200}
}

// code is a barcode made by another library than the one that reads it.
func code(t *testing.T, w gozxing.Writer, format gozxing.BarcodeFormat, value string, width, height int) image.Image {
	t.Helper()
	m, err := w.Encode(value, format, width, height, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func filter(t *testing.T, r sdk.FilterRequest, s settings) (sdk.Filtered, error) {
	t.Helper()
	return plugintest.Call[sdk.FilterRequest, sdk.Filtered](t, sdk.Filter(look), sdk.OpClean, r, s)
}

func TestBarcodesAreReadAndSeparateWhereTheirValueMatches(t *testing.T) {
	code39 := func(v string) image.Image {
		return code(t, oned.NewCode39Writer(), gozxing.BarcodeFormat_CODE_39, v, 700, 120)
	}
	for name, c := range map[string]struct {
		file  string
		code  image.Image
		s     settings
		sheet bool
		codes []sdk.Code
	}{
		"the usual sheet":      {"a.png", code39("PATCHT"), settings{}, true, []sdk.Code{{Type: "code-39", Value: "PATCHT"}}},
		"a JPEG":               {"a.jpg", code39("SEPARATOR"), settings{}, true, []sdk.Code{{Type: "code-39", Value: "SEPARATOR"}}},
		"another value":        {"a.png", code39("PATCHTX"), settings{}, false, []sdk.Code{{Type: "code-39", Value: "PATCHTX"}}},
		"a pattern":            {"a.png", code39("INV-4711"), settings{Barcode: `INV-\d+`}, true, []sdk.Code{{Type: "code-39", Value: "INV-4711"}}},
		"a kind not asked for": {"a.png", code39("PATCHT"), settings{Types: []string{"qr"}}, false, nil},
		"nothing asked for":    {"a.png", code39("PATCHT"), settings{Types: []string{"none"}}, false, nil},
		"code 128": {"a.png", code(t, oned.NewCode128Writer(), gozxing.BarcodeFormat_CODE_128, "order 17", 600, 100),
			settings{}, false, []sdk.Code{{Type: "code-128", Value: "order 17"}}},
		"a QR code": {"a.png", code(t, qrcode.NewQRCodeWriter(), gozxing.BarcodeFormat_QR_CODE, "Grüße", 300, 300),
			settings{Barcode: "Grüße"}, true, []sdk.Code{{Type: "qr", Value: "Grüße"}}},
		"no code": {"a.png", nil, settings{}, false, nil},
	} {
		got, err := filter(t, page(t, c.file, c.code), c.s)
		if err != nil || got.Separator != c.sheet || !slices.Equal(got.Codes, c.codes) {
			t.Errorf("%s: separator %v, codes %v (%v), want %v, %v", name, got.Separator, got.Codes, err, c.sheet, c.codes)
		}
	}
}

// patchT is patch code T, 300 pixels wide at 200 dpi: narrow, wide, narrow, wide.
func patchT() image.Image {
	img := image.NewGray(image.Rect(0, 0, 300, 160))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for _, bar := range [][2]int{{0, 16}, {32, 72}, {88, 104}, {120, 160}} {
		draw.Draw(img, image.Rect(0, bar[0], 300, bar[1]), image.Black, image.Point{}, draw.Src)
	}
	return img
}

func TestPatchCodesSeparateAsTheSettingsSay(t *testing.T) {
	for name, c := range map[string]struct {
		s     settings
		sheet bool
		codes int
	}{
		"by default":   {settings{}, true, 1},
		"asked for":    {settings{Patch: []string{"T"}}, true, 1},
		"another one":  {settings{Patch: []string{"2"}}, false, 1},
		"not at all":   {settings{Patch: []string{"none"}}, false, 0},
		"at 600 dpi":   {settings{}, true, 1},
		"no barcodes":  {settings{Types: []string{"none"}}, true, 1},
		"all barcodes": {settings{Types: []string{"codabar", "ean-8", "interleaved-2of5", "code-93", "ean-13"}}, true, 1},
	} {
		r := page(t, "a.png", patchT())
		got, err := filter(t, r, c.s)
		if err != nil || got.Separator != c.sheet || len(got.Codes) != c.codes {
			t.Errorf("%s: got %+v (%v), want separator %v and %d codes", name, got, err, c.sheet, c.codes)
		}
	}
}

func TestSettingsThatCouldNeverMatchAreRefused(t *testing.T) {
	for want, s := range map[string]settings{
		`/patch/0: "5" is not one of 1, 2, 3, 4, 6, T`: {Patch: []string{"5"}},
		`/patch/1: "none" is not one of`:               {Patch: []string{"T", "none"}},
		`/types/0: "aztec" is not one of code-128`:     {Types: []string{"aztec"}},
		"/barcode: error parsing regexp":               {Barcode: "("},
	} {
		if _, err := filter(t, page(t, "a.png", nil), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want … %s …", err, want)
		}
	}
}

func TestADamagedPageIsRefused(t *testing.T) {
	r := page(t, "a.png", nil)
	if err := os.WriteFile(r.Image.Path, []byte("\x89PNG\r\n\x1a\nrubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := filter(t, r, settings{})
	if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != "damaged" {
		t.Errorf("got %v, want a refusal as damaged", err)
	}
}
