package main

import (
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// TestOrdinaryPagesAreNoSheets holds real scans, with rules, tables, halftones and
// noise, to the absence of patch codes and of anything that the default pattern matches.
func TestOrdinaryPagesAreNoSheets(t *testing.T) {
	all := shared.Files(t, "*/*")
	seen := 0
	for _, path := range all {
		switch filepath.Ext(path) {
		case ".tif", ".tiff", ".jpg", ".png", ".pgm", ".pbm":
		default:
			continue
		}
		r := sdk.FilterRequest{Image: sdk.File{Path: path}, XDPI: 300, YDPI: 300, Limits: sdk.Limits{Pixels: 40e6}}
		got, err := filter(t, r, settings{})
		if err != nil {
			continue // hostile files are in the same folder
		}
		seen++
		if got.Separator {
			t.Errorf("%s: taken for a separator sheet by %v", filepath.Base(path), got.Codes)
		}
	}
	if seen < 5 {
		t.Errorf("only %d of %d files could be read", seen, len(all))
	}
}

// BenchmarkPage is a 300-dpi page of text without any code.
func BenchmarkPage(b *testing.B) {
	r := sdk.FilterRequest{Image: sdk.File{Path: "../../testdata/minutes-g4.tif"}, XDPI: 300, YDPI: 300}
	for b.Loop() {
		if got, err := look(b.Context(), r, settings{}); err != nil || len(got.Codes) > 0 {
			b.Fatal(got, err)
		}
	}
}
