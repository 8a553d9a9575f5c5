package clean

import (
	"math"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/osd"
)

var prose = []string{
	"The quick brown fox jumps over the lazy dog and happily gives back what it had borrowed.",
	"People who keep their papers in good order find half of what they look for by themselves.",
	"Nothing, he thought, is as tidy as an empty desk; but who would pay for that?",
}

var capitals = []string{
	"NOTICE OF ASSESSMENT FOR THE YEAR ENDING IN MARCH", "AMOUNT DUE IS PAYABLE WITHIN THIRTY DAYS OF RECEIPT",
	"KEEP THIS SHEET WITH YOUR RECORDS", "JURY DUTY MAY QUALIFY FOR EXEMPTION", "PLEASE SIGN BELOW AND GIVE BACK TO THE OFFICE",
}

var figures = []string{"1 204.50", "37 118.00", "2 946.75", "805.13", "64 000.00", "9 312.68"}

func model(t testing.TB) *osd.Detector {
	t.Helper()
	d, err := osd.New()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestTurnedPagesAreBroughtUpright(t *testing.T) {
	d := model(t)
	for name, sheet := range map[string]*paper{
		"prose":         a4(t).fillText(11, prose...).noise(4),
		"lying upright": newPaper(t, mm(297), mm(210)).fillText(11, prose...).noise(4),
	} {
		for _, by := range []int{0, 90, 180, 270} {
			want := (360 - by) % 360
			if got := look(t, sheet.turned(by).pgm(), paperDPI, d).Turn; got != want {
				t.Errorf("%s, turned by %d: got turn %d, want %d", name, by, got, want)
			}
		}
	}
}

// Capitals have neither ascenders nor descenders, and the model is seldom sure of
// them: such a page may stay as it lies, but is never turned the wrong way.
func TestCapitalsAreNeverTurnedTheWrongWay(t *testing.T) {
	d := model(t)
	sheet := a4(t).fillText(11, capitals...).noise(4)
	for _, by := range []int{0, 90, 180, 270} {
		want := (360 - by) % 360
		if got := look(t, sheet.turned(by).pgm(), paperDPI, d).Turn; got != want && got != 0 {
			t.Errorf("turned by %d: got turn %d, want %d or none", by, got, want)
		}
	}
}

func TestPagesThatGiveNoCertaintyStayAsTheyAre(t *testing.T) {
	d := model(t)
	for name, sheet := range map[string]*paper{
		"a word":        a4(t).write(80, 140, 14, 20, "HOHO"),
		"some figures":  a4(t).write(80, 140, 12, 20, "11 808.96").write(80, 160, 12, 20, "60 118.09"),
		"table figures": a4(t).fillText(10, figures...),
		"a drawing":     a4(t).disc(100, 100, 60, 30).disc(80, 200, 40, 120),
	} {
		if got := look(t, sheet.noise(3).pgm(), paperDPI, d).Turn; got != 0 {
			t.Errorf("%s: got turn %d, want none", name, got)
		}
	}
}

// opinion is a model with a fixed opinion.
type opinion struct {
	degrees int
	sure    float64
	asked   int
}

func (o *opinion) Turn(lept.Image, int) (int, float64) {
	o.asked++
	return o.degrees, o.sure
}

func TestTheModelIsNotAskedAboutAPageThatIsClearlyUpright(t *testing.T) {
	o := opinion{degrees: 180, sure: 99}
	if got := look(t, a4(t).fillText(11, prose...).noise(4).pgm(), paperDPI, &o); got.Turn != 0 || o.asked != 0 {
		t.Errorf("got turn %d after asking %d times, want 0 and 0", got.Turn, o.asked)
	}
}

func TestTwoOpinionsAreJoinedWithCare(t *testing.T) {
	for _, c := range []struct {
		name     string
		up, left float64
		degrees  int
		sure     float64
		want     int
	}{
		{"both say 180", -20, 2, 180, 0.1, 180},
		{"both say 90, ascenders less clearly", 1, 7, 90, 3, 90},
		{"both say 270, but faintly", 1, -7, 270, 1, 0},
		{"they contradict each other", -20, 2, 90, 9, 0},
		{"only the model knows", 0, 0, 180, 8, 180},
		{"the model alone is not sure", 0, 0, 180, 4, 0},
		{"the model sees an upright page", -20, 2, 0, 9, 0},
		{"both axes at once", -9, 8, 180, 4, 0},
	} {
		if got := decide(c.up, c.left, c.degrees, c.sure); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// slanted is text whose lines fall to the right by the given degrees.
func slanted(t testing.TB, degrees float64) *paper {
	p := a4(t).fillText(11, prose...)
	out := newPaper(t, p.img.Rect.Dx(), p.img.Rect.Dy())
	tan := math.Tan(degrees * math.Pi / 180)
	for y := range p.img.Rect.Dy() {
		for x := range p.img.Rect.Dx() {
			if from := y - int(math.Round(float64(x)*tan)); from >= 0 && from < p.img.Rect.Dy() {
				out.img.Pix[y*out.img.Stride+x] = p.img.Pix[from*p.img.Stride+x]
			}
		}
	}
	return out
}

func TestSkewIsMeasuredClockwise(t *testing.T) {
	for _, want := range []float64{-4, 0, 0.7} {
		if got := look(t, slanted(t, want).pgm(), paperDPI, nil).Skew; math.Abs(got-want) > 0.2 {
			t.Errorf("lines that fall by %g degrees: got %g", want, got)
		}
	}
	if got := look(t, a4(t).disc(100, 100, 60, 30).pgm(), paperDPI, nil).Skew; got != 0 {
		t.Errorf("a disc: got skew %g, want 0", got)
	}
}

func TestOnlyLargePrintAtHighResolutionIsHalved(t *testing.T) {
	sheet := a4(t).fillText(22, prose...) // what 11 points are at 600 dpi
	small := a4(t).fillText(8, prose...)  // and what a wrong claim of 600 dpi makes of a 300-dpi page
	for _, c := range []struct {
		name string
		path string
		dpi  float64
		want int
	}{
		{"11 points at 600 dpi", sheet.pgm(), 600, 1},
		{"the same in black and white", sheet.bits().pgm(), 600, 1},
		{"22 points at 300 dpi", sheet.pgm(), 300, 0},
		{"small print under a wrong claim", small.pgm(), 600, 0},
	} {
		if got := look(t, c.path, c.dpi, nil).Halve; got != c.want {
			t.Errorf("%s: halved %d times, want %d", c.name, got, c.want)
		}
	}
}

func TestPreparedPictureIsTurnedAndHalved(t *testing.T) {
	p := newPaper(t, 400, 200).disc(5, 5, 4, 20)
	img, err := Prepare(Page{Path: p.pgm(), DPI: 600}, Finding{Turn: 90, Halve: 1}, Tidy{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if img.Width() != 100 || img.Height() != 200 {
		t.Fatalf("got %d x %d, want 100 x 200", img.Width(), img.Height())
	}
	bits, err := img.Below(128)
	if err != nil {
		t.Fatal(err)
	}
	defer bits.Close()
	boxes, _, err := bits.Shapes(10)
	if err != nil || len(boxes) != 1 || boxes[0].X < 50 || boxes[0].Y > 50 {
		t.Errorf("the disc of the upper left corner lies at %v (%v), want it in the upper right one", boxes, err)
	}
}
