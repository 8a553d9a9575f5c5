package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr/score"
)

// sharedData is the folder of real scans, which lies beside the project where
// accuracy is measured and nowhere else.
func sharedData(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TWINLEAF_SHARED")
	if dir == "" {
		dir = "../../../shared"
	}
	dir = filepath.Join(dir, "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no real scans in %s: set TWINLEAF_SHARED to the folder that holds data/", dir)
	}
	return dir
}

// TestNothingIsLostAgainstTheCommand recognises real scans as they are, by the
// plug-in and by the tesseract command, and scores both against the truth.
func TestNothingIsLostAgainstTheCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("recognises fifteen pages twice")
	}
	dir := sharedData(t)
	f, err := os.Open(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	c := component(newEngine())
	for _, row := range rows[1:] {
		name, lang, truth, flags := row[0], row[7], row[8], row[9]
		if truth == "-" || strings.HasSuffix(name, ".pdf") || strings.Contains(name, "batch-6p") {
			continue // the engine reads images of one page
		}
		t.Run(filepath.Base(name), func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join(dir, truth))
			if err != nil {
				t.Fatal(err)
			}
			o, err := score.ParseOptions(flags)
			if err != nil {
				t.Fatal(err)
			}
			image := filepath.Join(dir, name)
			ours := score.Compare(string(want), recognised(t, c, sdk.RecognizeRequest{Image: sdk.File{Path: image, Name: name}, DPI: 300, Languages: strings.Split(lang, "+")}).Text(), o)
			base := score.Compare(string(want), command(t, image, lang), o)
			t.Logf("CER %.4f WER %.4f, command %.4f %.4f", ours.CER, ours.WER, base.CER, base.WER)
			if ours.CER > base.CER+0.001 || ours.WER > base.WER+0.001 {
				t.Errorf("got CER %.4f WER %.4f, want no worse than %.4f %.4f", ours.CER, ours.WER, base.CER, base.WER)
			}
		})
	}
}

func command(t *testing.T, image, lang string) string {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.Command("tesseract", image, "stdout", "-l", lang, "--psm", "3")
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("tesseract: %v: %s", err, complaint.String())
	}
	return out.String()
}
