package source

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(context.Background(), path, Options{Scratch: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func marks(t testing.TB, f *File, n int) Marks {
	t.Helper()
	m, err := f.Marks(context.Background(), f.Pages[n-1], NewBudget())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPagesInheritFromTheirTree(t *testing.T) {
	f := open(t, sourcetest.File(t, "", "<</Type/Catalog/Pages 2 0 R>>",
		"<</Type/Pages/Kids[3 0 R 4 0 R]/Count 3/MediaBox[0 0 100 200]/Rotate 90/Resources<</A 1>>>>",
		"<</Type/Pages/Kids[5 0 R 6 0 R]/CropBox[10 10 90 300]/UserUnit 3>>",
		"<</Type/Page/MediaBox[0 0 50 50]/Rotate -90>>",
		"<</Type/Page/Rotate 17>>",
		"<</Type/Page/Resources<</B 1>>/MediaBox[5 5 5 5]/UserUnit 2>>"))
	var got []string
	for _, p := range f.Pages {
		w, h := p.Size()
		_, a := p.Resources["A"]
		got = append(got, fmt.Sprintf("%d: %v rotated %d, %.0fx%.0f, A %v", p.Number, p.Box, p.Rotate, w, h, a))
	}
	want := []string{
		"1: {10 10 90 200} rotated 0, 80x190, A true",
		"2: {10 10 90 300} rotated 90, 580x160, A false",
		"3: {0 0 50 50} rotated 270, 50x50, A true",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestHostilePageTreesEnd(t *testing.T) {
	catalog := "<</Type/Catalog/Pages 2 0 R>>"
	page := "<</Type/Page/MediaBox[0 0 9 9]>>"
	deep := []string{catalog}
	for n := range 200 {
		deep = append(deep, fmt.Sprintf("<</Type/Pages/Kids[%d 0 R]/Count 1>>", n+3))
	}
	wide := "<</Type/Pages/Kids[" + strings.Repeat("3 0 R ", 20_000) + "]/Count 20000>>"
	for name, c := range map[string]struct {
		objects []string
		code    string
		pages   int
	}{
		"it contains itself":       {[]string{catalog, "<</Type/Pages/Kids[2 0 R]/Count 1>>"}, "damaged", 0},
		"it contains itself later": {[]string{catalog, "<</Type/Pages/Kids[3 0 R 4 0 R]/Count 1>>", "<</Type/Pages/Kids[2 0 R 3 0 R]/Count 1>>", page}, "", 1},
		"two hundred levels":       {append(deep, page), "damaged", 0},
		"twenty thousand pages":    {[]string{catalog, wide, page}, "over-limit", 0},
		"nothing in it":            {[]string{catalog, "<</Type/Pages/Kids[null 9 0 R (x)]/Count 1>>"}, "damaged", 0},
		"no catalog":               {[]string{"[]"}, "damaged", 0},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			f, err := Open(context.Background(), sourcetest.File(t, "", c.objects...), Options{Scratch: t.TempDir()})
			var refused *sdk.Error
			switch {
			case c.code == "" && (err != nil || len(f.Pages) != c.pages):
				t.Errorf("got %v, want %d pages", err, c.pages)
			case c.code != "" && (!errors.As(err, &refused) || refused.Code != c.code):
				t.Errorf("got %v, want a refusal with the code %s", err, c.code)
			}
			if d := time.Since(start); d > 10*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

const image = "/Type/XObject/Subtype/Image/Width 10/Height 20/BitsPerComponent 8"

// picture is a document with one page of 100 x 200 points that paints content;
// the resources have the image I, a form F with one more glyph and the font T.
func picture(t testing.TB, content, entries string) *File {
	t.Helper()
	page := "/MediaBox[0 0 100 200]/Resources<</XObject<</I 5 0 R/F 6 0 R/Self 7 0 R>>/Font<</T 8 0 R/Two 9 0 R>>/ExtGState<</Half<</ca 0.5>>/Plain<</ca 1/BM/Normal/SMask/None>>>>>>"
	return open(t, sourcetest.File(t, "", sourcetest.One(page, content,
		sourcetest.Stream(image+entries, strings.Repeat("x", 200)),
		sourcetest.Stream("/Type/XObject/Subtype/Form/BBox[0 0 100 200]/Matrix[2 0 0 2 0 0]/Resources<</Font<</T 8 0 R>>>>", "BT /T 1 Tf (f) Tj ET"),
		sourcetest.Stream("/Type/XObject/Subtype/Form/BBox[0 0 100 200]/Resources<</XObject<</Self 7 0 R>>>>", "/Self Do"),
		sourcetest.Helvetica, "<</Type/Font/Subtype/Type0>>")...))
}

const gray = "/ColorSpace/DeviceGray"

func TestMarksOfAPageAreCounted(t *testing.T) {
	const full = "q 100 0 0 200 0 0 cm /I Do Q "
	for content, want := range map[string]string{
		"":                                      "0 images, 0 visible, 0 hidden, 0 other, false",
		full:                                    "1 images, 0 visible, 0 hidden, 0 other, false",
		"BT /T 9 Tf (abc) Tj [(d) 5 (e)] TJ ET": "0 images, 5 visible, 0 hidden, 0 other, false",
		"BT /Two 9 Tf <00410042> Tj ET":         "0 images, 2 visible, 0 hidden, 0 other, false",
		"q 3 Tr BT /T 9 Tf (abc) ' ET Q BT (d) Tj ET":           "0 images, 1 visible, 3 hidden, 0 other, false",
		"BT (under) Tj ET " + full + "BT (on) Tj ET":            "1 images, 2 visible, 5 hidden, 0 other, false",
		"/Half gs BT (under) Tj ET " + full:                     "1 images, 5 visible, 0 hidden, 1 other, false",
		"/Plain gs " + full:                                     "1 images, 0 visible, 0 hidden, 0 other, false",
		"/F Do 3 Tr /F Do":                                      "0 images, 1 visible, 1 hidden, 0 other, false",
		"/Self Do":                                              "0 images, 0 visible, 0 hidden, 0 other, true",
		"0 0 9 9 re f 0 0 m 9 9 l S 0 0 9 9 re n":               "0 images, 0 visible, 0 hidden, 2 other, false",
		"0 0 100 200 re W n " + full:                            "1 images, 0 visible, 0 hidden, 0 other, false",
		"0 0 100 100 re W n " + full:                            "1 images, 0 visible, 0 hidden, 1 other, false",
		"0 0 m 100 200 l 100 0 l W n " + full:                   "1 images, 0 visible, 0 hidden, 1 other, false",
		"q 0 0 m 9 9 l 9 0 l W n Q " + full:                     "1 images, 0 visible, 0 hidden, 0 other, false",
		"/OC /L BDC " + full + "EMC":                            "1 images, 0 visible, 0 hidden, 1 other, false",
		"BI /W 1 /H 1 /BPC 8 ID x EI":                           "0 images, 0 visible, 0 hidden, 1 other, false",
		"q 100 0 0 200 900 0 cm /I Do Q":                        "0 images, 0 visible, 0 hidden, 0 other, false",
		strings.Repeat("q ", 1000) + strings.Repeat("Q ", 2000): "0 images, 0 visible, 0 hidden, 0 other, false",
	} {
		m := marks(t, picture(t, content, gray), 1)
		got := fmt.Sprintf("%d images, %d visible, %d hidden, %d other, %v", len(m.Images), m.Visible, m.Hidden, m.Other, m.Partial)
		if got != want {
			t.Errorf("%.60s: got %s, want %s", content, got, want)
		}
	}
}

func TestFormsThatMultiplyEnd(t *testing.T) {
	o := sourcetest.One("/MediaBox[0 0 9 9]/Resources<</XObject<</F 5 0 R>>>>", "/F Do")
	for n := range 10 {
		o = append(o, sourcetest.Stream(fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F %d 0 R>>>>", n+6), strings.Repeat("/F Do ", 50)))
	}
	o = append(o, sourcetest.Stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<<>>", ""))
	f := open(t, sourcetest.File(t, "", o...))
	start := time.Now()
	if m := marks(t, f, 1); !m.Partial {
		t.Error("the walk came to an end, want it to stop at a limit")
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestBudgetOfADocumentEnds(t *testing.T) {
	f := picture(t, strings.Repeat("0 g ", 1000), gray)
	b := &Budget{Bytes: 10_000, Ops: 1 << 20}
	for n, partial := range []bool{false, false, true, true} {
		m, err := f.Marks(context.Background(), f.Pages[0], b)
		if err != nil || m.Partial != partial {
			t.Errorf("walk %d: partial is %v (%v), want %v", n, m.Partial, err, partial)
		}
	}
}

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
