package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestEveryFamilyComesOutAsItsPage runs every variant of the one page in testdata
// (see make.sh there) and compares what comes out with what went in.
func TestEveryFamilyComesOutAsItsPage(t *testing.T) {
	const bw, gray, rgb = "ref-bw.png", "ref-gray.png", "ref-rgb.png"
	for _, c := range []struct {
		file, ref string
		answer    string
		within    float64 // mean difference of samples
	}{
		{"bw-none.tif", bw, "image.tif 200x120 300x300", 0},
		{"bw-packbits.tif", bw, "image.tif 200x120 300x300", 0},
		{"bw-lzw-1.tif", bw, "image.tif 200x120 300x300", 0},
		{"bw-zip.tif", bw, "image.tif 200x120 300x300", 0},
		{"bw-g3-1d.tif", bw, "image.tif 200x120 300x300", 0},
		{"bw-g3-2d.tif", bw, "image.tif 200x120 300x300", 0},
		{"g4-one-strip.tif", bw, "page.tif 200x120 300x300 unchanged", 0},
		{"g4-lsb.tif", bw, "page.tif 200x120 300x300 unchanged", 0},
		{"g4-big-big.tif", bw, "page.tif 200x120 300x300 unchanged", 0},
		{"g4-many-strips.tif", bw, "image.tif 200x120 300x300", 0},
		{"gray-lzw.tif", gray, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"gray-4.tif", gray, "image.tif 200x120 300x300 shown shown.png orient 1", 2},
		{"gray-16.tif", gray, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"gray-min-is-white.tif", gray, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"rgb-deflate-big.tif", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"rgb-planar.tif", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"rgb-tiled.tif", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"rgb-16.tif", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"rgba.tif", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 0.5},
		{"palette.tif", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 4},
		{"cmyk.tif", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 2},
		{"jpeg-rgb.tif", rgb, "page.jpg 200x120 300x300 unchanged", 4},
		{"jpeg-ycbcr.tif", rgb, "page.jpg 200x120 300x300 unchanged", 4},
		{"jpeg-strips.tif", gray, "image.tif 200x120 300x300 shown shown.png orient 1", 4},
		{"jpeg-tiled.tif", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 4},
		{"gray.jpg", gray, "page.jpg 200x120 300x300 unchanged", 3},
		{"rgb.jpg", rgb, "page.jpg 200x120 300x300 unchanged", 4},
		{"progressive.jpg", rgb, "page.jpg 200x120 300x300 unchanged", 4},
		{"cmyk.jpg", rgb, "image.tif 200x120 300x300 shown page.jpg orient 1 unchanged", 4},
		{"bw.png", bw, "page.png 200x120 300x300 unchanged", 0},
		{"gray-2.png", bw, "page.png 200x120 300x300 unchanged", 0},
		{"palette.png", rgb, "page.png 200x120 300x300 unchanged", 4},
		{"palette-trns.png", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 0.5},
		{"gray-16.png", gray, "image.tif 200x120 300x300 shown page.png orient 1 unchanged", 0},
		{"interlaced-gray.png", gray, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"interlaced-16.png", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 0},
		{"interlaced-palette.png", rgb, "image.tif 200x120 300x300 shown shown.png orient 1", 8},
		{"alpha.png", gray, "image.tif 200x120 300x300 shown shown.png orient 1", 0.5},
	} {
		t.Run(c.file, func(t *testing.T) {
			path := filepath.Join("testdata", c.file)
			in, err := inspectFile(t, path, limits)
			if err != nil || len(in.Pages) != 1 {
				t.Fatalf("inspect: %d pages, %v; want 1", len(in.Pages), err)
			}
			p, err := pageOf(t, path, 1)
			if err != nil || answer(p) != c.answer {
				t.Fatalf("page: got %s (%v), want %s", answer(p), err, c.answer)
			}
			want := testdata(t, c.ref)
			if d := different(t, picture(t, p.Image.Path), want, false); d > c.within {
				t.Errorf("the picture to recognise differs by %.2f, want %.2f at most", d, c.within)
			}
			if p.Shown != nil && c.file != "cmyk.jpg" {
				if d := different(t, picture(t, p.Shown.Path), want, true); d > c.within {
					t.Errorf("what is shown differs by %.2f, want %.2f at most", d, c.within)
				}
			}
		})
	}
}

func TestOriginalBytesPassThroughUntouched(t *testing.T) {
	for _, name := range []string{"rgb.jpg", "progressive.jpg", "cmyk.jpg", "palette.png", "gray-16.png"} {
		path := filepath.Join("testdata", name)
		p, err := pageOf(t, path, 1)
		if err != nil {
			t.Fatal(err)
		}
		shown := p.Image.Path
		if p.Shown != nil {
			shown = p.Shown.Path
		}
		if !bytes.Equal(read(t, shown), read(t, path)) {
			t.Errorf("%s: the bytes shown are not those of the file", name)
		}
	}
	// Of a TIFF it is the strip that passes through.
	p, err := pageOf(t, "testdata/g4-one-strip.tif", 1)
	if err != nil {
		t.Fatal(err)
	}
	got, want := read(t, p.Image.Path), read(t, "testdata/g4-one-strip.tif")
	strip := got[len(got)-120:]
	if !bytes.Contains(want, strip) {
		t.Error("the G4 data are not those of the file")
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPagesOfATIFFAreReadOneByOneAndThumbnailsAreLeftOut(t *testing.T) {
	const path = "testdata/pages-3-and-thumbnail.tif"
	in, err := inspectFile(t, path, limits)
	if err != nil || len(in.Pages) != 3 {
		t.Fatalf("got %d pages (%v), want 3", len(in.Pages), err)
	}
	for i, want := range []string{
		"page.tif 200x120 300x300 unchanged",
		"image.tif 200x120 300x300 shown shown.png orient 1",
		"page.jpg 200x120 300x300 unchanged",
	} {
		if p, err := pageOf(t, path, i+1); err != nil || answer(p) != want {
			t.Errorf("page %d: got %s (%v), want %s", i+1, answer(p), err, want)
		}
	}
	if _, err := pageOf(t, path, 4); code(err) != "damaged" {
		t.Errorf("page 4 of 3: got %v, want a refusal", err)
	}
}
