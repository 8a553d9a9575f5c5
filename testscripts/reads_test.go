package testscripts

import (
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// reads FILE PERCENT [flags…]: `twinleaf ocr FILE -o NAME.pdf --text NAME.txt` ends
// well, and both the text and the PDF, as poppler reads it, hold at least PERCENT
// of the words of FILE.gt.txt. The PDF is whole, as qpdf sees it.
func readsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: reads FILE PERCENT flags")
	}
	file, percent := filepath.Join(ts.Getenv("DATA"), args[0]), args[1]
	pdf, text, seen := args[0]+".out.pdf", args[0]+".out.txt", args[0]+".seen.txt"
	ts.Check(ts.Exec("twinleaf", append([]string{"ocr", file, "-o", pdf, "--text", text}, args[2:]...)...))
	wordsCommand(ts, false, []string{text, file + ".gt.txt", percent})
	ts.Check(ts.Exec("pdftotext", pdf, seen))
	wordsCommand(ts, false, []string{seen, file + ".gt.txt", percent})
	ts.Check(ts.Exec("qpdf", "--check", pdf))
}
