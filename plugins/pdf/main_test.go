package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/assemble"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/read"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// call makes one call as the host would.
func call[Out any](t *testing.T, c sdk.Component, op string, request any) (Out, error) {
	t.Helper()
	var answer Out
	args, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := c.Do(context.Background(), sdk.Call{Op: op, Args: args, Out: t.TempDir(), Temp: t.TempDir()})
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	return answer, nil
}

func must[Out any](t *testing.T, c sdk.Component, op string, request any) Out {
	t.Helper()
	answer, err := call[Out](t, c, op, request)
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	return answer
}

// recognised writes a page of text with one word in each corner of the image.
func recognised(t *testing.T, p sdk.PageImage) *sdk.File {
	t.Helper()
	page := ocr.Page{Width: p.Width, Height: p.Height, DPI: p.XDPI}
	for i, at := range [][2]int{{1, 1}, {7, 1}, {1, 8}, {7, 8}} {
		x, y := p.Width*at[0]/10, p.Height*at[1]/10
		box := ocr.Box{X0: x, Y0: y, X1: x + p.Width/5, Y1: y + p.Height/30}
		line := ocr.Line{Box: box, Size: float64(p.Height / 30), Words: []ocr.Word{{Text: fmt.Sprintf("corner%dx", i), Box: box, Confidence: 90}}}
		page.Blocks = append(page.Blocks, ocr.Block{Box: box, Paragraphs: []ocr.Paragraph{{Box: box, Lines: []ocr.Line{line}}}})
	}
	b, err := json.Marshal(page)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "text.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return &sdk.File{Path: path, Name: "text.json"}
}

// document does to a PDF what the pipeline does: inspect, read every page, assemble.
func document(t *testing.T, path, mode string) (sdk.Inspection, sdk.Assembled) {
	t.Helper()
	reader, assembler := read.New().Component(), assemble.New().Component()
	input := sdk.File{Path: path, Name: filepath.Base(path), Media: read.Media, SHA256: path}
	limits := sdk.Limits{Pages: 100, Pixels: 100_000_000, Bytes: 1 << 28}
	inspection, err := call[sdk.Inspection](t, reader, "inspect", sdk.InspectRequest{Input: input, Mode: mode, Limits: limits})
	if refused := new(sdk.Error); errors.As(err, &refused) && refused.Remedy != "" {
		t.Skipf("refused: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	doc := sdk.Document{
		Job: "a-1", Name: "test", Submitted: "2024-05-06T07:08:09Z", Mode: mode, PDFA: "2u", Outputs: []string{"pdf", "text"},
		Inputs: []sdk.File{input}, Inspections: []sdk.Inspection{inspection}, Limits: limits,
	}
	graft := mode != "force" && !inspection.PDF.Rebuild
	for n, info := range inspection.Pages {
		p := sdk.DocPage{Number: n + 1, InputPage: n + 1, Info: info}
		if info.Text && mode != "force" {
			p.Kept = true
			text := must[sdk.Text](t, reader, "text", sdk.TextRequest{Input: input, Page: n + 1, Limits: limits})
			p.Text = &text.Text
		} else {
			image := must[sdk.PageImage](t, reader, "page", sdk.PageRequest{Input: input, Page: n + 1, Info: info, Graft: graft, Mode: mode, Limits: limits})
			p.Image, p.Text = &image, recognised(t, image)
		}
		doc.Pages = append(doc.Pages, p)
	}
	body, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "document.json")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return inspection, must[sdk.Assembled](t, assembler, "assemble", sdk.AssembleRequest{Document: sdk.File{Path: file, Name: "document.json"}})
}

