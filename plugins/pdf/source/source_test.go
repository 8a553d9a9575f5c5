package source

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
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
			if d := time.Since(start); d > time.Minute {
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
	if d := time.Since(start); d > time.Minute {
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

func TestDamageIsSaidInOneSentence(t *testing.T) {
	plain := string(sourcetest.Bytes("", sourcetest.One("/MediaBox[0 0 9 9]", "")...))
	half := plain[:strings.Index(plain, "4 0 obj")]
	for name, c := range map[string]struct{ body, want string }{
		"cut in the middle": {half, "its end is missing"},
		"no pages":          {string(sourcetest.Bytes("", "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>")), "pages"},
		"no catalog":        {string(sourcetest.Bytes("", "<</Type/Nothing>>")), "pages"},
	} {
		_, err := Open(context.Background(), sourcetest.Write(t, []byte(c.body)), Options{Scratch: t.TempDir()})
		refused, ok := errors.AsType[*sdk.Error](err)
		if !ok || refused.Remedy == "" || !strings.Contains(refused.Detail, c.want) {
			t.Errorf("%s: got %v, want a refusal that says %q, with a hint", name, err, c.want)
			continue
		}
		for _, raw := range []string{"WARNING", "qpdf", "pdfcpu", "/tmp", ".pdf", "\n"} {
			if strings.Contains(refused.Detail, raw) {
				t.Errorf("%s: %q is in %q", name, raw, refused.Detail)
			}
		}
	}
}

func TestFailuresOfProgramsAreWordedForPeople(t *testing.T) {
	raw := &poppler.ExitError{Program: "pdftoppm", Status: 1, Said: "Syntax Error (12): /tmp/x"}
	for name, c := range map[string]struct {
		err        error
		code, want string
	}{
		"a status":      {fmt.Errorf("draw: %w", raw), "damaged", "page 3 cannot be drawn: its content is damaged"},
		"a signal":      {&poppler.ExitError{Program: "pdftoppm", Status: -1}, "over-limit", "page 3 cannot be drawn: it takes more time or memory than one run may"},
		"time":          {fmt.Errorf("run: %w", poppler.ErrTime), "over-limit", "page 3 cannot be drawn: it takes more time or memory than one run may"},
		"nothing":       {fmt.Errorf("run: %w", poppler.ErrNothing), "damaged", "page 3 cannot be drawn: its content is damaged"},
		"a full disk":   {&os.PathError{Op: "write", Path: "/tmp/x", Err: syscall.ENOSPC}, "", "page 3 cannot be drawn: no space left on device"},
		"anything else": {errors.New("xref: int expected"), "", "page 3 cannot be drawn"},
		"a refusal":     {sdk.Refuse("encrypted", "hint", "locked"), "encrypted", "locked"},
	} {
		got := Failed(context.Background(), c.err, "page %d cannot be drawn", 3)
		code := ""
		if e, ok := errors.AsType[*sdk.Error](got); ok {
			code = e.Code
		}
		if got == nil || got.Error() != c.want || code != c.code {
			t.Errorf("%s: got %v (%s), want %s (%s)", name, got, code, c.want, c.code)
		}
	}
	if !errors.Is(Failed(context.Background(), &os.PathError{Err: syscall.ENOSPC}, "x"), syscall.ENOSPC) {
		t.Error("a full disk is not known as one any more")
	}
	if err := Failed(context.Background(), nil, "x"); err != nil {
		t.Errorf("no error became %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Failed(ctx, raw, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// A bomb within a bomb: what lies between the layers of Flate is never held.
func TestLayersOfFlateAreUndoneAtOnce(t *testing.T) {
	deflate := func(b []byte) []byte {
		var out bytes.Buffer
		z := zlib.NewWriter(&out)
		if _, err := z.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	f := &File{options: Options{Bytes: 1 << 30}}
	flate := types.PDFFilter{Name: "FlateDecode"}
	stream := func(body string, layers int) types.StreamDict {
		s := types.StreamDict{Raw: []byte(body)}
		for range layers {
			s.Raw, s.FilterPipeline = deflate(s.Raw), append(s.FilterPipeline, flate)
		}
		return s
	}
	if got, err := f.Decode(stream("q Q", 3), 100); err != nil || string(got) != "q Q" {
		t.Errorf("got %q and %v, want %q", got, err, "q Q")
	}
	bomb := stream(strings.Repeat("q ", 32<<20), 2)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := f.Decode(bomb, 1000); !errors.Is(err, ErrTooBig) {
		t.Errorf("got %v, want %v", err, ErrTooBig)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("%d bytes were allocated for an answer of at most 1000", took)
	}
}
