package graft

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
)

const fonts = "/MediaBox[0 0 612 792]/Resources<</Font<</F 5 0 R>>/XObject<</Layer 6 0 R/Mixed 7 0 R>>>>"

// layered is a page with a visible stamp and the given content, a form of
// invisible text, and a form of both kinds.
func layered(t *testing.T, content string) string {
	t.Helper()
	form := func(body string) string {
		return sourcetest.Deflated("/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</Font<</F 5 0 R>>>>", body)
	}
	return sourcetest.File(t, "", sourcetest.One(fonts, content, sourcetest.Helvetica,
		form("BT 3 Tr /F 12 Tf 72 500 Td (oldform) Tj ET"),
		form("BT /F 12 Tf 72 450 Td (seenform) Tj 3 Tr 0 -20 Td (oldmixed) Tj ET"))...)
}

func TestInvisibleTextIsReplacedAndNothingElse(t *testing.T) {
	const stamp = "BT /F 12 Tf 300 780 Td (STAMP) Tj ET\n"
	for name, c := range map[string]struct {
		content    string
		gone, kept []string
	}{
		"shown by Tj":            {"BT 3 Tr /F 12 Tf 72 600 Td (oldword) Tj ET", []string{"oldword"}, nil},
		"shown by TJ, ' and \"":  {"BT 3 Tr /F 12 Tf 14 TL 72 600 Td [(old) -20 (one)] TJ (oldtwo) ' 1 2 (oldthree) \" ET", []string{"oldone", "oldtwo", "oldthree"}, nil},
		"mode restored by Q":     {"q BT 3 Tr ET Q BT /F 12 Tf 72 600 Td (seen) Tj ET q 3 Tr BT /F 12 Tf 72 580 Td (old) Tj ET Q", []string{"old"}, []string{"seen"}},
		"both in one object":     {"BT /F 12 Tf 3 Tr 72 600 Td (old) Tj 0 Tr 0 -20 Td (seen) Tj ET", []string{"old"}, []string{"seen"}},
		"a form of its own":      {"/Layer Do", []string{"oldform"}, nil},
		"a form of both kinds":   {"/Mixed Do", nil, []string{"seenform"}},
		"string with an operand": {`BT 3 Tr /F 12 Tf 72 600 Td (old \) Tj \( ) Tj ET`, []string{"old"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			in := layered(t, stamp+c.content)
			out, _ := graft(t, Options{Input: in, Pages: map[int]PageText{1: {Page: words(1224, 1584)}}})
			got := text(t, out)
			for _, w := range c.gone {
				if strings.Contains(got, w) {
					t.Errorf("%s is still found in %q", w, got)
				}
			}
			for _, w := range append(c.kept, "STAMP", "zwq42x") {
				if !strings.Contains(got, w) {
					t.Errorf("%s is not found in %q", w, got)
				}
			}
			sameLook(t, in, out)
			samePrefix(t, in, out)
		})
	}
}

func TestWordsOverOldInvisibleTextAreNotDropped(t *testing.T) {
	// The first row of new words lies on old invisible text, the second on a stamp.
	rows := words(1224, 1584).Blocks[0].Paragraphs[0].Lines
	y := func(i int) string { return fmt.Sprint(792 - float64(rows[i].Box.Y1)/2 + 3) }
	in := layered(t, "BT /F 20 Tf 61 "+y(1)+" Td (MMMMMMMMM) Tj ET BT 3 Tr /F 20 Tf 61 "+y(0)+" Td (MMMMMMMMM) Tj ET")
	out, result := graft(t, Options{Input: in, Pages: map[int]PageText{1: {Page: words(1224, 1584)}}})
	if got := text(t, out); !strings.Contains(got, "zwq00x") || strings.Contains(got, "zwq10x") {
		t.Errorf("got %q, want zwq00x, and not zwq10x, which the stamp shows", got)
	}
	if result.Dropped != 1 {
		t.Errorf("%d words were dropped, want 1", result.Dropped)
	}
}

func TestPagesThatShareTheContentKeepIt(t *testing.T) {
	page := "<</Type/Page/Parent 2 0 R/Contents 5 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 6 0 R>>>>>>"
	in := sourcetest.File(t, "", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>", page, page,
		sourcetest.Stream("", "BT 3 Tr /F 12 Tf 72 600 Td (oldword) Tj ET"), sourcetest.Helvetica)
	out, result := graft(t, Options{Input: in, Pages: map[int]PageText{1: {Page: words(1224, 1584)}}})
	first, second, _ := strings.Cut(sourcetest.Run(t, "pdftotext", out, "-"), "\f")
	if strings.Contains(first, "oldword") || !strings.Contains(first, "zwq00x") || !strings.Contains(second, "oldword") {
		t.Errorf("page 1: %q, page 2: %q; want the old word on page 2 only", first, second)
	}
	if result.Stripped != 1 {
		t.Errorf("%d operators were taken off, want 1", result.Stripped)
	}
}

func TestWordsOverTextThatCannotBeTakenOffAreDropped(t *testing.T) {
	// The old word lies under a picture, where only a program finds it.
	row := words(1224, 1584).Blocks[0].Paragraphs[0].Lines[0]
	image := sourcetest.Stream("/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", "x")
	in := sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 612 792]/Resources<</Font<</F 5 0 R>>/XObject<</I 6 0 R>>>>",
		fmt.Sprintf("BT /F 20 Tf 61 %.0f Td (MMMMMMMMM) Tj ET q 612 0 0 792 0 0 cm /I Do Q BT 3 Tr /F 20 Tf 61 100 Td (oldword) Tj ET", 792-float64(row.Box.Y1)/2+3),
		sourcetest.Helvetica, image)...)
	out, result := graft(t, Options{Input: in, Pages: map[int]PageText{1: {Page: words(1224, 1584)}}})
	if got := text(t, out); result.Dropped != 1 || strings.Contains(got, "zwq00x") || strings.Contains(got, "oldword") || !strings.Contains(got, "zwq42x") {
		t.Errorf("%d words were dropped and the text is %q; want zwq00x dropped and oldword taken off", result.Dropped, got)
	}
}

func TestAPageOnWhichNothingIsReadKeepsItsLayer(t *testing.T) {
	in := layered(t, "BT 3 Tr /F 12 Tf 72 600 Td (oldword) Tj ET")
	empty := words(1224, 1584)
	empty.Blocks = nil
	out, result := graft(t, Options{Input: in, Pages: map[int]PageText{1: {Page: empty}}})
	if got := text(t, out); got != "oldword" || result.Stripped != 0 {
		t.Errorf("got %q with %d operators taken off, want oldword as it was", got, result.Stripped)
	}
}
