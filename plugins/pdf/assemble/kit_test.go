package assemble

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "golang.org/x/image/tiff"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa/check"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

const submitted = "2024-05-06T07:08:09+02:00"

// bench makes documents in a folder of the test.
type bench struct {
	testing.TB
	dir string
}

func newBench(t testing.TB) *bench { return &bench{t, t.TempDir()} }

func (b *bench) assembler() *Assembler {
	return &Assembler{
		out:  func(_ context.Context, name string) string { return filepath.Join(b.dir, name) },
		temp: func(context.Context) string { return b.dir },
	}
}

// assemble makes the outputs and gives the path of each kind.
func (b *bench) assemble(doc sdk.Document) (map[string]string, sdk.Assembled) {
	b.Helper()
	if doc.Submitted == "" {
		doc.Submitted = submitted
	}
	if doc.Outputs == nil {
		doc.Outputs = []string{"pdf"}
	}
	for i := range doc.Pages {
		doc.Pages[i].Number = i + 1
	}
	answer, err := b.assembler().Assemble(b.Context(), doc, Settings{})
	if err != nil {
		b.Fatal(err)
	}
	paths := map[string]string{}
	for _, o := range answer.Outputs {
		paths[o.Kind] = o.File.Path
	}
	return paths, answer
}

// write puts a file into the bench.
func (b *bench) write(name string, data []byte) string {
	b.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// text writes a page text as a recognizer would.
func (b *bench) text(name string, page ocr.Page) *sdk.File {
	b.Helper()
	var buf bytes.Buffer
	if err := page.Encode(&buf); err != nil {
		b.Fatal(err)
	}
	return &sdk.File{Path: b.write(name, buf.Bytes()), Name: name}
}

// page is an image as a document's page, with text if there is any.
func (b *bench) page(path string, dpi float64, text *ocr.Page) sdk.DocPage {
	b.Helper()
	w, h := size(b, path)
	p := sdk.DocPage{Image: &sdk.PageImage{Image: sdk.File{Path: path}, Width: w, Height: h, XDPI: dpi, YDPI: dpi}}
	if text != nil {
		p.Text = b.text(filepath.Base(path)+".json", *text)
	}
	return p
}

func size(t testing.TB, path string) (w, h int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, _, err := image.DecodeConfig(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return c.Width, c.Height
}

func need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// recognized is what tesseract reads on a page.
func recognized(t testing.TB, path, lang string) ocr.Page {
	t.Helper()
	need(t, "tesseract")
	cmd := exec.Command("tesseract", path, "-", "-l", lang, "--dpi", "300", "hocr")
	cmd.Env = append(os.Environ(), "OMP_THREAD_LIMIT=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tesseract %s: %v", path, err)
	}
	page, err := ocr.ParseHOCR(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// wellFormed holds a PDF against qpdf.
func wellFormed(t testing.TB, path string) {
	t.Helper()
	need(t, "qpdf")
	if out := run(t, "qpdf", "--check", path); !strings.Contains(out, "No syntax or stream encoding errors found") || strings.Contains(out, "WARNING") {
		t.Errorf("qpdf says of %s:\n%s", path, out)
	}
}

// conforms holds a PDF against the rules of the PDF/A level that it claims.
func conforms(t testing.TB, path string) {
	t.Helper()
	wellFormed(t, path)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, err := check.Check(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Errorf("%s: %v", filepath.Base(path), v)
	}
}

// preflight asks PDFBox, which knows PDF/A-1b.
func preflight(t testing.TB, path string) {
	t.Helper()
	need(t, "java")
	var jars []string
	for _, name := range []string{"preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api"} {
		jar := filepath.Join("/usr/share/java", name+".jar")
		if _, err := os.Stat(jar); err != nil {
			t.Skipf("%s is not installed (Debian: libpdfbox2-java libjaxb-api-java libactivation-java)", jar)
		}
		jars = append(jars, jar)
	}
	out, err := exec.Command("java", "-cp", strings.Join(jars, ":"), "org.apache.pdfbox.preflight.Validator_A1b", path).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is a valid PDF/A-1b file") {
		t.Errorf("PDFBox Preflight: %v\n%s", err, out)
	}
}

// words gives all words of a page in order.
func words(p ocr.Page) (out []string) {
	for _, b := range p.Blocks {
		for _, par := range b.Paragraphs {
			for _, l := range par.Lines {
				for _, w := range l.Words {
					out = append(out, w.Text)
				}
			}
		}
	}
	return out
}

// inOrder counts how many of want are found in got in the same order: the length of
// the longest common subsequence.
func inOrder(want, got []string) int {
	row := make([]int, len(got)+1)
	for _, w := range want {
		diagonal := 0
		for j, g := range got {
			above := row[j+1]
			if w == g {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(got)]
}

func percent(n, of int) string {
	return fmt.Sprintf("%d of %d (%.2f %%)", n, of, 100*float64(n)/float64(max(of, 1)))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
