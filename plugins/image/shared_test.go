package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

var limits = sdk.Limits{Pages: 10_000, Pixels: 150_000_000}

func inspectFile(t testing.TB, path string, l sdk.Limits) (sdk.Inspection, error) {
	t.Helper()
	return plugintest.Call[sdk.InspectRequest, sdk.Inspection](t, reader(), sdk.OpInspect,
		sdk.InspectRequest{Input: sdk.File{Path: path, Name: filepath.Base(path)}, Limits: l}, nil)
}

func pageOf(t testing.TB, path string, n int) (sdk.PageImage, error) {
	t.Helper()
	return plugintest.Call[sdk.PageRequest, sdk.PageImage](t, reader(), sdk.OpPage,
		sdk.PageRequest{Input: sdk.File{Path: path, Name: filepath.Base(path)}, Page: n, Limits: limits}, nil)
}

// code is the code of a refusal; "" for none.
func code(err error) string {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e.Code
	}
	if err != nil {
		return "other: " + err.Error()
	}
	return ""
}

// answer is what a page came out as, in one line.
func answer(p sdk.PageImage) string {
	s := fmt.Sprintf("%s %dx%d %.0fx%.0f", p.Image.Name, p.Width, p.Height, p.XDPI, p.YDPI)
	if p.Shown != nil {
		s += fmt.Sprintf(" shown %s orient %d", p.Shown.Name, p.Orient)
	}
	if p.Unchanged {
		s += " unchanged"
	}
	return s
}

func TestRealScansComeOutAsExpected(t *testing.T) {
	g4 := "image.tif 1400x2067 300x300"
	for _, c := range []struct {
		file  string
		pages []string
	}{
		{"scans-with-truth/eng-book-a023.tif", []string{"image.tif 1850x2621 300x300"}},
		{"scans-with-truth/eng-magazine-8087_054-g4.tif", []string{"page.tif 2560x3300 300x300 unchanged"}},
		{"scans-with-truth/eng-court-filing_01.png", []string{"page.png 2000x2590 240x240 unchanged"}},
		{"scans-with-truth/eng-typed-report-2col.jpg", []string{"page.jpg 1200x1461 300x300 unchanged"}},
		{"scans-with-truth/eng-receipt-622.jpg", []string{"page.jpg 793x1636 96x96 unchanged"}},
		{"scans-with-truth/eng-brochure-2col.png", []string{"page.png 2550x3300 300x300 unchanged"}},
		{"scans-with-truth/deu-antiqua-bebel-0146.tif", []string{"image.tif 3068x4660 600x600"}},
		{"scans-with-truth/deu-fraktur-grenzboten-179400.tif", []string{"image.tif 3340x4872 600x600"}},
		{"scans-with-truth/fra-typewritten-1914-0003.jpg", []string{"page.jpg 1588x2000 300x300 unchanged"}},
		{"scans-with-truth/spa-book-1879-p12.png", []string{"image.tif 1686x2804 300x300 shown shown.png orient 1"}},
		{"scans-with-truth/grc-polytonic-zonaras-0030.tif", []string{"image.tif 2760x3560 600x600"}},
		{"scans-with-truth/eng-batch-6p-blank3-g4.tif", []string{
			"image.tif 1850x2621 300x300", g4, "image.tif 2480x3508 300x300",
			"image.tif 1783x2338 300x300", "image.tif 1433x2313 300x300", "image.tif 1404x2292 300x300",
		}},
		{"odd/fax-2d-204x98.tif", []string{"image.tif 1728x2252 204x204 shown shown.tif orient 1"}},
		{"odd/g4-stripbytecounts-0.tif", []string{"page.tif 2480x3507 300x300 unchanged"}},
		{"odd/old-style-jpeg-a4-300dpi.tif", []string{"page.jpg 2483x3515 300x300 unchanged"}},
		{"odd/16bit-gray-bigendian-lzw.tif", []string{g4 + " shown shown.png orient 1"}},
		{"odd/fax-fine-g3-1d.tif", []string{"image.tif 952x1405 518x518 shown shown.tif orient 1"}},
		{"odd/exif-orientation-6.jpg", []string{g4 + " shown page.jpg orient 6 unchanged"}},
		{"odd/alpha-black-on-transparent.png", []string{g4 + " shown shown.png orient 1"}},
		{"odd/blank-scan-noise.jpg", []string{"page.jpg 2550x3300 300x300 unchanged"}},
		{"hostile/png-named.pdf", []string{"page.png 594x333 72x72 unchanged"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			path := shared.File(t, c.file)
			got, err := inspectFile(t, path, limits)
			if err != nil || len(got.Pages) != len(c.pages) {
				t.Fatalf("inspect: %d pages, %v; want %d pages", len(got.Pages), err, len(c.pages))
			}
			for i, want := range c.pages {
				p, err := pageOf(t, path, i+1)
				if err != nil || answer(p) != want {
					t.Errorf("page %d: got %s (%v), want %s", i+1, answer(p), err, want)
				}
			}
		})
	}
}

func TestRealHostileFilesAreRefused(t *testing.T) {
	for file, want := range map[string]string{
		"hostile/bomb-20000x20000.png":  "over-limit",
		"hostile/tiff-ifd-loop.tif":     "damaged",
		"hostile/truncated-jpeg.jpg":    "damaged",
		"hostile/pdf-external-refs.pdf": "not-a-scan", // not this reader's
	} {
		if _, err := inspectFile(t, shared.File(t, file), limits); code(err) != want {
			t.Errorf("%s: got %q (%v), want %q", file, code(err), err, want)
		}
	}
}
