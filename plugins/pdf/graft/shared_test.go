package graft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// words is a page of text: five rows of three words over the whole frame.
func words(w, h int) ocr.Page {
	p := ocr.Page{Width: w, Height: h, DPI: 300}
	var para ocr.Paragraph
	for y := range 5 {
		top := h * (y*2 + 1) / 11
		line := ocr.Line{Box: ocr.Box{X0: w / 10, Y0: top, X1: w * 9 / 10, Y1: top + h/30}, Size: float64(h / 30), Descent: float64(h / 150), Ascent: float64(h / 150)}
		line.Baseline.Offset = -float64(h / 150)
		for x := range 3 {
			left := w/10 + x*w*3/10
			line.Words = append(line.Words, ocr.Word{Text: fmt.Sprintf("zwq%d%dx", y, x), Confidence: 90,
				Box: ocr.Box{X0: left, Y0: top, X1: left + w/5, Y1: top + h/30}})
		}
		para.Lines = append(para.Lines, line)
	}
	para.Box = ocr.Box{X1: w, Y1: h}
	p.Blocks = []ocr.Block{{Box: para.Box, Paragraphs: []ocr.Paragraph{para}}}
	return p
}

// everyPage asks for words on every page of a file; nil when it cannot be opened.
func everyPage(t *testing.T, path string) map[int]PageText {
	t.Helper()
	f, err := source.Open(context.Background(), path, source.Options{Scratch: t.TempDir()})
	if err != nil {
		return nil
	}
	pages := map[int]PageText{}
	for _, p := range f.Pages {
		w, h := p.Size()
		pages[p.Number] = PageText{Page: words(int(w*2), int(h*2))}
	}
	return pages
}

func TestGraftChangesNothingThatIsSeen(t *testing.T) {
	for _, in := range shared.Files(t, "*/*.pdf") {
		t.Run(filepath.Base(in), func(t *testing.T) {
			pages := everyPage(t, in)
			if pages == nil {
				t.Skip("refused on opening")
			}
			if strings.Contains(in, "bomb") {
				t.Skip("drawn in another test")
			}
			out := filepath.Join(t.TempDir(), "out.pdf")
			result, err := Graft(context.Background(), Options{Input: in, Output: out, Scratch: t.TempDir(), Pages: pages})
			if refused := new(sdk.Error); errors.As(err, &refused) && refused.Code == "encrypted" {
				t.Skip("forbids changes")
			}
			if err != nil {
				t.Fatal(err)
			}
			sameLook(t, in, out)
			samePrefix(t, in, out)
			wordsLie(t, out, pages, result.Dropped)
		})
	}
}

// samePrefix checks that the original bytes begin the result.
func samePrefix(t *testing.T, in, out string) {
	t.Helper()
	a, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(b, a) {
		t.Errorf("the result does not begin with the %d bytes of the input", len(a))
	}
}

// sameLook checks that drawings and images are the same, and that qpdf finds no
// fault that was not there before.
func sameLook(t *testing.T, in, out string) {
	t.Helper()
	if got, want := drawing(t, out), drawing(t, in); got != want {
		t.Errorf("the pages look different")
	}
	if got, want := images(t, out), images(t, in); got != want {
		t.Errorf("images: got\n%s\nwant\n%s", got, want)
	}
	before := sourcetest.Run(t, "qpdf", "--check", in)
	for line := range strings.Lines(sourcetest.Run(t, "qpdf", "--check", out)) {
		if (strings.Contains(line, "WARNING") || strings.Contains(line, "ERROR") || strings.Contains(line, "error")) &&
			!strings.Contains(before, strings.TrimSpace(strings.ReplaceAll(line, out, in))) {
			t.Errorf("qpdf: %s", line)
		}
	}
}

func drawing(t *testing.T, path string) string {
	t.Helper()
	dir := t.TempDir()
	sourcetest.Run(t, "pdftoppm", "-cropbox", "-r", "50", path, filepath.Join(dir, "p"))
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("pdftoppm drew nothing of %s", path)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// wordsLie checks that pdftotext finds every word within two points of its place.
func wordsLie(t *testing.T, out string, pages map[int]PageText, dropped int) {
	t.Helper()
	missing := 0
	for n, p := range pages {
		found, err := (poppler.Tools{}).Text(context.Background(), out, n, n, t.TempDir())
		if err != nil || len(found) != 1 {
			t.Fatalf("text of page %d: %v", n, err)
		}
		at := map[string]poppler.Rect{}
		for _, b := range found[0].Blocks {
			for _, l := range b.Lines {
				for _, w := range l.Words {
					at[w.Text] = w.Rect
				}
			}
		}
		const sx, sy = 0.5, 0.5 // words are asked for in half points
		for _, l := range p.Page.Blocks[0].Paragraphs[0].Lines {
			for _, w := range l.Words {
				r, ok := at[w.Text]
				if !ok {
					missing++
					continue
				}
				if dx, dy := r.X0-float64(w.Box.X0)*sx, (r.Y0+r.Y1)/2-float64(w.Box.Y0+w.Box.Y1)/2*sy; math.Abs(dx) > 2 || math.Abs(dy) > 0.3*(r.Y1-r.Y0)+2 {
					t.Errorf("page %d: %s lies %.1f, %.1f points off (at %v)", n, w.Text, dx, dy, r)
				}
			}
		}
	}
	if missing != dropped {
		t.Errorf("%d words are not found, want the %d that lie on text", missing, dropped)
	}
}

// images lists the images of a file.
func images(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("pdfimages", "-list", path).Output()
	if err != nil {
		t.Fatalf("pdfimages -list %s: %v", path, err)
	}
	return string(out)
}
