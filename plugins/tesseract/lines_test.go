package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// The command packs its lines as PNG: what both say of a page must be the same to the last
// confidence. Were the function of another name in the next engine, nothing else would tell.
func TestLinesThatAreNotPackedReadTheSame(t *testing.T) {
	c := component(newEngine())
	for name, dpi := range map[string]float64{"letter-gray.jpg": 200, "invoice-g3.tif": 300, "letter-1bit.png": 200} {
		t.Run(name, func(t *testing.T) {
			before := lines()
			r := english(scan(name))
			r.DPI = dpi
			got := recognised(t, c, r)
			if n := lines() - before; n < 10 {
				t.Errorf("%d lines were kept without PNG, want all of the page", n)
			}
			want, err := ocr.ParseHOCR(strings.NewReader(command(t, r.Image.Path, "eng", "hocr")))
			if err != nil {
				t.Fatal(err)
			}
			if g, w := words(got), words(want); !slices.Equal(g, w) || len(w) < 20 {
				t.Errorf("got %d words, the command reads %d:\n%v\n%v", len(g), len(w), g, w)
			}
		})
	}
}

// words are the words of a page with place and confidence.
func words(p ocr.Page) []ocr.Word {
	var out []ocr.Word
	for w := range p.Words() {
		out = append(out, *w)
	}
	return out
}
