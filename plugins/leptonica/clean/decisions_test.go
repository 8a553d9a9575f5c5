package clean

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
)

var update = flag.Bool("update", false, "write the golden file of decisions anew")

// TestDecisionsStandAsTheyAre holds what is decided of every image of the shared data
// and of testdata, at two resolutions that its reader might claim, to the golden file:
// what makes a look cheaper must not make it another one.
func TestDecisionsStandAsTheyAre(t *testing.T) {
	data, err := shared.Dir()
	if err != nil {
		t.Skip(err)
	}
	const golden = "testdata/decisions.tsv"
	d := model(t)
	want := map[string]string{}
	if text, err := os.ReadFile(golden); err == nil {
		for line := range strings.Lines(string(text)) {
			name, decision, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			want[name] = decision
		}
	}
	var lines []string
	for _, root := range []string{data, "../../../testdata"} {
		for _, path := range imagesIn(t, root) {
			for _, dpi := range []float64{300, 600} {
				rel, err := filepath.Rel(root, path)
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("%s at %g dpi", filepath.ToSlash(rel), dpi)
				got := decision(t, Page{Path: path, DPI: dpi, MaxPixels: 100e6}, d)
				if want[name] != got && !*update {
					t.Errorf("%s:\n got %s\nwant %s", name, got, want[name])
				}
				lines = append(lines, name+"\t"+got+"\n")
			}
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(strings.Join(lines, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(lines) < len(want) {
		t.Errorf("%d decisions, want %d", len(lines), len(want))
	}
}

func decision(t *testing.T, p Page, turner Turner) string {
	f, err := Look(t.Context(), p, Options{Blank: true, Orientation: true, Scale: true, Level: true}, turner)
	if err != nil {
		return "refused"
	}
	return fmt.Sprintf("blank %v, turn %d, skew %.2f, halve %d, level %.2f", f.Blank, f.Turn, f.Skew, f.Halve, f.Level)
}

// imagesIn gives the image files in a folder, sorted.
func imagesIn(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		switch strings.ToLower(filepath.Ext(path)) {
		case ".tif", ".png", ".jpg", ".pgm", ".pbm", ".ppm":
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}
