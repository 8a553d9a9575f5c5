package main

import (
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
)

// BenchmarkPage is what a page costs until it can be recognised.
func BenchmarkPage(b *testing.B) {
	for name, file := range map[string]string{
		"g4 one strip":   "scans-with-truth/eng-magazine-8087_054-g4.tif",
		"g4 strips":      "scans-with-truth/eng-batch-6p-blank3-g4.tif",
		"lzw 600 dpi":    "scans-with-truth/deu-fraktur-grenzboten-179400.tif",
		"jpeg":           "odd/blank-scan-noise.jpg",
		"jpeg turned":    "odd/exif-orientation-6.jpg",
		"png":            "scans-with-truth/eng-brochure-2col.png",
		"png with alpha": "odd/alpha-black-on-transparent.png",
		"gray 16 bit":    "odd/16bit-gray-bigendian-lzw.tif",
		"old jpeg":       "odd/old-style-jpeg-a4-300dpi.tif",
	} {
		b.Run(name, func(b *testing.B) {
			path := shared.File(b, file)
			for b.Loop() {
				if _, err := pageOf(b, path, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInspect is what finding out what a file holds costs; nothing is decoded.
func BenchmarkInspect(b *testing.B) {
	for _, c := range []struct{ name, file string }{
		{"tiff 6 pages", "scans-with-truth/eng-batch-6p-blank3-g4.tif"},
		{"jpeg", "odd/blank-scan-noise.jpg"},
		{"png", "scans-with-truth/eng-brochure-2col.png"},
	} {
		b.Run(c.name, func(b *testing.B) {
			path := shared.File(b, c.file)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := inspectFile(b, path, limits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
