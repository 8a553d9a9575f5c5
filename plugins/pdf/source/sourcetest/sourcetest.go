// Package sourcetest makes small PDFs for the tests of the PDF plug-in.
package sourcetest

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// File writes a PDF and gives its path. The n-th object is number n+1; the first
// is the catalog. trailer is put into the trailer beside Size and Root.
func File(t testing.TB, trailer string, objects ...string) string {
	t.Helper()
	return Write(t, Bytes(trailer, objects...))
}

// Bytes is the PDF of File.
func Bytes(trailer string, objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, trailer, xref)
	return b.Bytes()
}

// Write writes bytes to a new file.
func Write(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.pdf")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Stream is a stream object with the given dictionary entries.
func Stream(entries, body string) string {
	return fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", entries, len(body), body)
}

// Deflated is a stream object that is compressed.
func Deflated(entries, body string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(body))
	z.Close()
	return Stream(entries+"/Filter/FlateDecode", b.String())
}

// One is the objects of a document with one page: catalog, page tree, page,
// content, and then those given, from number 5 on. page are further entries of
// the page, e.g. its Resources.
func One(page, content string, more ...string) []string {
	return append([]string{
		"<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R]/Count 1>>",
		"<</Type/Page/Parent 2 0 R/Contents 4 0 R" + page + ">>",
		Stream("", content),
	}, more...)
}

// Helvetica is a font that every viewer has.
const Helvetica = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"

// Run runs a program and gives what it says; the test is skipped when it is not
// installed. A status other than 0 is no failure.
func Run(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Skipf("%s does not run: %v", program, err)
	}
	return string(out)
}

// QPDF rewrites a file with qpdf and gives the path of the result.
func QPDF(t testing.TB, in string, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "qpdf.pdf")
	said := Run(t, "qpdf", append(args, in, out)...)
	if _, err := os.Stat(out); err != nil {
		t.Fatalf("qpdf %v: %s", args, said)
	}
	return out
}
