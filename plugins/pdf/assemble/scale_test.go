package assemble

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/bilevel"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// faxPage is a page of black and white bars as a G4 TIFF with 700 words.
func faxPage(b *bench) sdk.DocPage {
	b.Helper()
	text := typeset(0.5, 0, false, vocabulary(700)...)
	text.Width, text.Height = 4960, 14032 // room for all lines
	bars := bilevel.New(2480, 3508)
	for i := range bars.Pix {
		if i/bars.Stride%9 < 3 && i*7%bars.Stride > 40 {
			bars.Pix[i] = byte(i * 31)
		}
	}
	page := sdk.DocPage{Image: &sdk.PageImage{Image: sdk.File{Path: b.write("fax.tif", g4TIFF(bars))}, Width: bars.Width, Height: bars.Height, XDPI: 300, YDPI: 300}}
	page.Text = b.text("fax.json", text)
	return page
}

// g4TIFF is a TIFF of one G4 strip.
func g4TIFF(b bilevel.Bitmap) []byte {
	strip := bilevel.EncodeG4(b)
	out := []byte("II*\x00\x08\x00\x00\x00\x06\x00")
	for _, e := range [][2]int{{256, b.Width}, {257, b.Height}, {259, 4}, {262, 0}, {273, 86}, {279, len(strip)}} {
		out = append(out, byte(e[0]), byte(e[0]>>8), 4, 0, 1, 0, 0, 0, byte(e[1]), byte(e[1]>>8), byte(e[1]>>16), byte(e[1]>>24))
	}
	return append(append(out, 0, 0, 0, 0), strip...)
}

func TestMemoryDoesNotGrowWithPages(t *testing.T) {
	b := newBench(t)
	page := faxPage(b)
	text, err := readText(page)
	if err != nil {
		t.Fatal(err)
	}
	text.Blocks[0].Paragraphs[0].Lines = text.Blocks[0].Paragraphs[0].Lines[:2]
	page.Image.Image.Path = b.write("small.tif", g4TIFF(bilevel.New(16, 16)))
	d, err := newDocument(b.dir+"/x.pdf", sdk.Document{Submitted: submitted})
	if err != nil {
		t.Fatal(err)
	}
	const pages = 1000
	var before uint64
	for i := range 2 * pages {
		if i == pages {
			before = live()
		}
		if err := d.add(page, text); err != nil {
			t.Fatal(err)
		}
	}
	grown := int64(live()) - int64(before)
	t.Logf("%d bytes a page stay in memory", grown/pages)
	if grown/pages > 200 {
		t.Errorf("%d bytes a page stay in memory, want at most 200", grown/pages)
	}
	if _, _, err := d.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	conforms(t, b.dir+"/x.pdf")
}

// live is the memory that is in use.
func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestTextsOfKeptPagesDoNotStayInMemory(t *testing.T) {
	b := newBench(t)
	page := faxPage(b)
	k := newKeeper(sdk.Document{Inputs: []sdk.File{{Path: "in.pdf"}}, Inspections: []sdk.Inspection{{PDF: &sdk.PDFInfo{}}}}, b.dir+"/x.pdf", b.dir)
	const pages = 100
	before := live()
	for n := range pages {
		text, err := readText(page)
		if err != nil {
			t.Fatal(err)
		}
		page.Number = n + 1
		if err := k.add(page, text); err != nil {
			t.Fatal(err)
		}
	}
	each := (int64(live()) - int64(before)) / pages
	t.Logf("%d bytes a page stay in memory", each)
	if each > 4<<10 {
		t.Errorf("%d bytes a page stay in memory, want at most 4 KiB", each)
	}
	if len(k.texts) != pages {
		t.Errorf("%d pages are to get text, want %d", len(k.texts), pages)
	}
}

