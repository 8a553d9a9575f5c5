package source

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestSoleImageIsFound(t *testing.T) {
	const at = "100 0 0 200 0 0 cm /I Do"
	for _, c := range []struct {
		name, content, entries string
		want                   string
	}{
		{"plain", at, gray, "orient 1, 7 x 7 dpi, exact true"},
		{"one per cent beside", "99 0 0 199 1 0 cm /I Do", gray, "orient 1, 7 x 7 dpi, exact true"},
		{"five per cent beside", "100 0 0 200 5 0 cm /I Do", gray, ""},
		{"beyond the page", "110 0 0 220 -5 -10 cm /I Do", gray, ""},
		{"upside down", "-100 0 0 -200 100 200 cm /I Do", gray, "orient 3, 7 x 7 dpi, exact true"},
		{"mirrored", "-100 0 0 200 100 0 cm /I Do", gray, "orient 2, 7 x 7 dpi, exact true"},
		{"lying", "0 -200 100 0 0 200 cm /I Do", gray, "orient 6, 14 x 4 dpi, exact true"},
		{"askew", "99 5 -5 199 0 0 cm /I Do", gray, ""},
		{"twice", at + " " + "/I Do", gray, ""},
		{"with text", at + " BT (x) Tj ET", gray, ""},
		{"with a line", "0 0 9 9 re f " + at, gray, ""},
		{"soft mask", at, gray + "/SMask 5 0 R", ""},
		{"stencil", at, "/ImageMask true", ""},
		{"profile", at, "/ColorSpace[/CalGray<<>>]", "orient 1, 7 x 7 dpi, exact false"},
		{"palette", at, "/ColorSpace[/Indexed/DeviceRGB 1<000000FFFFFF>]", "orient 1, 7 x 7 dpi, exact false"},
		{"spot colour", at, "/ColorSpace[/Separation/Gold/DeviceCMYK 5 0 R]", ""},
		{"inverted", at, gray + "/Decode[1 0]", "orient 1, 7 x 7 dpi, exact true"},
		{"posterised", at, gray + "/Decode[0.5 1]", "orient 1, 7 x 7 dpi, exact false"},
	} {
		f := picture(t, c.content, c.entries)
		got := ""
		if s, ok := f.Sole(f.Pages[0], marks(t, f, 1)); ok {
			got = fmt.Sprintf("orient %d, %.0f x %.0f dpi, exact %v", s.Orient, s.XDPI, s.YDPI, s.Exact)
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestDocumentsThatWouldLoseSomethingAreTold(t *testing.T) {
	xmp := func(inside string) string {
		return sourcetest.Stream("/Type/Metadata/Subtype/XML", `<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"><rdf:Description>`+inside+`</rdf:Description></rdf:RDF></x:xmpmeta>`)
	}
	for _, c := range []struct {
		name, catalog, page, trailer, fifth string
		want                                bool
	}{
		{"images only", "", "", "", "null", true},
		{"outline", "/Outlines 5 0 R", "", "", "<</Type/Outlines/First 5 0 R>>", false},
		{"empty outline", "/Outlines 5 0 R", "", "", "<</Type/Outlines/Count 0>>", true},
		{"link", "", "/Annots[5 0 R]", "", "<</Type/Annot/Subtype/Link>>", false},
		{"no links", "", "/Annots[]", "", "null", true},
		{"form", "/AcroForm 5 0 R", "", "", "<</Fields[3 0 R]>>", false},
		{"empty form", "/AcroForm 5 0 R", "", "", "<</Fields[]/DA(x)>>", true},
		{"attachment", "/Names 5 0 R", "", "", "<</EmbeddedFiles<</Names[(a)3 0 R]>>>>", false},
		{"script", "/OpenAction 5 0 R", "", "", "<</S/JavaScript/JS(x)>>", false},
		{"layers", "/OCProperties 5 0 R", "", "", "<</OCGs[3 0 R]>>", false},
		{"tags", "/StructTreeRoot 5 0 R", "", "", "<</Type/StructTreeRoot>>", false},
		{"labels", "/PageLabels 5 0 R", "", "", "<</Nums[0 3 0 R]>>", false},
		{"title", "", "", "/Info 5 0 R", "<</Title(Invoice)>>", false},
		{"only a producer", "", "", "/Info 5 0 R", "<</Producer(Scanner)/Title()/CreationDate(D:2020)>>", true},
		{"title in metadata", "/Metadata 5 0 R", "", "", xmp("<dc:title><rdf:Alt><rdf:li>Invoice</rdf:li></rdf:Alt></dc:title>"), false},
		{"only a tool in metadata", "/Metadata 5 0 R", "", "", xmp("<xmp:CreatorTool>Scanner</xmp:CreatorTool><dc:title><rdf:Alt><rdf:li/></rdf:Alt></dc:title>"), true},
		{"broken metadata", "/Metadata 5 0 R", "", "", xmp("<"), false},
		{"user unit", "", "/UserUnit 2", "", "null", false},
	} {
		o := sourcetest.One("/MediaBox[0 0 9 9]"+c.page, "", c.fifth)
		o[0] = "<</Type/Catalog/Pages 2 0 R" + c.catalog + ">>"
		if got := open(t, sourcetest.File(t, c.trailer, o...)).OnlyPages(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestSignatureIsSeen(t *testing.T) {
	for form, want := range map[string]bool{
		"<</Fields[<</FT/Sig/V 6 0 R>>]>>":                                      true,
		"<</Fields[<</FT/Sig/Kids[<</V 6 0 R>>]>>]>>":                           true,
		"<</Fields[<</FT/Sig>>]/SigFlags 3>>":                                   false,
		"<</Fields[<</FT/Tx/V(x)>>]>>":                                          false,
		"<</Fields[7 0 R]>>":                                                    false,
		"<</Fields " + strings.Repeat("[", 50) + strings.Repeat("]", 50) + ">>": false,
	} {
		o := sourcetest.One("/MediaBox[0 0 9 9]", "", form, "<</Type/Sig>>", "<</Kids[7 0 R 7 0 R]>>")
		o[0] = "<</Type/Catalog/Pages 2 0 R/AcroForm 5 0 R>>"
		if got := open(t, sourcetest.File(t, "", o...)).Signed(); got != want {
			t.Errorf("%.60s: got %v, want %v", form, got, want)
		}
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	locked := sourcetest.QPDF(t, sourcetest.File(t, "/ID[<01><02>]", sourcetest.One("/MediaBox[0 0 9 9]", "")...), "--encrypt", "user", "owner", "256", "--")
	form := sourcetest.One("/MediaBox[0 0 9 9]", "")
	form[0] = "<</Type/Catalog/Pages 2 0 R/NeedsRendering true>>"
	for name, c := range map[string]struct{ path, password, code string }{
		"password needed": {locked, "", "encrypted"},
		"wrong password":  {locked, "guess", "encrypted"},
		"right password":  {locked, "user", ""},
		"dynamic form":    {sourcetest.File(t, "", form...), "", "dynamic-form"},
		"no PDF":          {sourcetest.Write(t, []byte("\x89PNG\r\n\x1a\n")), "", "damaged"},
		"cut off":         {sourcetest.Write(t, []byte("%PDF-1.4\n1 0 obj\n<</Type")), "", "damaged"},
		"empty":           {sourcetest.Write(t, nil), "", "damaged"},
	} {
		_, err := Open(context.Background(), c.path, Options{Password: c.password, Scratch: t.TempDir()})
		var refused *sdk.Error
		switch {
		case c.code == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.code != "" && (!errors.As(err, &refused) || refused.Code != c.code || refused.Remedy == "" || refused.Temporary):
			t.Errorf("%s: got %v, want a refusal %s with a remedy", name, err, c.code)
		}
	}
}

func TestOrientationTurnsTheStoredImage(t *testing.T) {
	type placement struct {
		m      Matrix
		rotate int
	}
	for p, want := range map[placement]int{
		{Matrix{A: 1, D: 1}, 0}: 1, {Matrix{A: 1, D: 1}, 90}: 6, {Matrix{A: 1, D: 1}, 180}: 3, {Matrix{A: 1, D: 1}, 270}: 8,
		{Matrix{A: -1, D: 1}, 0}: 2, {Matrix{A: 1, D: -1}, 0}: 4, {Matrix{B: 1, C: -1}, 90}: 1, {Matrix{B: -1, C: 1}, 0}: 6,
		{Matrix{B: 1, C: 1}, 0}: 7, {Matrix{B: -1, C: -1}, 0}: 5, {Matrix{A: 1, B: 1, C: 1, D: 1}, 0}: 0,
	} {
		if got := p.m.orientation(p.rotate); got != want {
			t.Errorf("%+v: got %d, want %d", p, got, want)
		}
	}
}

func TestStreamsDecodeWithinLimits(t *testing.T) {
	f := open(t, sourcetest.File(t, "", sourcetest.One("/MediaBox[0 0 9 9]", "", sourcetest.Deflated("", strings.Repeat("a", 1<<20)))...))
	s, ok := f.Stream(f.PDF.Table[5].Object)
	if !ok {
		t.Fatal("object 5 is no stream")
	}
	if b, err := f.Decode(s, 1<<20); err != nil || len(b) != 1<<20 {
		t.Errorf("got %d bytes and %v, want all", len(b), err)
	}
	if _, err := f.Decode(s, 1<<20-1); !errors.Is(err, ErrTooBig) {
		t.Errorf("got %v, want %v", err, ErrTooBig)
	}
	s.Raw = s.Raw[:len(s.Raw)-20]
	if b, err := f.Decode(s, 1<<20); err != nil || len(b) == 0 {
		t.Errorf("a stream that breaks off: got %d bytes and %v, want its beginning", len(b), err)
	}
}

// FuzzMarks holds that no content makes the walk fail or give nonsense.
func FuzzMarks(f *testing.F) {
	doc := picture(f, "", gray)
	for _, s := range []string{"q 100 0 0 200 0 0 cm /I Do Q", "/F Do /Self Do", "1e9 0 0 1e9 0 0 cm 0 0 9 9 re W n /I Do", "BT /Two 1 Tf <41> Tj ET", "BI ID x EI"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := &marker{f: doc, ctx: context.Background(), page: doc.Pages[0], bytes: 1 << 20, ops: 1 << 16}
		w.run([]byte(body), doc.Pages[0].Resources, state{matrix: identity, clip: doc.Pages[0].Box}, 0)
		if c := w.marks.Coverage(doc.Pages[0]); math.IsNaN(c) || c < 0 || c > 1 {
			t.Fatalf("coverage %v", c)
		}
		if s, ok := doc.Sole(doc.Pages[0], w.marks); ok && (math.IsNaN(s.XDPI) || s.XDPI <= 0 || s.YDPI <= 0) {
			t.Fatalf("resolution %v x %v", s.XDPI, s.YDPI)
		}
	})
}

// FuzzJPEG holds that no bytes make the marker reader fail.
func FuzzJPEG(f *testing.F) {
	f.Add([]byte("\xFF\xD8\xFF\xC0\x00\x11\x08\x00\x10\x00\x20\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if info, ok := parseJPEG(b); ok && (info.width <= 0 || info.height <= 0) {
			t.Fatalf("%+v", info)
		}
	})
}
