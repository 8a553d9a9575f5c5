package ocr

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

// asJSON is what encoding/json makes of a page.
func asJSON(t testing.TB, p Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dense is a page of 700 words as the engine gives it.
func dense(t testing.TB) Page {
	t.Helper()
	p, err := ParseHOCR(strings.NewReader(densePage()))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func odd() []Page {
	word := func(texts ...string) []Word {
		var words []Word
		for _, s := range texts {
			words = append(words, Word{Text: s, Box: Box{1, 2, 3, 4}, Confidence: 93.5, Lang: s})
		}
		return words
	}
	line := Line{Box: Box{-1, 0, 5, 6}, Baseline: Baseline{-0.0078125, math.Copysign(0, -1)}, Angle: 270, Size: 40.25, Descent: 1e-7, Ascent: 12}
	line.Words = word("a", `"q"`, `back\\slash`, "<b>&amp;", "\u2028", "\x7f", "Grüße", "κόσμε", "\xff", "\t", "eng", "eng", "")
	return []Page{
		{},
		{Width: 7, Height: -3, DPI: 300, Blocks: []Block{}},
		{Width: 7, Height: 3, DPI: 1e22, Lang: "eng", Engine: `t "5"`, Blocks: []Block{{}, {Paragraphs: []Paragraph{}}}},
		{DPI: 0.1 + 0.2, Blocks: []Block{{Paragraphs: []Paragraph{{RTL: true, Lang: `a"b`}, {Lines: []Line{}, Lang: `a"b`}}}}},
		{DPI: 299.99999999999994, Blocks: []Block{{Box: Box{1, 2, 3, 4}, Paragraphs: []Paragraph{{Lines: []Line{line, {Words: []Word{}}, line}}}}}},
	}
}

// The form of a page does not depend on who writes and reads it.
func TestAPageIsWrittenAndReadAsEncodingJSONDoes(t *testing.T) {
	line := Line{Baseline: Baseline{0.002, -10.5}, Size: 40.25, Words: []Word{{Text: "a<b", Confidence: 96.04}}}
	plain := Page{Width: 9, Height: 9, Blocks: []Block{{Paragraphs: []Paragraph{{Lines: []Line{line}}}}}}
	for i, p := range append(odd(), dense(t), plain) {
		want := asJSON(t, p)
		var got bytes.Buffer
		if err := p.Encode(&got); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Errorf("page %d: wrote %s, %v; want %s", i, got.Bytes(), err, want)
		}
		sameReading(t, want)
	}
}

// What is not a page in the usual form is read, or refused, as encoding/json does.
func TestOtherJSONIsReadAsEncodingJSONDoes(t *testing.T) {
	usual := string(asJSON(t, odd()[2]))
	for _, in := range []string{
		"", "{", "null", "[]", usual + "x", usual + usual, usual[:len(usual)-3], " " + usual,
		`{"h":3,"w":7,"new":[1]}`, `{"w":07,"h":3,"dpi":1,"blocks":[]}`, `{"w":1,"h":3,"dpi":1.,"blocks":[]}`,
		`{"w":1,"h":3,"dpi":.5,"blocks":[]}`, `{"w":1,"h":3,"dpi":1e2,"blocks":[]}`, `{"w":1.5,"h":3,"dpi":1,"blocks":[]}`,
		`{"w":1,"h":3,"dpi":-,"blocks":[]}`, `{"w":1,"h":3,"dpi":-0,"blocks":[]}`, `{"w":1,"h":3,"dpi":1,"blocks":[{}]}`,
		`{"w":1,"h":3,"dpi":1,"blocks":[,]}`, `{"w":1,"h":3,"dpi":1,"lang":"a\u0022","engine":"a\\","blocks":null}`,
		`{"w":1,"h":3,"dpi":1,"lang":"","blocks":[]}`, `{"w":99999999999999999999,"h":3,"dpi":1,"blocks":[]}`,
		`{"w":1,"h":3,"dpi":12345678901234567890.123456789,"blocks":[]}`,
	} {
		sameReading(t, []byte(in))
	}
}

func sameReading(t *testing.T, in []byte) {
	t.Helper()
	var got, want Page
	err, wantErr := unmarshal(in, &got), json.Unmarshal(in, &want)
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v, %v\nwant %+v, %v", in, got, err, want, wantErr)
	}
}

// The quick reader must not hand the usual pages on to the slow one.
func TestTheUsualPageIsReadQuickly(t *testing.T) {
	r := reader{rest: asJSON(t, dense(t))}
	if _, ok := r.document(); !ok {
		t.Errorf("stopped before %.80q", r.rest)
	}
	page := dense(t)
	for line := range page.Lines() { // what scaling makes of round numbers
		line.Size, line.Ascent, line.Baseline.Offset = line.Size/3, line.Ascent*0.7, -line.Ascent/7
	}
	r = reader{rest: asJSON(t, page)}
	if got, ok := r.document(); !ok || !reflect.DeepEqual(got, page) {
		t.Errorf("after scaling: stopped before %.80q", r.rest)
	}
	if _, ok := appendPage(nil, dense(t)); !ok {
		t.Error("not written quickly")
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, p := range odd() {
		f.Add(asJSON(f, p))
	}
	f.Add(asJSON(f, dense(f)))
	f.Fuzz(func(t *testing.T, in []byte) {
		sameReading(t, in)
		var p Page
		if json.Unmarshal(in, &p) != nil {
			return
		}
		var got bytes.Buffer
		if err := p.Encode(&got); err != nil || !bytes.Equal(got.Bytes(), asJSON(t, p)) {
			t.Errorf("wrote %s, %v; want %s", got.Bytes(), err, asJSON(t, p))
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	in := asJSON(b, dense(b))
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(bytes.NewReader(in), MaxJSON); err != nil {
			b.Fatal(err)
		}
	}
}
