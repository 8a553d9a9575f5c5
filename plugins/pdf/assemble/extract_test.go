package assemble

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/readers"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// pages reads a document with poppler, PDFium and pdf.js.
func pages(t *testing.T, path string) map[readers.Reader][]string {
	t.Helper()
	texts, err := readers.Texts(t.Context(), path)
	if errors.Is(err, readers.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// wantAll holds what each reader finds on the first page against the words. Readers
// in unordered need only find them in any order.
func wantAll(t *testing.T, path string, want []string, share float64, rtl bool, unordered ...readers.Reader) {
	t.Helper()
	for reader, text := range pages(t, path) {
		if rtl && reader == readers.PopplerRaw {
			continue // it leaves right-to-left text as it stands
		}
		found := strings.Fields(text[0])
		wanted, got := joined(plain(want)), joined(plain(found))
		n := inOrder(wanted, got)
		if slices.Contains(unordered, reader) {
			all := strings.Join(append(plain(found), got...), " ")
			n = 0
			for _, w := range wanted {
				if strings.Contains(all, w) || !slices.Contains(plain(want), w) { // a joined word lies in two columns
					n++
				}
			}
		}
		t.Logf("%s: %s %.100q", reader, percent(n, len(wanted)), lost(wanted, got))
		if float64(n) < share*float64(len(wanted)) {
			t.Errorf("%s finds %s, want %.0f %%\nlost: %.300q", reader, percent(n, len(wanted)), 100*share, lost(wanted, got))
		}
	}
}

// plain takes the marks out that readers add, and ligatures apart, as PDFium and
// pdf.js do.
func plain(words []string) (out []string) {
	for _, w := range words {
		w = strings.NewReplacer("\u00AD", "", "\u0002", "", "\uFFFE", "", // PDFium's marks for a join
			"\u202A", "", "\u202B", "", "\u202C", "", "\u200E", "", "\u200F", "").Replace(w) // poppler's for a direction
		out = append(out, norm.NFKC.String(w))
	}
	return out
}

// joined joins words that are broken at the end of a line, as PDFium does.
func joined(words []string) (out []string) {
	for _, w := range words {
		if n := len(out); n > 0 && strings.HasSuffix(out[n-1], "-") && len(out[n-1]) > 1 {
			out[n-1] = strings.TrimSuffix(out[n-1], "-") + w
			continue
		}
		out = append(out, w)
	}
	return out
}

func lost(want, got []string) (out []string) {
	for _, w := range want {
		if !slices.Contains(got, w) {
			out = append(out, w)
		}
	}
	return out
}

func TestReadersFindTheWordsOfRealPages(t *testing.T) {
	for _, tt := range []struct{ name, lang string }{
		{"eng-magazine-8087_054-g4.tif", "eng"}, {"eng-typed-report-2col.jpg", "eng"}, {"eng-brochure-2col.png", "eng"},
		{"grc-polytonic-zonaras-0030.tif", "grc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			path := shared.File(t, "scans-with-truth/"+tt.name)
			text := recognized(t, path, tt.lang)
			got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{b.page(path, 300, &text)}})
			wantAll(t, got["pdf"], words(text), 0.99, false, readers.Poppler) // which has its own mind about columns
		})
	}
}

// typeset lays words out as lines of a page of 2480 × 3508 pixels, 300 dpi: eight
// words a line, each letter 22 pixels wide. tilt is the angle of the lines in degrees,
// turn the hOCR angle of their text.
func typeset(tilt float64, turn int, rtl bool, words ...string) ocr.Page {
	const perLine, letter, size, gap, leading = 8, 22, 44, 18, 90
	slope := math.Tan(tilt * math.Pi / 180)
	page := ocr.Page{Width: 2480, Height: 3508, DPI: 300}
	par := ocr.Paragraph{RTL: rtl}
	for row := 0; len(words) > 0; row++ {
		n := min(perLine, len(words))
		par.Lines = append(par.Lines, lay(page, words[:n], row, slope, turn, rtl, letter, size, gap, leading))
		words = words[n:]
	}
	par.Box = ocr.Box{X1: page.Width, Y1: page.Height}
	page.Blocks = []ocr.Block{{Box: par.Box, Paragraphs: []ocr.Paragraph{par}}}
	return page
}

func lay(page ocr.Page, words []string, row int, slope float64, turn int, rtl bool, letter, size, gap, leading int) ocr.Line {
	line := ocr.Line{Size: float64(size), Angle: turn, Descent: 10, Ascent: 10, Baseline: ocr.Baseline{Slope: slope}}
	along := 200
	for _, w := range words {
		width := letter * len([]rune(w))
		at := along
		if rtl {
			at = page.Width - along - width
		}
		drop := int(slope * float64(at))
		top := 400 + row*leading + drop
		line.Words = append(line.Words, ocr.Word{Text: w, Confidence: 90, Box: turned(page, turn, ocr.Box{X0: at, Y0: top - size + 10, X1: at + width, Y1: top})})
		along += width + gap
	}
	line.Box = line.Words[0].Box
	for _, w := range line.Words {
		line.Box.X0, line.Box.Y0 = min(line.Box.X0, w.Box.X0), min(line.Box.Y0, w.Box.Y0)
		line.Box.X1, line.Box.Y1 = max(line.Box.X1, w.Box.X1), max(line.Box.Y1, w.Box.Y1)
	}
	// The baseline at the left edge of the line, relative to the lower one.
	line.Baseline.Offset = min(0, -math.Abs(slope)*float64(line.Box.X1-line.Box.X0))
	if slope < 0 {
		line.Baseline.Offset = 0
	}
	if turn != 0 {
		line.Baseline = ocr.Baseline{}
	}
	return line
}

