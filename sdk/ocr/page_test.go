package ocr

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestTextKeepsLinesAndParagraphs(t *testing.T) {
	if got, want := letterPage().Text(), "Rock & R'öll\n<b>\n\nשלום\n\nArchive copy\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (Page{Width: 1, Height: 1}).Text(); got != "" {
		t.Errorf("a page without words gave %q", got)
	}
}

func TestConfidenceIsTheMeanOverWords(t *testing.T) {
	p := letterPage()
	if got, want := p.Confidence(), (96+91+80+50+70+60+61)/7.; math.Abs(got-want) > 1e-9 {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := p.CountWords(); got != 7 {
		t.Errorf("got %d words, want 7", got)
	}
	if got := (Page{}).Confidence(); got != 0 {
		t.Errorf("a page without words has confidence %v, want 0", got)
	}
}

func TestWordsCanStopEarlyAndLeadIntoThePage(t *testing.T) {
	p := letterPage()
	for w := range p.Words() {
		w.Text = "Roll"
		break
	}
	if got := p.Blocks[0].Paragraphs[0].Lines[0].Words[0].Text; got != "Roll" {
		t.Errorf("the first word is %q, want the one that was written through the iterator", got)
	}
}

func TestFourQuarterTurnsGiveThePageBack(t *testing.T) {
	want := letterPage()
	p := want
	for range 4 {
		p = p.Turned(90)
		if err := p.Validate(); err != nil {
			t.Fatalf("turned page: %v", err)
		}
	}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got  %+v\nwant %+v", p, want)
	}
	if got := want.Turned(90).Turned(180); !reflect.DeepEqual(got, want.Turned(-90)) {
		t.Errorf("90 and 180 degrees are not -90: %+v", got)
	}
}

func TestTurnedMovesBoxesWithTheImage(t *testing.T) {
	for _, c := range []struct {
		degrees       int
		box           Box
		width, height int
		angle         int
	}{
		{0, Box{50, 100, 300, 125}, 600, 800, 0},
		{90, Box{675, 50, 700, 300}, 800, 600, 270},
		{180, Box{300, 675, 550, 700}, 600, 800, 180},
		{270, Box{100, 300, 125, 550}, 800, 600, 90},
		{45, Box{50, 100, 300, 125}, 600, 800, 0},
	} {
		p := letterPage().Turned(c.degrees)
		line := p.Blocks[0].Paragraphs[0].Lines[0]
		if line.Box != c.box || p.Width != c.width || p.Height != c.height || line.Angle != c.angle {
			t.Errorf("%d degrees: got box %v on %dx%d at %d, want %v on %dx%d at %d", c.degrees,
				line.Box, p.Width, p.Height, line.Angle, c.box, c.width, c.height, c.angle)
		}
	}
}

func TestScaledGrowsEverythingButSlopes(t *testing.T) {
	p := letterPage().Scaled(2)
	want := Line{Box: Box{100, 200, 600, 250}, Baseline: Baseline{0.01, -10}, Size: 51, Descent: 10, Ascent: 12, Words: []Word{
		{"Rock", Box{100, 200, 240, 250}, 96, ""}, {"&", Box{260, 200, 300, 240}, 91, ""}, {"R'öll", Box{320, 200, 600, 240}, 80, "deu"}}}
	if got := p.Blocks[0].Paragraphs[0].Lines[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if p.Width != 1200 || p.Height != 1600 || p.DPI != 300 {
		t.Errorf("got %dx%d at %v dpi, want 1200x1600 at 300", p.Width, p.Height, p.DPI)
	}
	if err := letterPage().Scaled(0.001).Validate(); err != nil {
		t.Errorf("a page scaled to nearly nothing: %v", err)
	}
	for _, f := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if got := letterPage().Scaled(f); !reflect.DeepEqual(got, letterPage()) {
			t.Errorf("factor %v changed the page", f)
		}
	}
}

