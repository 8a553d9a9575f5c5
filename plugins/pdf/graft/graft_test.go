package graft

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
)

// graft runs Graft with test folders and gives the path of the result.
func graft(t *testing.T, o Options) (string, Result) {
	t.Helper()
	o.Output, o.Scratch = filepath.Join(t.TempDir(), "out.pdf"), t.TempDir()
	result, err := Graft(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return o.Output, result
}

func text(t *testing.T, path string) string {
	t.Helper()
	return strings.Join(strings.Fields(sourcetest.Run(t, "pdftotext", path, "-")), " ")
}

const letter = "/MediaBox[0 0 612 792]/Resources<<>>"

func TestTextLiesInItsPlaceWhateverTheBoxes(t *testing.T) {
	for _, rotate := range []int{0, 90, 180, 270, -90, 450} {
		for name, boxes := range map[string]string{
			"plain":           "/MediaBox[0 0 612 792]",
			"shifted":         "/MediaBox[-100 50 512 842]",
			"cropped":         "/MediaBox[0 0 612 792]/CropBox[50 100 450 700]",
			"cropped beyond":  "/MediaBox[0 0 622 812]/CropBox[-50 100 450 900]",
			"corners swapped": "/MediaBox[612 792 0 0]",
		} {
			t.Run(fmt.Sprintf("%s turned by %d", name, rotate), func(t *testing.T) {
				in := sourcetest.File(t, "", "<</Type/Catalog/Pages 2 0 R>>",
					fmt.Sprintf("<</Type/Pages/Kids[5 0 R]/Count 1%s/Rotate %d/Resources<<>>>>", boxes, rotate),
					"<</Type/Page/Parent 5 0 R/Contents 4 0 R>>", sourcetest.Stream("", "0 0 100 100 re f"),
					"<</Type/Pages/Kids[3 0 R]/Parent 2 0 R/Count 1>>")
				pages := everyPage(t, in)
				out, _ := graft(t, Options{Input: in, Pages: pages})
				sameLook(t, in, out)
				samePrefix(t, in, out)
				wordsLie(t, out, pages, 0)
			})
		}
	}
}

func TestTextIsPlacedOnTheImageThatWasRecognised(t *testing.T) {
	// The image lies 6 points beside the page, less than the margin of 2 %.
	image := sourcetest.Stream("/Type/XObject/Subtype/Image/Width 100/Height 100/ColorSpace/DeviceGray/BitsPerComponent 8", strings.Repeat("\x80", 10000))
	in := sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 612 792]/Resources<</XObject<</I 5 0 R>>>>", "612 0 0 792 6 8 cm /I Do", image)...)
	pages := map[int]PageText{1: {Page: words(1224, 1584), Image: true}}
	out, _ := graft(t, Options{Input: in, Pages: pages})
	// On a page with that box the words stand at the same place of user space.
	moved := sourcetest.File(t, "", sourcetest.One("/MediaBox[6 8 618 800]/Resources<<>>", "")...)
	shifted, _ := graft(t, Options{Input: moved, Pages: map[int]PageText{1: {Page: words(1224, 1584)}}})
	got, want := layer(t, out), layer(t, shifted)
	if got != want {
		t.Errorf("text operators:\ngot  %.200s\nwant %.200s", got, want)
	}
}

