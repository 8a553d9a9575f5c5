package clean

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
)

// pagesOf runs a tool that writes the pages of a document into a folder.
func pagesOf(t testing.TB, tool string, args ...string) []string {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skipf("%s is not installed", tool)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, tool, append(args, filepath.Join(dir, "p"))...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", tool, err, out)
	}
	pages, _ := filepath.Glob(filepath.Join(dir, "*"))
	return pages
}

func drawn(t testing.TB, pdf string) []string {
	return pagesOf(t, "pdftoppm", "-r", "300", "-gray", "-cropbox", shared.File(t, pdf))
}

func split(t testing.TB, tiff string) []string { return pagesOf(t, "tiffsplit", shared.File(t, tiff)) }

func single(t testing.TB, name string) []string { return []string{shared.File(t, name)} }

// TestRealPagesAreSeenAsTheyAre holds every page of the shared data that has text
// to its word: none blank, none turned but those that lie wrong.
func TestRealPagesAreSeenAsTheyAre(t *testing.T) {
	d := model(t)
	for _, c := range []struct {
		name  string
		pages func(testing.TB) []string
		dpi   float64
		turns []int // of each page; nil: none
		blank int   // number of the blank page; 0: none
	}{
		{"book", func(t testing.TB) []string { return single(t, "scans-with-truth/eng-book-a023.tif") }, 300, nil, 0},
		{"magazine", func(t testing.TB) []string { return single(t, "scans-with-truth/eng-magazine-8087_054-g4.tif") }, 300, nil, 0},
		{"court filing", func(t testing.TB) []string { return single(t, "scans-with-truth/eng-court-filing_01.png") }, 240, nil, 0},
		{"photographed book", func(t testing.TB) []string { return single(t, "scans-with-truth/eng-typed-report-2col.jpg") }, 300, nil, 0},
		{"receipt", func(t testing.TB) []string { return single(t, "scans-with-truth/eng-receipt-622.jpg") }, 96, nil, 0},
		{"brochure", func(t testing.TB) []string { return single(t, "scans-with-truth/eng-brochure-2col.png") }, 300, nil, 0},
		{"antiqua at 600 dpi", func(t testing.TB) []string { return single(t, "scans-with-truth/deu-antiqua-bebel-0146.tif") }, 600, nil, 0},
		{"Fraktur at 600 dpi", func(t testing.TB) []string { return single(t, "scans-with-truth/deu-fraktur-grenzboten-179400.tif") }, 600, nil, 0},
		{"polytonic Greek at 600 dpi", func(t testing.TB) []string { return single(t, "scans-with-truth/grc-polytonic-zonaras-0030.tif") }, 600, nil, 0},
		{"typewriter", func(t testing.TB) []string { return single(t, "scans-with-truth/fra-typewritten-1914-0003.jpg") }, 300, nil, 0},
		{"Spanish book", func(t testing.TB) []string { return single(t, "scans-with-truth/spa-book-1879-p12.png") }, 300, nil, 0},
		{"batch", func(t testing.TB) []string { return split(t, "scans-with-truth/eng-batch-6p-blank3-g4.tif") }, 300, nil, 3},
		{"slip opinion", func(t testing.TB) []string { return drawn(t, "scans-with-truth/eng-slip-opinion-2p.pdf") }, 300, nil, 0},
		{"letter", func(t testing.TB) []string { return drawn(t, "mfd/docsplit-letter-mixed-4p.pdf") }, 300, nil, 0},
		{"skewed A5", func(t testing.TB) []string { return drawn(t, "mfd/ricoh-mp-c3003-skewed-rotate270.pdf") }, 300, nil, 0},
		{"form", func(t testing.TB) []string { return drawn(t, "mfd/canon-iradv-c2230-form.pdf") }, 300, nil, 0},
		{"drawing", func(t testing.TB) []string { return drawn(t, "mfd/xerox-wc5030-jbig2-stencil.pdf") }, 300, nil, 0},
		{"separator sheets", func(t testing.TB) []string { return drawn(t, "mfd/brother-ads1700w-fax-3p.pdf") }, 300, nil, 0},
		{"encyclopaedia", func(t testing.TB) []string { return drawn(t, "mfd/epson-wikipedia.pdf") }, 300, nil, 0},
		{"layers", func(t testing.TB) []string { return drawn(t, "mfd/mrc-jbig2-layers-lorem.pdf") }, 300, nil, 0},
		{"questionnaire", func(t testing.TB) []string { return single(t, "odd/g4-stripbytecounts-0.tif") }, 300, nil, 0},
		{"fax", func(t testing.TB) []string { return single(t, "odd/fax-fine-g3-1d.tif") }, 518, nil, 0},
		{"sideways, its EXIF not heeded", func(t testing.TB) []string { return single(t, "odd/exif-orientation-6.jpg") }, 300, []int{90}, 0},
		{"four ways", func(t testing.TB) []string { return drawn(t, "odd/rotated-4p.pdf") }, 300, []int{270, 180, 90, 0}, 0},
		{"blank with noise", func(t testing.TB) []string { return single(t, "odd/blank-scan-noise.jpg") }, 300, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			for i, path := range c.pages(t) {
				got := look(t, path, c.dpi, d)
				want := 0
				if c.turns != nil {
					want = c.turns[i]
				}
				if got.Turn != want || got.Blank != (c.blank == i+1) {
					t.Errorf("page %d: got %+v, want turn %d and blank %v", i+1, got, want, c.blank == i+1)
				}
			}
		})
	}
}
