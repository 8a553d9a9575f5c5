package textlayer

import (
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// oneLine is a page of 1000 × 1000 pixels with one line, a word every 100 pixels.
func oneLine(rtl bool, line ocr.Line, words ...string) ocr.Page {
	line.Box = ocr.Box{X0: 100, Y0: 100, X1: 100 + 100*len(words), Y1: 140}
	line.Size = 40
	for i, w := range words {
		at := i
		if rtl {
			at = len(words) - 1 - i
		}
		line.Words = append(line.Words, ocr.Word{Text: w, Box: ocr.Box{X0: 100 + 100*at, Y0: 100, X1: 180 + 100*at, Y1: 140}})
	}
	return ocr.Page{Width: 1000, Height: 1000, Blocks: []ocr.Block{{Paragraphs: []ocr.Paragraph{{RTL: rtl, Lines: []ocr.Line{line}}}}}}
}

// shown gives the strings of all Tj operators, decoded.
func shown(t *testing.T, ops []byte, enc *Encoder) []string {
	t.Helper()
	back := map[uint16]rune{}
	for r := rune(' '); r <= '~'; r++ {
		back[enc.CID(r)] = r
	}
	for r, cid := range enc.cids {
		back[cid] = r
	}
	var out []string
	for i := 0; i < len(ops); i++ {
		if ops[i] != '(' {
			continue
		}
		var raw []byte
		for i++; ops[i] != ')'; i++ {
			b := ops[i]
			if b == '\\' {
				i++
				b = map[byte]byte{'n': '\n', 'r': '\r', '(': '(', ')': ')', '\\': '\\'}[ops[i]]
			}
			raw = append(raw, b)
		}
		var s strings.Builder
		for j := 0; j+1 < len(raw); j += 2 {
			s.WriteRune(back[uint16(raw[j])<<8|uint16(raw[j+1])])
		}
		out = append(out, s.String())
	}
	return out
}

func TestWordsOfALevelLineShareOneHeightAndCarryTheirSpace(t *testing.T) {
	var enc Encoder
	line := ocr.Line{Baseline: ocr.Baseline{Slope: 0.002, Offset: -10}}
	got := string(Operators(oneLine(false, line, "a", "bc"), Fill(1000, 1000, 500, 500), "T", &enc))
	want := "q\n3 Tr\nBT /T 20 Tf\n50 434.9 Td 400 Tz (\x00B\x00\x01) Tj\n50 0 Td 200 Tz (\x00C\x00D\x00\x01) Tj\nET\nQ\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestWordsOfASlopingLineStandFlatAtTheirOwnBaselines(t *testing.T) {
	var enc Encoder
	line := ocr.Line{Baseline: ocr.Baseline{Slope: 0.05}}
	got := string(Operators(oneLine(false, line, "a", "b"), Fill(1000, 1000, 500, 500), "T", &enc))
	want := "q\n3 Tr\nBT /T 20 Tf\n50 429 Td 400 Tz (\x00B\x00\x01) Tj\n50 -2.5 Td 400 Tz (\x00C\x00\x01) Tj\nET\nQ\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTurnedLinesGetARotation(t *testing.T) {
	// One word; the descenders are 8 pixels = 4 points deep.
	tests := []struct {
		angle int
		want  string
	}{
		{90, "0 1 -1 0 96 430 Tm"},   // begins below, 4 points left of the right edge
		{180, "-1 0 0 -1 90 446 Tm"}, // begins right, 4 points under the upper edge
		{270, "0 -1 1 0 54 450 Tm"},  // begins above, 4 points right of the left edge
	}
	for _, tt := range tests {
		var enc Encoder
		got := string(Operators(oneLine(false, ocr.Line{Angle: tt.angle, Descent: 8}, "a"), Fill(1000, 1000, 500, 500), "T", &enc))
		if !strings.Contains(got, tt.want) {
			t.Errorf("angle %d: got %q, want %q in it", tt.angle, got, tt.want)
		}
	}
}

func TestRightToLeftLinesAreWrittenInVisualOrder(t *testing.T) {
	tests := []struct {
		name  string
		rtl   bool
		words []string
		want  []string
	}{
		{"hebrew", true, []string{"שלום", "עולם"}, []string{"םלוע ", "םולש "}},
		{"points are code points of their own", true, []string{"שָׁ"}, []string{"\u05C1\u05B8ש "}},
		{"digits and latin keep their order", true, []string{"עמוד", "123", "abc"}, []string{"abc ", "123 ", "דומע "}},
		{"digits inside a word", true, []string{"א12ב"}, []string{"ב12א "}},
		{"comma at the end of a word", true, []string{"שלום,", "עולם"}, []string{"םלוע ", ",םולש "}},
		{"one hebrew word in an english line", false, []string{"say", "שלום", "now"}, []string{"say ", "םולש ", "now "}},
		{"a number after it", false, []string{"say", "שלום5,7", "now"}, []string{"say ", "5,7םולש ", "now "}},
		{"arabic", true, []string{"مرحبا"}, []string{"ابحرم "}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var enc Encoder
			got := shown(t, Operators(oneLine(tt.rtl, ocr.Line{}, tt.words...), Fill(1000, 1000, 500, 500), "T", &enc), &enc)
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestUnwritableCharactersAreDropped(t *testing.T) {
	tests := []struct{ word, want string }{
		{"a\u200Fb\u202Ac", "abc"}, {"\uFEFFx\uFFFEy\x00", "xy"}, {"a\u0007\u0085", "a"},
		{" a \t b ", "a b"}, {"\xff", "\uFFFD"}, {"😀", "😀"}, {"\u200D", "\u200D"},
	}
	for _, tt := range tests {
		if got := string(clean(tt.word)); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.word, got, tt.want)
		}
	}
}

func TestPageWithoutWordsHasNoOperators(t *testing.T) {
	var enc Encoder
	if got := Operators(oneLine(false, ocr.Line{}, " ", "\u200F"), Fill(1000, 1000, 500, 500), "T", &enc); got != nil {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestPlacementFollowsRotateAndBox(t *testing.T) {
	box := Box{X0: 10, Y0: 20, X1: 110, Y1: 220} // 100 × 200 points
	tests := []struct {
		rotate int
		w, h   int
		x, y   float64 // of the image's upper left pixel
		x1, y1 float64 // of its upper right one
	}{
		{0, 100, 200, 10, 220, 110, 220},
		{90, 200, 100, 10, 20, 10, 220},
		{180, 100, 200, 110, 20, 10, 20},
		{270, 200, 100, 110, 220, 110, 20},
		{-90, 200, 100, 110, 220, 110, 20},
	}
	for _, tt := range tests {
		m := OnPage(tt.w, tt.h, box, tt.rotate)
		x, y := m.Apply(0, 0)
		x1, y1 := m.Apply(float64(tt.w), 0)
		if x != tt.x || y != tt.y || x1 != tt.x1 || y1 != tt.y1 {
			t.Errorf("rotate %d: upper edge from %v,%v to %v,%v; want %v,%v to %v,%v", tt.rotate, x, y, x1, y1, tt.x, tt.y, tt.x1, tt.y1)
		}
		local, frame := m.split(tt.h)
		bx, by := local.Then(frame).Apply(30, 40)
		if mx, my := m.Apply(30, 40); bx != mx || by != my {
			t.Errorf("rotate %d: split matrices lead to %v,%v; want %v,%v", tt.rotate, bx, by, mx, my)
		}
	}
}
