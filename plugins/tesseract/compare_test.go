package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/bench"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr/score"
)

// TestNothingIsLostAgainstTheCommand recognises real scans as they are, by the
// plug-in and by the tesseract command, and scores both against the truth.
func TestNothingIsLostAgainstTheCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("recognises fifteen pages twice")
	}
	dir, err := bench.DataDir()
	if err != nil {
		t.Skip(err)
	}
	entries, err := bench.ReadManifest(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := component(newEngine())
	for _, e := range entries {
		if e.Truth == "" || strings.HasSuffix(e.Path, ".pdf") || strings.Contains(e.Path, "batch-6p") {
			continue // the engine reads images of one page
		}
		t.Run(filepath.Base(e.Path), func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join(dir, e.Truth))
			if err != nil {
				t.Fatal(err)
			}
			o, err := score.ParseOptions(e.Flags)
			if err != nil {
				t.Fatal(err)
			}
			image := filepath.Join(dir, e.Path)
			ours := score.Compare(string(want), recognised(t, c, sdk.RecognizeRequest{Image: sdk.File{Path: image, Name: e.Path}, DPI: 300, Languages: strings.Split(e.Lang, "+")}).Text(), o)
			base := score.Compare(string(want), command(t, image, e.Lang), o)
			t.Logf("CER %.4f WER %.4f, command %.4f %.4f", ours.CER, ours.WER, base.CER, base.WER)
			if ours.CER > base.CER+0.001 || ours.WER > base.WER+0.001 {
				t.Errorf("got CER %.4f WER %.4f, want no worse than %.4f %.4f", ours.CER, ours.WER, base.CER, base.WER)
			}
		})
	}
}

// command is what the tesseract command says of an image; configs name other forms than text.
func command(t *testing.T, image, lang string, configs ...string) string {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.Command("tesseract", append([]string{image, "stdout", "-l", lang, "--psm", "3"}, configs...)...)
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("tesseract: %v: %s", err, complaint.String())
	}
	return out.String()
}
