package ocr

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// letter is a page as Tesseract 5.3 describes it: two paragraphs, one of them
// right to left, and a line that runs up the margin.
const letter = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head><title></title><meta name='ocr-system' content='tesseract 5.3.0' /></head>
 <body>
  <div class='ocr_page' id='page_1' title='image "a > b.tif"; bbox 0 0 600 800; ppageno 0; scan_res 150 150'>
   <div class='ocr_photo' id='block_1_1' title="bbox 76 4 144 15"></div>
   <div class='ocr_carea' id='block_1_2' title="bbox 50 100 300 160">
    <p class='ocr_par' id='par_1_1' lang='eng' title="bbox 50 100 300 160">
     <span class='ocr_header' id='line_1_1' title="bbox 50 100 300 125; baseline 0.01 -5; x_size 25.5; x_descenders 5; x_ascenders 6">
      <span class='ocrx_word' id='word_1_1' title='bbox 50 100 120 125; x_wconf 96'>Rock</span>
      <span class='ocrx_word' id='word_1_2' title='bbox 130 100 150 120; x_wconf 91'>&amp;</span>
      <span class='ocrx_word' id='word_1_3' lang='deu' title='bbox 160 100 300 120; x_wconf 80'><strong>R&#39;öll</strong></span>
     </span>
     <span class='ocr_line' id='line_1_2' title="bbox 50 140 200 160; baseline 0 0; x_size 20">
      <span class='ocrx_word' id='word_1_4' title='bbox 50 140 200 160; x_wconf 50'>&lt;b&gt;</span>
     </span>
    </p>
    <p class='ocr_par' id='par_1_2' lang='heb' dir='rtl' title="bbox 60 200 90 220">
     <span class='ocr_line' id='line_1_3' title="bbox 60 200 90 220; baseline 0 -2">
      <span class='ocrx_word' id='word_1_5' title='bbox 60 200 90 220; x_wconf 70'>שלום</span>
     </span>
    </p>
   </div>
   <div class='ocr_carea' id='block_1_3' title="bbox 10 300 40 700">
    <p class='ocr_par' id='par_1_3' lang='eng' title="bbox 10 300 40 700">
     <span class='ocr_line' id='line_1_4' title="bbox 10 300 40 700; textangle 90; x_size 30; x_descenders 7; x_ascenders 8">
      <span class='ocrx_word' id='word_1_6' title='bbox 10 500 40 700; x_wconf 60'>Archive</span>
      <span class='ocrx_word' id='word_1_7' title='bbox 10 300 40 480; x_wconf 61'>copy</span>
     </span>
    </p>
   </div>
  </div>
 </body>