// difference is the mean difference of two files' drawn pages, 0 to 255. A page may
// be a dot wider or higher than the other.
func difference(t *testing.T, a, b string) float64 {
	t.Helper()
	sum, dots := 0, 0
	first, second := draw(t, a), draw(t, b)
	if len(first) != len(second) {
		t.Fatalf("%d and %d pages were drawn", len(first), len(second))
	}
	for i, p := range first {
		q := second[i]
		if abs(p.w-q.w) > 2 || abs(p.h-q.h) > 2 {
			t.Fatalf("page %d is %dx%d, was %dx%d", i+1, q.w, q.h, p.w, p.h)
		}
		for y := range min(p.h, q.h) {
			for x := range min(p.w, q.w) {
				sum += abs(int(p.dots[y*p.w+x]) - int(q.dots[y*q.w+x]))
				dots++
			}
		}
	}
	return float64(sum) / float64(dots)
}

func abs(n int) int { return max(n, -n) }

type drawing struct {
	w, h int
	dots []byte
}

func draw(t *testing.T, path string) []drawing {
	t.Helper()
	root := filepath.Join(t.TempDir(), "p")
	sourcetest.Run(t, "pdftoppm", "-gray", "-cropbox", "-r", "20", path, root)
	files, err := filepath.Glob(root + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("nothing was drawn of %s", path)
	}
	var pages []drawing
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var d drawing
		if _, err := fmt.Sscanf(string(body[:32]), "P5\n%d %d\n255\n", &d.w, &d.h); err != nil {
			t.Fatal(err)
		}
		d.dots = body[len(body)-d.w*d.h:]
		pages = append(pages, d)
	}
	return pages
}

func TestDocumentsLookTheSameAndAreSearchable(t *testing.T) {
	for _, path := range shared.Files(t, "[mos]*/*.pdf") { // not the hostile ones
		for _, mode := range []string{"skip", "redo", "force"} {
			t.Run(filepath.Base(path)+" "+mode, func(t *testing.T) {
				inspection, made := document(t, path, mode)
				var out sdk.Output
				for _, o := range made.Outputs {
					if o.Kind == "pdf" {
						out = o
					}
				}
				most := 3.0
				if mode == "force" {
					most = 20 // redrawn pages are softer, and coloured white is white
				}
				if d := difference(t, path, out.File.Path); d > most {
					t.Errorf("the pages differ by %.1f", d)
				}
				if said := sourcetest.Run(t, "qpdf", "--check", out.File.Path); strings.Contains(said, "WARNING") || !strings.Contains(said, "No syntax or stream encoding errors") {
					t.Errorf("qpdf: %s", said)
				}
				if built := inspection.PDF.Rebuild || mode == "force"; built != (out.PDFA == "2u") {
					t.Errorf("rebuilt %v, but the result claims %q (%s)", built, out.PDFA, out.Why)
				}
				for n, text := range strings.Split(strings.TrimSuffix(sourcetest.Run(t, "pdftotext", out.File.Path, "-"), "\f"), "\f") {
					if inspection.Pages[n].Text && mode != "force" {
						continue
					}
					for i := range 4 {
						if want := fmt.Sprintf("corner%dx", i); strings.Count(text, want) != 1 {
							t.Errorf("page %d: %s is found %d times", n+1, want, strings.Count(text, want))
						}
					}
				}
			})
		}
	}
}

func TestOwnDocumentsAreLeftAlone(t *testing.T) {
	for _, name := range []string{"mfd/ricoh-mp-c3003-skewed-rotate270.pdf", "mfd/docsplit-letter-mixed-4p.pdf", "mfd/brother-ads1700w-fax-3p.pdf"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			_, first := document(t, shared.File(t, name), "skip")
			inspection, second := document(t, first.Outputs[0].File.Path, "skip")
			for n, p := range inspection.Pages {
				if !p.Text {
					t.Errorf("page %d is read again: %+v", n+1, p)
				}
			}
			before, err := os.ReadFile(first.Outputs[0].File.Path)
			if err != nil {
				t.Fatal(err)
			}
			after, err := os.ReadFile(second.Outputs[0].File.Path)
			if err != nil || !bytes.Equal(before, after) {
				t.Errorf("%d bytes became %d others (%v)", len(before), len(after), err)
			}
		})
	}
}
