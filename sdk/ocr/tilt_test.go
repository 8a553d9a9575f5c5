package ocr

import (
	"errors"
	"math"
	"testing"
)

func TestTiltThereAndBackLeavesTextWhereItWas(t *testing.T) {
	const w, h, deg = 1000, 1400, 3.0
	line := Line{
		Box: Box{100, 200, 900, 230}, Baseline: Baseline{Slope: 0, Offset: -6},
		Words: []Word{{Text: "left", Box: Box{100, 200, 180, 230}}, {Text: "right", Box: Box{800, 200, 900, 230}}},
	}
	p := Page{Width: w, Height: h, DPI: 300, Blocks: []Block{{Box: line.Box, Paragraphs: []Paragraph{{Box: line.Box, Lines: []Line{line}}}}}}
	sin, cos := math.Sincos(deg * math.Pi / 180)
	W, H := int(w*cos+h*sin), int(h*cos+w*sin)

	there := p.Tilted(deg, W, H)
	if err := there.Validate(); err != nil {
		t.Fatal(err)
	}
	l := there.Blocks[0].Paragraphs[0].Lines[0]
	if got, want := l.Baseline.Slope, math.Tan(deg*math.Pi/180); math.Abs(got-want) > 1e-9 {
		t.Errorf("slope %v, want %v", got, want)
	}
	// The baseline passes through the turned place of (900, 224), its right end.
	x, y := float64(W)/2+(900-500)*cos-(224-700)*sin, float64(H)/2+(900-500)*sin+(224-700)*cos
	if got := float64(l.Box.Y1) + l.Baseline.Offset + l.Baseline.Slope*(x-float64(l.Box.X0)); math.Abs(got-y) > 1 {
		t.Errorf("the baseline is at %.1f where x is %.1f, want %.1f", got, x, y)
	}
	if left, right := l.Words[0].Box, l.Words[1].Box; right.Y0-left.Y0 < 30 {
		t.Errorf("a clockwise tilt must lower the right end: left %v, right %v", left, right)
	}

	back := there.Tilted(-deg, w, h)
	l = back.Blocks[0].Paragraphs[0].Lines[0]
	if s := l.Baseline.Slope; math.Abs(s) > 1e-9 {
		t.Errorf("slope after the way back: %v", s)
	}
	for i, word := range l.Words {
		was := line.Words[i].Box
		if dx, dy := centre(word.Box.X0, word.Box.X1)-centre(was.X0, was.X1), centre(word.Box.Y0, word.Box.Y1)-centre(was.Y0, was.Y1); math.Hypot(dx, dy) > 2 {
			t.Errorf("%q came back %.1f, %.1f pixels away", word.Text, dx, dy)
		}
	}
	if p.Blocks[0].Paragraphs[0].Lines[0].Words[0].Box != line.Words[0].Box {
		t.Error("the page itself was changed")
	}
}

func centre(a, b int) float64 { return float64(a+b) / 2 }

func TestTiltKeepsBoxesInsideThePage(t *testing.T) {
	line := Line{Box: Box{0, 0, 50, 20}, Words: []Word{{Text: "corner", Box: Box{0, 0, 50, 20}}}}
	p := Page{Width: 50, Height: 20, Blocks: []Block{{Box: line.Box, Paragraphs: []Paragraph{{Box: line.Box, Lines: []Line{line}}}}}}
	for _, deg := range []float64{-7, 0, 7, 44, 90, math.NaN()} {
		if err := p.Tilted(deg, 50, 20).Validate(); err != nil {
			t.Errorf("%v degrees: %v", deg, err)
		}
	}
}

// Lines that are nearly too steep, or lie nearly too deep, are none that spoil the page.
func TestTiltKeepsBaselinesInBounds(t *testing.T) {
	for _, b := range []Baseline{{Slope: 0.85}, {Slope: 1}, {Slope: -1}, {Slope: 1, Offset: -MaxSide}, {Slope: -1, Offset: -MaxSide}} {
		for _, deg := range []float64{-44, -5, 5, 44} {
			for _, angle := range []int{0, 90} {
				box := Box{0, 0, 500, 500}
				line := Line{Box: box, Angle: angle, Baseline: b, Words: []Word{{Text: "steep", Box: box}}}
				p := Page{Width: 1000, Height: 1000, Blocks: []Block{{Box: box, Paragraphs: []Paragraph{{Box: box, Lines: []Line{line}}}}}}
				if err := errors.Join(p.Validate(), p.Tilted(deg, 1000, 1000).Validate()); err != nil {
					t.Errorf("baseline %v of a line at %d, tilted by %v degrees: %v", b, angle, deg, err)
				}
			}
		}
	}
}
