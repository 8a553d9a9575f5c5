package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// places says where the outputs of each document go, in one line each.
func places(docs []document) string {
	var lines []string
	for _, d := range docs {
		lines = append(lines, fmt.Sprintf("%s <- %s: %v", d.name, strings.Join(d.inputs, "+"), d.out.byKind()))
	}
	return strings.Join(lines, "\n")
}

func TestPlanSaysWhatIsMadeOfWhatAndWhere(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a.tif", "b.jpg", "sub/a.tif", "sub/there.pdf", "there.pdf", "there.tif", "there-ocr.tif",
		"twice.pdf", "twice-ocr.pdf", "thrice.tif", "thrice.pdf", "thrice-ocr.pdf", "thrice-ocr-2.pdf"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name   string
		f      ocrFlags
		inputs string
		want   string // "" for a usage error
	}{
		{"one", ocrFlags{out: "o.pdf"}, "a.tif", "o <- a.tif: [[pdf o.pdf]]"},
		{"several into one", ocrFlags{out: "o.pdf"}, "b.jpg a.tif", "o <- b.jpg+a.tif: [[pdf o.pdf]]"},
		{"one each into a folder", ocrFlags{out: "new/"}, "a.tif sub/a.tif", "a <- a.tif: [[pdf new/a.pdf]]\na-2 <- sub/a.tif: [[pdf new/a-2.pdf]]"},
		{"no output named", ocrFlags{}, "a.tif b.jpg", "a <- a.tif: [[pdf a.pdf]]\nb <- b.jpg: [[pdf b.pdf]]"},
		{"the name is taken", ocrFlags{}, "there.tif", "there <- there.tif: [[pdf there-ocr.pdf]]"},
		{"the input itself", ocrFlags{}, "there.pdf", "there <- there.pdf: [[pdf there-ocr.pdf]]"},
		{"both names are taken", ocrFlags{}, "twice.pdf", "twice <- twice.pdf: [[pdf twice-ocr-2.pdf]]"},
		{"all three", ocrFlags{}, "thrice.tif", "thrice <- thrice.tif: [[pdf thrice-ocr-3.pdf]]"},
		{"text alone", ocrFlags{text: "-"}, "a.tif", "a <- a.tif: [[text -]]"},
		{"text alone of several", ocrFlags{text: "t.txt"}, "a.tif b.jpg", "a <- a.tif+b.jpg: [[text t.txt]]"},
		{"text into a folder", ocrFlags{text: "sub"}, "a.tif b.jpg", "a <- a.tif: [[text sub/a.txt]]\nb <- b.jpg: [[text sub/b.txt]]"},
		{"everything", ocrFlags{out: "o.pdf", text: "t", hocr: "h", alto: "x", manifest: "m"}, "a.tif", "o <- a.tif: [[pdf o.pdf] [text t] [hocr h] [alto x] [manifest m]]"},
		{"standard input", ocrFlags{}, "-", "scan <- -: [[pdf -]]"},
		{"standard input to a file", ocrFlags{out: "o.pdf"}, "-", "o <- -: [[pdf o.pdf]]"},
		{"over the input", ocrFlags{out: "a.tif"}, "a.tif", ""},
		{"over another document's input", ocrFlags{out: "sub/"}, "there.tif sub/there.pdf", ""},
		{"two outputs in one file", ocrFlags{out: "o.pdf", text: "./o.pdf"}, "a.tif", ""},
		{"two documents in one file", ocrFlags{}, "there.tif there-ocr.tif", ""},
		{"two on standard output", ocrFlags{text: "-", hocr: "-"}, "a.tif", ""},
		{"text and JSON on standard output", ocrFlags{text: "-", asJSON: true}, "a.tif", ""},
		{"one text file for two documents", ocrFlags{out: "new/", text: "t.txt"}, "a.tif b.jpg", ""},
		{"text in the PDF's place", ocrFlags{out: "o.TXT"}, "a.tif", ""},
		{"a folder as input", ocrFlags{}, "sub", ""},
		{"nothing there", ocrFlags{}, "c.tif", ""},
	}
	for _, c := range cases {
		docs, err := plan(c.f, strings.Fields(c.inputs), false)
		if got := places(docs); got != c.want || (err != nil && code(err) != exitUsage) {
			t.Errorf("%s: got\n%s, %v; want\n%s", c.name, got, err, c.want)
		}
	}
	if _, err := plan(ocrFlags{}, []string{"-"}, true); code(err) != exitUsage {
		t.Errorf("a PDF onto the terminal: got %v, want a usage error", err)
	}
}
