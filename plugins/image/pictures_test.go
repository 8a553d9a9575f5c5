package main

import (
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/libtiff"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
)

// picture decodes a file of an answer with other eyes than the reader's where
// there are any: the standard library for JPEG and PNG.
func picture(t testing.TB, path string) image.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if filepath.Ext(path) != ".tif" {
		img, _, err := image.Decode(f)
		if err != nil {
			t.Fatalf("decode %s: %v", path, err)
		}
		return img
	}
	st, _ := f.Stat()
	heads, err := head.ReadTIFF(f, st.Size(), 1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := libtiff.Open(path, heads.Pages[0])
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := raster.ToGray(p)
	img := image.NewGray(image.Rect(0, 0, r.Header().Width, r.Header().Height))
	for y := range r.Header().Height {
		if err := r.Read(img.Pix[y*img.Stride:]); err != nil {
			t.Fatal(err)
		}
	}
	return img
}

func testdata(t testing.TB, name string) image.Image {
	t.Helper()
	return picture(t, filepath.Join("testdata", name))
}

// different is the mean difference of two pictures' samples, 0 to 255: in gray,
// or in colour where both have it.
func different(t testing.TB, got, want image.Image, inColor bool) float64 {
	t.Helper()
	if got.Bounds().Size() != want.Bounds().Size() {
		t.Fatalf("the picture is %v, want %v", got.Bounds().Size(), want.Bounds().Size())
	}
	sum, n := 0, 0
	for y := range got.Bounds().Dy() {
		for x := range got.Bounds().Dx() {
			a, b := got.At(x, y), want.At(x, y)
			if !inColor {
				a, b = color.GrayModel.Convert(a), color.GrayModel.Convert(b)
			}
			r1, g1, b1, _ := a.RGBA()
			r2, g2, b2, _ := b.RGBA()
			for _, d := range []int{int(r1>>8) - int(r2>>8), int(g1>>8) - int(g2>>8), int(b1>>8) - int(b2>>8)} {
				sum += max(d, -d)
				n++
			}
		}
	}
	return float64(sum) / float64(n)
}