// layer is the decoded text stream of the first page.
func layer(t *testing.T, path string) string {
	t.Helper()
	f, err := source.Open(context.Background(), path, source.Options{Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s, ok := f.Stream(f.Array(f.Pages[0].Dict["Contents"])[0])
	if !ok {
		t.Fatal("the page has no text stream")
	}
	b, err := f.Decode(s, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTurnIsAddedToThePageAndTextFollows(t *testing.T) {
	for _, rotate := range []int{0, 90, 270} {
		for _, turn := range []int{90, 180, 270} {
			t.Run(fmt.Sprintf("%d and %d", rotate, turn), func(t *testing.T) {
				in := sourcetest.File(t, "", sourcetest.One(fmt.Sprintf("%s/Rotate %d", letter, rotate), "")...)
				w, h := 1224, 1584
				if (rotate+turn)%180 != 0 {
					w, h = h, w
				}
				pages := map[int]PageText{1: {Page: words(w, h), Turn: turn}}
				out, _ := graft(t, Options{Input: in, Pages: pages})
				wordsLie(t, out, pages, 0)
				f, err := source.Open(context.Background(), out, source.Options{Scratch: t.TempDir()})
				if err != nil {
					t.Fatal(err)
				}
				if got, want := f.Pages[0].Rotate, (rotate+turn)%360; got != want {
					t.Errorf("Rotate is %d, want %d", got, want)
				}
			})
		}
	}
}

func TestOddFilesAreGrafted(t *testing.T) {
	plain := sourcetest.Bytes("/ID[<01><02>]", sourcetest.One(letter, "0 0 100 100 re f")...)
	cases := map[string]func(t *testing.T) string{
		"no newline at the end": func(t *testing.T) string { return sourcetest.Write(t, bytes.TrimRight(plain, "\n")) },
		"null in Info": func(t *testing.T) string {
			return sourcetest.File(t, "/Info 5 0 R", sourcetest.One(letter, "", "<</Title null/Producer(x)>>")...)
		},
		"object streams": func(t *testing.T) string {
			return sourcetest.QPDF(t, sourcetest.Write(t, plain), "--object-streams=generate")
		},
		"linearised":        func(t *testing.T) string { return sourcetest.QPDF(t, sourcetest.Write(t, plain), "--linearize") },
		"hybrid references": func(t *testing.T) string { return sourcetest.Write(t, hybrid()) },
		"unbalanced q": func(t *testing.T) string {
			return sourcetest.File(t, "", sourcetest.One(letter, "Q Q 0.5 0 0 0.5 100 100 cm q q 0 0 50 50 re f")...)
		},
		"content in two streams": func(t *testing.T) string {
			o := sourcetest.One(letter, "q 0 0 50 50 re", sourcetest.Deflated("", "f Q"))
			o[2] = strings.Replace(o[2], "4 0 R", "[4 0 R 5 0 R]", 1)
			return sourcetest.File(t, "", o...)
		},
		"no content": func(t *testing.T) string {
			o := sourcetest.One(letter, "")
			o[2] = strings.Replace(o[2], "/Contents 4 0 R", "", 1)
			return sourcetest.File(t, "", o...)
		},
	}
	for _, bits := range []string{"40", "128", "256"} {
		cases["encrypted with "+bits+" bits"] = func(t *testing.T) string {
			return sourcetest.QPDF(t, sourcetest.Write(t, plain), "--allow-weak-crypto", "--encrypt", "", "owner", bits, "--")
		}
	}
	for name, make := range cases {
		t.Run(name, func(t *testing.T) {
			in := make(t)
			pages := everyPage(t, in)
			if len(pages) != 1 {
				t.Fatalf("got %d pages, want 1", len(pages))
			}
			out, result := graft(t, Options{Input: in, Pages: pages})
			sameLook(t, in, out)
			samePrefix(t, in, out)
			wordsLie(t, out, pages, 0)
			if result.Pages != 1 {
				t.Errorf("%d pages got text, want 1", result.Pages)
			}
			if strings.HasPrefix(name, "encrypted") && !strings.Contains(sourcetest.Run(t, "qpdf", "--show-encryption", out), "R = ") {
				t.Error("the result is not encrypted any more")
			}
			stream := func(path string) bool {
				return strings.Contains(read(t, path), "/Type/XRef") || strings.Contains(read(t, path), "/Type /XRef")
			}
			if grown := read(t, out)[len(read(t, in)):]; !stream(in) && strings.Contains(grown, "XRef") {
				t.Error("a cross-reference stream was added to a file with tables")
			}
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// hybrid is a file with a table and, for readers that know them, a stream of
// references: its font lies in an object stream.
func hybrid() []byte {
	plain := sourcetest.Bytes("", sourcetest.One("/MediaBox[0 0 612 792]/Resources<</Font<</F 6 0 R>>>>", "BT /F 9 Tf 9 9 Td (hybrid) Tj ET")...)
	at := bytes.LastIndex(plain, []byte("xref\n0 5"))
	var b bytes.Buffer
	b.Write(plain[:at])
	pack := b.Len()
	body := "6 0 " + sourcetest.Helvetica
	b.WriteString("5 0 obj\n" + sourcetest.Stream("/Type/ObjStm/N 1/First 4", body) + "\nendobj\n")
	refs := b.Len()
	entry := string([]byte{2, 0, 5, 0})
	own := string([]byte{1, byte(refs >> 8), byte(refs), 0})
	b.WriteString("7 0 obj\n" + sourcetest.Stream("/Type/XRef/Size 8/W[1 2 1]/Index[6 2]/Root 1 0 R", entry+own) + "\nendobj\n")
	xref := b.Len()
	table := bytes.Replace(plain[at:bytes.Index(plain, []byte("trailer"))], []byte("0 5\n"), []byte("0 8\n"), 1)
	b.Write(table)
	fmt.Fprintf(&b, "%010d 00000 n \n0000000000 00000 f \n%010d 00000 n \n", pack, refs)
	fmt.Fprintf(&b, "trailer\n<</Size 8/Root 1 0 R/XRefStm %d>>\nstartxref\n%d\n%%%%EOF\n", refs, xref)
	return b.Bytes()
}
