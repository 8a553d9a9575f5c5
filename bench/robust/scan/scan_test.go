package scan_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/twinleaf-scan/twinleaf/bench/robust/scan"
)

func TestPageIsKnownByItsPicture(t *testing.T) {
	paper := image.NewGray(image.Rect(0, 0, 600, 800))
	for i := range paper.Pix {
		paper.Pix[i] = 255
	}
	for _, p := range []scan.Page{{Job: 0, Page: 1}, {Job: 1, Page: 1}, {Job: 4_000_000_000, Page: 65535}} {
		for _, behind := range []image.Image{nil, paper} {
			data, err := scan.PNG(p, behind)
			if err != nil {
				t.Fatal(err)
			}
			m, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			got, err := scan.Read(m)
			if got != p || err != nil {
				t.Errorf("read %v (%v) of the picture of %v", got, err, p)
			}
		}
	}
}

func TestOtherPicturesHaveNoNumber(t *testing.T) {
	white := image.NewGray(image.Rect(0, 0, 600, 800))
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	black := image.NewGray(white.Rect)
	noise := image.NewGray(white.Rect)
	for i := range noise.Pix {
		noise.Pix[i] = uint8(i * 7919 >> 3)
	}
	noise.Set(0, 0, color.White)
	for _, m := range []image.Image{white, black, noise} {
		if p, err := scan.Read(m); err == nil {
			t.Errorf("read %v of a picture without a number", p)
		}
	}
}