</html>`

// letterPage is what letter says.
func letterPage() Page {
	return Page{Width: 600, Height: 800, DPI: 150, Lang: "eng", Blocks: []Block{
		{Box: Box{50, 100, 300, 220}, Paragraphs: []Paragraph{
			{Box: Box{50, 100, 300, 160}, Lang: "eng", Lines: []Line{
				{Box: Box{50, 100, 300, 125}, Baseline: Baseline{0.01, -5}, Size: 25.5, Descent: 5, Ascent: 6, Words: []Word{
					{"Rock", Box{50, 100, 120, 125}, 96, ""},
					{"&", Box{130, 100, 150, 120}, 91, ""},
					{"R'öll", Box{160, 100, 300, 120}, 80, "deu"},
				}},
				{Box: Box{50, 140, 200, 160}, Size: 20, Words: []Word{{"<b>", Box{50, 140, 200, 160}, 50, ""}}},
			}},
			{Box: Box{60, 200, 90, 220}, RTL: true, Lang: "heb", Lines: []Line{
				{Box: Box{60, 200, 90, 220}, Baseline: Baseline{0, -2}, Words: []Word{{"שלום", Box{60, 200, 90, 220}, 70, ""}}},
			}},
		}},
		{Box: Box{10, 300, 40, 700}, Paragraphs: []Paragraph{
			{Box: Box{10, 300, 40, 700}, Lang: "eng", Lines: []Line{
				{Box: Box{10, 300, 40, 700}, Baseline: Baseline{0, -7}, Angle: 90, Size: 30, Descent: 7, Ascent: 8, Words: []Word{
					{"Archive", Box{10, 500, 40, 700}, 60, ""},
					{"copy", Box{10, 300, 40, 480}, 61, ""},
				}},
			}},
		}},
	}}
}

func parse(t *testing.T, s string) Page {
	t.Helper()
	p, err := ParseHOCR(strings.NewReader(s))
	if err != nil {
		t.Fatalf("ParseHOCR: %v", err)
	}
	return p
}

func TestParseHOCRKeepsEverythingTheEngineSays(t *testing.T) {
	if got, want := parse(t, letter), letterPage(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestWrittenHOCRReadsBackTheSame(t *testing.T) {
	want := letterPage()
	var b bytes.Buffer
	if err := want.WriteHOCR(&b, 7); err != nil {
		t.Fatal(err)
	}
	if got := parse(t, b.String()); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\nfrom %s", got, want, b.String())
	}
	for _, id := range []string{`id="page_7"`, `ppageno 6`, `id="word_7_7"`, `id="line_7_4"`} {
		if !strings.Contains(b.String(), id) {
			t.Errorf("page 7 has no %s:\n%s", id, b.String())
		}
	}
}

func TestParseHOCRMendsWhatIsAmiss(t *testing.T) {
	const page = `<div class=ocr_page title="bbox 0 0 100 50">%s</div>`
	word := func(text string, b Box) Line { return Line{Box: b, Words: []Word{{Text: text, Box: b}}} }
	for _, c := range []struct {
		name, in string
		want     []Line
	}{
		{"box leaves the page", `<span class=ocr_line><span class="ocrx_word" title="bbox -5 10 200 20">a</span></span>`,
			[]Line{word("a", Box{0, 10, 100, 20})}},
		{"box without area", `<span class=ocr_line><span class="ocrx_word" title="bbox 30 10 30 20">a</span></span>`,
			[]Line{word("a", Box{30, 10, 31, 20})}},
		{"box beyond the page", `<span class="ocrx_word" title="bbox 300 100 310 120">a</span>`,
			[]Line{word("a", Box{99, 49, 100, 50})}},
		{"word outside a line", `<span class="ocrx_word" title="bbox 1 2 3 4">a</span>`,
			[]Line{word("a", Box{1, 2, 3, 4})}},
		{"word without an end", `<span class="ocrx_word" title="bbox 1 2 3 4">a<span class="ocrx_word" title="bbox 5 2 7 4">b`,
			[]Line{{Box: Box{1, 2, 7, 4}, Words: []Word{{Text: "a", Box: Box{1, 2, 3, 4}}, {Text: "b", Box: Box{5, 2, 7, 4}}}}}},
		{"empty word", `<span class="ocrx_word" title="bbox 1 2 3 4"> </span>`, nil},
		{"control characters", "<span class=\"ocrx_word\" title=\"bbox 1 2 3 4\">a\x01&#7;b\xff\n</span>",
			[]Line{word("ab", Box{1, 2, 3, 4})}},
		{"numbers that are none", `<span class=ocr_line title="bbox x 2; baseline NaN -Inf; x_size 1e999"><span class="ocrx_word" title="bbox 1 2 3 4; x_wconf 1e5">a</span></span>`,
			[]Line{{Box: Box{1, 2, 3, 4}, Words: []Word{{Text: "a", Box: Box{1, 2, 3, 4}, Confidence: 100}}}}},
		{"baseline below the line", `<span class=ocr_line title="bbox 1 2 9 4; baseline 0.1 3"><span class="ocrx_word" title="bbox 1 2 3 4">a</span></span>`,
			[]Line{{Box: Box{1, 2, 9, 4}, Baseline: Baseline{0.1, 0}, Words: []Word{{Text: "a", Box: Box{1, 2, 3, 4}}}}}},
		{"line that runs down without saying so", `<span class=ocr_line title="bbox 1 2 9 40; baseline 625 -625; x_descenders 2">
			<span class="ocrx_word" title="bbox 1 2 9 20">a</span><span class="ocrx_word" title="bbox 1 22 9 40">b</span></span>`,
			[]Line{{Box: Box{1, 2, 9, 40}, Angle: 270, Baseline: Baseline{0, -2}, Descent: 2, Words: []Word{
				{Text: "a", Box: Box{1, 2, 9, 20}}, {Text: "b", Box: Box{1, 22, 9, 40}}}}}},
		{"line that runs up without saying so", `<span class=ocr_line title="bbox 1 2 9 40">
			<span class="ocrx_word" title="bbox 1 22 9 40">a</span><span class="ocrx_word" title="bbox 1 2 9 20">b</span></span>`,
			[]Line{{Box: Box{1, 2, 9, 40}, Angle: 90, Words: []Word{
				{Text: "a", Box: Box{1, 22, 9, 40}}, {Text: "b", Box: Box{1, 2, 9, 20}}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := parse(t, fmt.Sprintf(page, c.in))
			var got []Line
			for l := range p.Lines() {
				got = append(got, *l)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if err := p.Validate(); err != nil {
				t.Errorf("the page is not valid: %v", err)
			}
		})
	}
}

const oddWord = `<div class=ocr_page title="bbox 0 0 9 9"><span class=ocrx_word title="bbox 1 1 2 2">`

// oddWords are words at the edge of what the markup and the bounds allow.
func oddWords() []string {
	return []string{
		"a\uFFFEb", "&#xFFFF;", "a&#xFFFE;",
		strings.Repeat(`"`, 700), strings.Repeat(`"`, MaxWordSize+1), strings.Repeat("&#x0027;", MaxWordSize),
		strings.Repeat("a", MaxWordSize-1) + "<b> bbb", strings.Repeat("ü ", MaxWordSize),
	}
}

func TestOddWordsAreWrittenAsTheyWereRead(t *testing.T) {
	for _, text := range oddWords() {
		p := parse(t, oddWord+text)
		if err := p.Validate(); err != nil {
			t.Errorf("%.20q: %v", text, err)
		}
		var b bytes.Buffer
		if err := p.WriteHOCR(&b, 1); err != nil {
			t.Fatal(err)
		}
		if got, want := parse(t, b.String()).Text(), p.Text(); got != want {
			t.Errorf("%.20q: read again it has %d bytes, %.20q…, want %d, %.20q…", text, len(got), got, len(want), want)
		}
	}
}

func TestParseHOCRRefusesWhatIsNotOnePage(t *testing.T) {
	page := `<div class="ocr_page" title="bbox 0 0 10 10"></div>`
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "", "no page"},
		{"plain text", "Dear Sir", "no page"},
		{"two pages", page + page, "more than one page"},
		{"no size", `<div class="ocr_page"></div>`, "no size"},
		{"negative size", `<div class="ocr_page" title="bbox 0 0 -7 10"></div>`, "no size"},
		{"too many words", `<div class="ocr_page" title="bbox 0 0 10 10">` + strings.Repeat(`<span class="ocrx_word">a</span>`, MaxWords+1), "more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseHOCR(strings.NewReader(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error about %q", err, c.want)
			}
		})
	}
}

func TestParseHOCRBoundsItsInput(t *testing.T) {
	endless := strings.NewReader(strings.Repeat("<", maxHOCR+1))
	if _, err := ParseHOCR(endless); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v, want an error about the length", err)
	}
}

// densePage is hOCR of some 80 KB with 700 words.
func densePage() string {
	var b strings.Builder
	b.WriteString(`<div class='ocr_page' id='page_1' title='image "unknown"; bbox 0 0 2480 3508; ppageno 0; scan_res 300 300'>` +
		`<div class='ocr_carea' id='block_1_1' title="bbox 0 0 2480 3508"><p class='ocr_par' id='par_1_1' lang='eng' title="bbox 0 0 2480 3508">`)
	for line := range 70 {
		y := 50 * line
		fmt.Fprintf(&b, "\n     <span class='ocr_line' id='line_1_%d' title=\"bbox 100 %d 2400 %d; baseline 0.002 -10; x_size 40.25; x_descenders 8; x_ascenders 13\">", line, y, y+40)
		for word := range 10 {
			x := 100 + 230*word
			fmt.Fprintf(&b, "\n      <span class='ocrx_word' id='word_1_%d' title='bbox %d %d %d %d; x_wconf 96'>minutes</span>", 10*line+word, x, y, x+200, y+40)
		}
		b.WriteString("\n     </span>")
	}
	b.WriteString("</p></div></div>")
	return b.String()
}

func BenchmarkParseHOCR(b *testing.B) {
	in := densePage()
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseHOCR(strings.NewReader(in)); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzParseHOCR(f *testing.F) {
	f.Add([]byte(letter))
	f.Add([]byte(`<div class=ocr_page title="bbox 0 0 9 9; scan_res 1e9 -1"><p class=ocr_par dir=rtl lang="a&#0;b"><!-- x --><br><span class=ocrx_word title='bbox 9 9 1 1'>&lt;`))
	f.Add([]byte(`<div class=ocr_page title="bbox 0 0 9 9"></p></p><span class=ocr_line title="textangle -90; baseline 9 9"><span class=ocrx_word>a</span>`))
	for _, text := range oddWords() {
		f.Add([]byte(oddWord + text))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := ParseHOCR(bytes.NewReader(in))
		if err != nil {
			return
		}
		if err := p.Validate(); err != nil {
			t.Fatalf("a page that was read is not valid: %v", err)
		}
		var b bytes.Buffer
		if err := p.WriteHOCR(&b, 1); err != nil {
			t.Fatal(err)
		}
		again, err := ParseHOCR(&b)
		if err != nil {
			t.Fatalf("written hOCR cannot be read: %v", err)
		}
		if got, want := again.Text(), p.Text(); got != want {
			t.Fatalf("text changed by writing: got %q, want %q", got, want)
		}
	})
}