// turned lays a box of upright text onto the page as text that runs at an angle.
func turned(page ocr.Page, angle int, b ocr.Box) ocr.Box {
	switch angle {
	case 90:
		return ocr.Box{X0: b.Y0, Y0: page.Width - b.X1, X1: b.Y1, Y1: page.Width - b.X0}
	case 180:
		return ocr.Box{X0: page.Width - b.X1, Y0: page.Height - b.Y1, X1: page.Width - b.X0, Y1: page.Height - b.Y0}
	case 270:
		return ocr.Box{X0: page.Width - b.Y1, Y0: b.X0, X1: page.Width - b.Y0, Y1: b.X1}
	}
	return b
}

// vocabulary gives n different words, among them some of one letter.
func vocabulary(n int) (out []string) {
	syllables := strings.Fields("ba ce di fo gu ha je ki lo mu na pe ri so tu")
	for i := range n {
		w := syllables[i%15] + syllables[i/15%15]
		for j := range (i*i + i/8) % 4 {
			w += syllables[(i*7+j)%15]
		}
		if i%11 == 3 {
			w = string("aIy7"[i%4])
		}
		out = append(out, w)
	}
	return out
}

func TestReadersFindWordsHoweverTheyLie(t *testing.T) {
	hebrew := strings.Fields("בראשית ברא אלהים את השמים ואת הארץ והארץ היתה תהו ובהו וחשך על פני תהום")
	arabic := strings.Fields("بسم الله الرحمن الرحيم الحمد لله رب العالمين مالك يوم الدين")
	// poppler's own order is not asked for where lines cross the page's rows.
	poppler := []readers.Reader{readers.Poppler}
	tests := []struct {
		name      string
		page      ocr.Page
		unordered []readers.Reader
		rtl       bool
	}{
		{"straight, with words of one letter", typeset(0, 0, false, vocabulary(160)...), nil, false},
		{"nearly straight", typeset(0.11, 0, false, vocabulary(160)...), nil, false}, // slope 0.002
		{"skewed by 3 degrees", typeset(3, 0, false, vocabulary(160)...), poppler, false},
		{"skewed by -5 degrees", typeset(-5, 0, false, vocabulary(160)...), poppler, false},
		{"running upwards", typeset(0, 90, false, vocabulary(120)...), poppler, false},
		{"upside down", typeset(0, 180, false, vocabulary(120)...), []readers.Reader{readers.PDFium}, false},
		{"running downwards", typeset(0, 270, false, vocabulary(120)...), nil, false},
		{"hebrew", typeset(0, 0, true, hebrew...), nil, true},
		{"hebrew with numbers", typeset(0, 0, true, append(slices.Clone(hebrew), "1948", "שלום", "PDF")...), nil, true},
		{"arabic", typeset(0, 0, true, arabic...), nil, true},
		{"skewed hebrew", typeset(2, 0, true, hebrew...), nil, true},
		{"chinese, japanese, korean", typeset(0, 0, false, "文書", "検索", "可能", "テキスト", "한국어", "문서", "中文", "扫描"), nil, false},
		{"beyond the basic plane", typeset(0, 0, false, "𝒜𝒷𝒸", "word", "😀", "𠀋𠀌", "end"), nil, false},
		{"accents, ligatures, greek", typeset(0, 0, false, "naïve", "e\u0301te\u0301", "ﬁn", "Ἀθηνᾶ", "ſo", "Straße", "(a\\b)", "\"q\""), nil, false},
		{"thai and devanagari", typeset(0, 0, false, "สวัสดี", "हिन्दी", "दस्तावेज़"), nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			white := b.write("white.pbm", fmt.Appendf(nil, "P4\n%d %d\n%s", tt.page.Width, tt.page.Height, make([]byte, (tt.page.Width+7)/8*tt.page.Height)))
			page := sdk.DocPage{Text: b.text("page.json", tt.page),
				Image: &sdk.PageImage{Image: sdk.File{Path: white}, Width: tt.page.Width, Height: tt.page.Height, XDPI: 300, YDPI: 300}}
			got, _ := b.assemble(sdk.Document{Pages: []sdk.DocPage{page}})
			conforms(t, got["pdf"])
			wantAll(t, got["pdf"], words(tt.page), 0.99, tt.rtl, tt.unordered...)
		})
	}
}
