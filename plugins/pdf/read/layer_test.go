package read

import (
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/textlayer"
)

// layered is a page of 100 x 100 points with a picture, two fonts, Their and Own,
// and two forms: Layer has invisible text, Mixed has visible text too.
func layered(t *testing.T, content string) string {
	t.Helper()
	form := func(body string) string {
		return sourcetest.Stream("/Type/XObject/Subtype/Form/BBox[0 0 100 100]/Resources<</Font<</Their 6 0 R>>>>", body)
	}
	return sourcetest.File(t, "/ID[<01><02>]", sourcetest.One("/MediaBox[0 0 100 100]/Resources<</Font<</Their 6 0 R/Own 7 0 R>>/XObject<</I 5 0 R/Layer 8 0 R/Mixed 9 0 R>>>>",
		content,
		sourcetest.Stream("/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", "x"),
		sourcetest.Helvetica, "<</Type/Font/Subtype/Type1/BaseFont/ABCDEF+"+textlayer.FontName+">>",
		form("BT 3 Tr /Their 9 Tf "+forty+" ET"), form("BT /Their 9 Tf (seen) Tj 3 Tr "+forty+" ET"))...)
}

const (
	sheet = "q 100 0 0 100 0 0 cm /I Do Q "
	third = "q 33 0 0 100 0 0 cm /I Do Q "
	forty = "(forty letters and a few more than forty..) Tj"
)

func TestLayersOfOthersAreReadAgainInModeSkip(t *testing.T) {
	const their, own = "BT 3 Tr /Their 9 Tf " + forty + " ET ", "BT 3 Tr /Own 9 Tf (ours) Tj ET "
	for name, c := range map[string]struct{ content, skip, redo string }{
		"their layer":                        {their + sheet, "image", "image"},
		"their layer over the picture":       {sheet + their, "image", "image"},
		"a few letters of theirs":            {sheet + "BT 3 Tr /Their 9 Tf (few) Tj ET", "image", "image"},
		"our layer":                          {own + sheet, "text", "image"},
		"our layer and theirs":               {own + their + sheet, "text", "image"},
		"their layer on a page of vectors":   {their + "0 0 50 50 re f", "text", "drawn"},
		"their layer on a third of a page":   {their + third, "text", "drawn"},
		"their layer in a form":              {"/Layer Do " + sheet, "image", "image"},
		"their layer in a form of all kinds": {sheet + "/Mixed Do", "text", "drawn"},
		"their text under the picture":       {"BT /Their 9 Tf " + forty + " ET " + sheet, "text", "image"},
		"their clipping text":                {sheet + "BT 7 Tr /Their 9 Tf " + forty + " ET", "text", "image"},
		"visible text over their layer":      {their + sheet + "BT 0 Tr /Their 9 Tf " + strings.Repeat(forty, 8) + " ET", "text", "text"},
	} {
		t.Run(name, func(t *testing.T) {
			path := layered(t, c.content)
			for mode, want := range map[string]string{"skip": c.skip, "redo": c.redo} {
				i := newDesk(t).inspect(path, mode)
				got := "drawn"
				if p := i.Pages[0]; p.Text {
					got = "text"
				} else if p.Image {
					got = "image"
				}
				if got != want {
					t.Errorf("%s: got %s, want %s", mode, got, want)
				}
				if i.PDF.Rebuild && mode == "skip" {
					t.Errorf("%s: the page would be written anew, want it kept", mode)
				}
			}
		})
	}
}

func TestLayersStayWhereChangesAreForbidden(t *testing.T) {
	path := sourcetest.QPDF(t, layered(t, sheet+"BT 3 Tr /Their 9 Tf "+forty+" ET"), "--encrypt", "", "owner", "256", "--modify=none", "--")
	if p := newDesk(t).inspect(path, "skip").Pages[0]; !p.Text {
		t.Errorf("got %+v, want the text to be left alone", p)
	}
}

func TestModesDecideWhatIsRecognised(t *testing.T) {
	path := shared.File(t, "mfd/ricoh*.pdf") // with a bad layer of the device
	const want = "encrypted false, signed false, rebuild false, pdfa \"1b\"\n420x595 image 1748x2480 300 dpi hidden"
	for _, mode := range []string{"skip", "redo", "force"} {
		if got := brief(newDesk(t).inspect(path, mode)); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", mode, got, want)
		}
	}
}