// kept is a document of drawn pages that are kept, with 700 words each and so many
// bytes of an image.
func kept(b *bench, pages, image int) sdk.Document {
	b.Helper()
	kids := &strings.Builder{}
	o := []string{"<</Type/Catalog/Pages 2 0 R>>", ""}
	doc := sdk.Document{Mode: "skip", Inspections: []sdk.Inspection{{PDF: &sdk.PDFInfo{}}}}
	page := faxPage(b)
	page.Image = nil
	for n := range pages {
		fmt.Fprintf(kids, "%d 0 R ", len(o)+1)
		o = append(o, fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</I %d 0 R>>>>/Contents %d 0 R>>", len(o)+3, len(o)+2),
			sourcetest.Stream("", "0 0 9 9 re f 90 0 0 90 0 0 cm /I Do"),
			sourcetest.Stream(fmt.Sprintf("/Type/XObject/Subtype/Image/Width %d/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", image), strings.Repeat("x", image)))
		page.InputPage = n + 1
		doc.Pages = append(doc.Pages, page)
	}
	o[1] = fmt.Sprintf("<</Type/Pages/Kids[%s]/Count %d>>", kids, pages)
	doc.Inputs = []sdk.File{{Path: sourcetest.File(b, "", o...)}}
	return doc
}

// BenchmarkGraft adds text to documents that are kept. Run one size alone to see
// its memory, with GOGC=50, as the plug-in runs. With -short: the small one alone.
func BenchmarkGraft(b *testing.B) {
	for _, c := range []struct{ pages, image int }{{100, 100}, {2000, 100}, {2000, 50_000}} {
		if testing.Short() && c.pages > 100 {
			continue
		}
		b.Run(fmt.Sprintf("%dpages of %d bytes", c.pages, c.image), func(b *testing.B) {
			k := newBench(b)
			pages, doc := c.pages, kept(k, c.pages, c.image)
			resetPeak(b)
			b.ResetTimer()
			before := cpu()
			for b.Loop() {
				k.assemble(doc)
			}
			used := cpu() - before
			b.ReportMetric(used.Seconds()*1000/float64(b.N*pages), "cpu-ms/page")
			b.ReportMetric(peak(b), "peak-MB")
		})
	}
}

// BenchmarkAssemble makes all four outputs of documents with 700 words a page. Run
// one size alone to see its memory. With -short: a hundred pages at most.
func BenchmarkAssemble(b *testing.B) {
	for _, pages := range []int{1, 100, 1000, 5000} {
		if testing.Short() && pages > 100 {
			continue
		}
		for _, outputs := range []string{"pdf", "pdf text hocr alto"} {
			b.Run(fmt.Sprintf("%dpages/%s", pages, strings.ReplaceAll(outputs, " ", "+")), func(b *testing.B) {
				k := newBench(b)
				page := faxPage(k)
				doc := sdk.Document{Outputs: strings.Fields(outputs)}
				for range pages {
					doc.Pages = append(doc.Pages, page)
				}
				b.ResetTimer()
				before := cpu()
				for b.Loop() {
					k.assemble(doc)
				}
				used := cpu() - before
				b.ReportMetric(used.Seconds()*1000/float64(b.N*pages), "cpu-ms/page")
				b.ReportMetric(peak(b), "peak-MB")
			})
		}
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory that this process has held.
func peak(t testing.TB) float64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc")
	}
	_, rest, _ := bytes.Cut(data, []byte("VmHWM:"))
	kb, err := strconv.Atoi(strings.Fields(string(rest))[0])
	if err != nil {
		t.Fatal(err)
	}
	return float64(kb) / 1024
}

// resetPeak forgets what making the input took.
func resetPeak(t testing.TB) {
	t.Helper()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		t.Skip("no /proc")
	}
}

func TestTextLayerIsSmall(t *testing.T) {
	b := newBench(t)
	page := faxPage(b)
	bare := page
	bare.Text = nil
	size := func(outputs ...sdk.DocPage) int {
		got, _ := b.assemble(sdk.Document{Name: "size", Pages: outputs})
		return len(read(t, got["pdf"]))
	}
	image := len(read(t, page.Image.Image.Path)) - 86
	one, three := size(bare), size(page, page, page)
	text := size(page, page) - size(page, bare)
	t.Logf("beside its image a document of one page without text has %d bytes; text adds %.2f bytes a word; three pages with text %d", one-image, float64(text)/700, three-3*image)
	if one-image > 8<<10 {
		t.Errorf("%d bytes beside the image, want at most 8 KiB", one-image)
	}
	if text > 10*700 {
		t.Errorf("%d bytes for 700 words, want at most 10 a word", text)
	}
}