func TestValidateNamesTheFault(t *testing.T) {
	word := func(p *Page) *Word { return &p.Blocks[0].Paragraphs[0].Lines[0].Words[0] }
	line := func(p *Page) *Line { return &p.Blocks[0].Paragraphs[0].Lines[0] }
	for _, c := range []struct {
		name  string
		spoil func(*Page)
		want  string
	}{
		{"no width", func(p *Page) { p.Width = 0 }, "each side"},
		{"vast page", func(p *Page) { p.Height = MaxSide + 1 }, "each side"},
		{"resolution", func(p *Page) { p.DPI = math.NaN() }, "dpi"},
		{"engine", func(p *Page) { p.Engine = "a\nb" }, "control character"},
		{"page language", func(p *Page) { p.Lang = "\xff" }, "UTF-8"},
		{"block leaves the page", func(p *Page) { p.Blocks[0].Box.X1 = 601 }, "block 1: box"},
		{"paragraph box is empty", func(p *Page) { p.Blocks[0].Paragraphs[1].Box.X1 = 60 }, "paragraph 2: box"},
		{"paragraph language", func(p *Page) { p.Blocks[0].Paragraphs[0].Lang = "\x00" }, "paragraph 1: language"},
		{"negative line box", func(p *Page) { line(p).Box.Y0 = -1 }, "line 1: box"},
		{"steep baseline", func(p *Page) { line(p).Baseline.Slope = 625 }, "baseline"},
		{"baseline below", func(p *Page) { line(p).Baseline.Offset = 1 }, "baseline"},
		{"endless font", func(p *Page) { line(p).Size = math.Inf(1) }, "font size"},
		{"angle", func(p *Page) { line(p).Angle = 360 }, "angle"},
		{"word box", func(p *Page) { word(p).Box = Box{10, 10, 5, 20} }, "word 1: box"},
		{"confidence", func(p *Page) { word(p).Confidence = 101 }, "confidence"},
		{"empty word", func(p *Page) { word(p).Text = "" }, "no text"},
		{"broken word", func(p *Page) { word(p).Text = "a\xffb" }, "UTF-8"},
		{"control character", func(p *Page) { word(p).Text = "a\x1b[2J" }, "control character"},
		{"long word", func(p *Page) { word(p).Text = strings.Repeat("a", MaxWordSize+1) }, "longer than"},
		{"word language", func(p *Page) { word(p).Lang = "\n" }, "language"},
		{"too many words", func(p *Page) { line(p).Words = make([]Word, MaxWords+1); fill(line(p).Words) }, "more than 200000 words"},
		{"too many parts", func(p *Page) { p.Blocks = make([]Block, MaxParts+1); fillBlocks(p.Blocks) }, "more than 200000 blocks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := letterPage()
			if err := p.Validate(); err != nil {
				t.Fatalf("before: %v", err)
			}
			c.spoil(&p)
			if err := p.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error about %q", err, c.want)
			}
		})
	}
}

func fill(words []Word) {
	for i := range words {
		words[i] = Word{Text: "a", Box: Box{1, 1, 2, 2}}
	}
}

func fillBlocks(blocks []Block) {
	for i := range blocks {
		blocks[i].Box = Box{1, 1, 2, 2}
	}
}

func TestPagesSurviveJSON(t *testing.T) {
	want := letterPage()
	want.Engine = "tesseract 5.3.0"
	var b bytes.Buffer
	if err := want.Encode(&b); err != nil {
		t.Fatal(err)
	}
	size := int64(b.Len())
	got, err := Decode(bytes.NewReader(b.Bytes()), size)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	if _, err := Decode(bytes.NewReader(b.Bytes()), size-1); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("over the limit: got %v, want an error about the length", err)
	}
}

func TestDecodeRefusesABadPage(t *testing.T) {
	for _, in := range []string{``, `null`, `[]`, `{"w":10}`, `{"w":10,"h":10,"blocks":[{"box":{"x0":0,"y0":0,"x1":11,"y1":1}}]}`} {
		if p, err := Decode(strings.NewReader(in), 1000); err == nil {
			t.Errorf("%q was taken as %+v", in, p)
		}
	}
}

func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	if err := letterPage().Encode(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := Decode(bytes.NewReader(in), MaxJSON)
		if err != nil {
			return
		}
		if err := p.Turned(90).Scaled(0.5).Validate(); err != nil {
			t.Fatalf("turned and halved: %v", err)
		}
		if err := p.Tilted(5, p.Width, p.Height).Validate(); err != nil {
			t.Fatalf("tilted: %v", err)
		}
	})
}
