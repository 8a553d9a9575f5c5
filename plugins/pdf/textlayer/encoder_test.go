package textlayer

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/content"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// decoded reads a ToUnicode map as a reader would.
func decoded(t testing.TB, cmap string) map[int]string {
	t.Helper()
	_, cmap, ok := strings.Cut(cmap, "endcodespacerange")
	if !ok {
		t.Fatal("the map has no code space")
	}
	number := func(s string) int {
		n, err := strconv.ParseInt(s, 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	out := map[int]string{}
	for _, m := range regexp.MustCompile(`<(....)><(....)><(....)>`).FindAllStringSubmatch(cmap, -1) {
		from, to, r := number(m[1]), number(m[2]), number(m[3])
		if from>>8 != to>>8 || r>>8 != (r+to-from)>>8 {
			t.Errorf("range %s crosses a multiple of 256", m[0])
		}
		for c := from; c <= to; c++ {
			out[c] = string(rune(r + c - from))
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^<(....)><(....)(....)?>$`).FindAllStringSubmatch(cmap, -1) {
		units := []uint16{uint16(number(m[2]))}
		if m[3] != "" {
			units = append(units, uint16(number(m[3])))
		}
		out[number(m[1])] = string(utf16.Decode(units))
	}
	for _, m := range regexp.MustCompile(`(\d+) beginbf`).FindAllStringSubmatch(cmap, -1) {
		if n, _ := strconv.Atoi(m[1]); n < 1 || n > 100 {
			t.Errorf("a section of %d entries", n)
		}
	}
	return out
}

func TestEveryCodeLeadsBackToItsCharacter(t *testing.T) {
	var enc Encoder
	want := map[int]string{}
	use := func(r rune) { want[int(enc.CID(r))] = string(r) }
	for r := rune(' '); r <= '~'; r++ {
		use(r)
	}
	for r := rune(0x4E00); r < 0x4E00+3000; r++ { // long runs over several multiples of 256
		use(r)
	}
	for r := rune(0x1F600); r < 0x1F600+150; r++ { // beyond the basic plane, more than a section
		use(r)
	}
	for _, r := range "äöü\u05D0\u0301\uFFFD" {
		use(r)
		use(r) // again
	}
	got := decoded(t, string(enc.ToUnicode()))
	for cid, s := range want {
		if got[cid] != s {
			t.Errorf("code %d leads to %q, want %q", cid, got[cid], s)
		}
	}
	if len(got) != len(want) || enc.Last() != len(want) {
		t.Errorf("%d codes, %d of them mapped, want %d", enc.Last(), len(got), len(want))
	}
}

func TestCodesRunOutQuietly(t *testing.T) {
	var enc Encoder
	for r := rune(0x100); enc.Last() < maxCID; r++ {
		enc.CID(r)
	}
	if got, want := enc.CID(0x10FFF0), enc.CID('?'); got != want {
		t.Errorf("one more character has the code %d, want that of '?', %d", got, want)
	}
}

func TestFontFileIsWhole(t *testing.T) {
	file := fontFile()
	if sum := checksum(file); sum != 0xB1B0AFBA {
		t.Errorf("the sum of the file is %X", sum)
	}
	at := FontRefs{File: *types.NewIndirectRef(1, 0)}
	var enc Encoder
	enc.CID('ä')
	font := enc.Font(at)
	if len(font.CIDToGID) != 2*(enc.Last()+1) || bytes.Contains(font.CIDToGID, []byte{0, 0}) {
		t.Errorf("the map has %d bytes, want two for each code up to %d, none of them glyph 0", len(font.CIDToGID), enc.Last())
	}
	if n := font.FileDict["Length1"]; n != types.Integer(len(file)) {
		t.Errorf("Length1 is %v, want %d", n, len(file))
	}
}

// FuzzOperators holds the operators of any text against what the page said.
func FuzzOperators(f *testing.F) {
	f.Add("word (a) \\ \r\n", 10, 20, 300, 40, 0, 0.0, false, 30.0)
	f.Add("שלום 123", 10, 20, 300, 40, 90, 0.05, true, 0.0)
	f.Add("😀\u202e\x00", -5, 2000, 0, 0, 271, -3.0, false, 1e9)
	f.Fuzz(func(t *testing.T, text string, x0, y0, x1, y1, angle int, slope float64, rtl bool, size float64) {
		box := ocr.Box{X0: x0, Y0: y0, X1: x1, Y1: y1}
		line := ocr.Line{Box: box, Angle: angle, Size: size, Baseline: ocr.Baseline{Slope: slope}}
		want := 0
		for _, w := range strings.Fields(text) {
			line.Words = append(line.Words, ocr.Word{Text: w, Box: box})
			want += len(clean(w)) + 1
			if len(clean(w)) == 0 {
				want--
			}
		}
		page := ocr.Page{Width: 1000, Height: 1000, Blocks: []ocr.Block{{Paragraphs: []ocr.Paragraph{{RTL: rtl, Lines: []ocr.Line{line}}}}}}
		var enc Encoder
		ops := Operators(page, OnPage(1000, 1000, Box{X1: 500, Y1: 500}, angle), "T", &enc)
		s := content.NewScanner(ops)
		depth, shown := 0, 0
		for op, ok := s.Next(); ok; op, ok = s.Next() {
			switch op.Name {
			case "q", "BT":
				depth++
			case "Q", "ET":
				depth--
			case "Tj":
				shown += op.Bytes()
			case "cm", "Tr", "Tf", "Td", "Tm", "Tz":
			default:
				t.Fatalf("operator %q in %q", op.Name, ops)
			}
		}
		if depth != 0 || shown != 2*want {
			t.Fatalf("%d levels open, %d bytes shown, want 0 and %d in %q", depth, shown, 2*want, ops)
		}
	})
}
