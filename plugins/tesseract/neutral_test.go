package main

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// inColour writes the gray letter as a JPEG of three channels, with a patch of a colour.
func inColour(t *testing.T, patch image.Rectangle, c color.Color) string {
	t.Helper()
	in, err := os.Open(scan("letter-gray.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	gray, err := jpeg.Decode(in)
	if err != nil {
		t.Fatal(err)
	}
	page := image.NewRGBA(gray.Bounds())
	draw.Draw(page, page.Bounds(), gray, image.Point{}, draw.Src)
	draw.Draw(page, patch, image.NewUniform(c), image.Point{}, draw.Src)
	path := filepath.Join(t.TempDir(), "page.jpg")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(out, page, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A page that was scanned in colour but has none is read as a gray one; one with a stamp or
// a thin line in colour is not. What is read is what the command reads in colour.
func TestAPageWithoutColourIsReadAsGray(t *testing.T) {
	c := component(newEngine())
	for name, x := range map[string]struct {
		path string
		want int
	}{
		"no colour":     {inColour(t, image.Rectangle{}, color.White), 1},
		"a gray patch":  {inColour(t, image.Rect(20, 20, 60, 60), color.Gray{128}), 1},
		"a red stamp":   {inColour(t, image.Rect(20, 20, 60, 60), color.RGBA{200, 30, 30, 255}), 0},
		"a blue line":   {inColour(t, image.Rect(20, 20, 800, 22), color.RGBA{0, 0, 255, 255}), 0},
		"pale yellow":   {inColour(t, image.Rect(20, 20, 60, 60), color.RGBA{255, 255, 200, 255}), 0},
		"gray as such":  {scan("letter-gray.jpg"), 0},
		"CMYK":          {scan("note-cmyk.jpg"), 0},
		"no JPEG":       {scan("letter-1bit.png"), 0},
		"colour, small": {scan("letter-rgb.jpg"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			before := neutral()
			r := english(x.path)
			r.DPI = 200
			got := recognised(t, c, r)
			if n := neutral() - before; n != x.want {
				t.Errorf("read as gray %d times, want %d", n, x.want)
			}
			g, w := strings.Fields(got.Text()), strings.Fields(command(t, x.path, "eng"))
			if x.want == 1 && (len(w) < 20 || !slices.Equal(g, w)) {
				t.Errorf("got %q, the command reads %q", g, w)
			}
		})
	}
}

// A file whose head is damaged is left to the way on which all others are read.
func TestADamagedPageWithoutColourIsRefused(t *testing.T) {
	raw, err := os.ReadFile(inColour(t, image.Rectangle{}, color.White))
	if err != nil {
		t.Fatal(err)
	}
	r := english(file(t, "cut.jpg", raw[:bytes.Index(raw, []byte{0xFF, 0xC4})])) // before the tables
	_, err = plugintest.Call[sdk.RecognizeRequest, sdk.Text](t, component(newEngine()), sdk.OpRecognize, r, nil)
	refusal, ok := errors.AsType[*sdk.Error](err)
	if !ok || refusal.Code != "damaged" || !strings.Contains(refusal.Detail, "leptonica cannot read") {
		t.Errorf("got %v, want it refused as damaged", err)
	}
}
