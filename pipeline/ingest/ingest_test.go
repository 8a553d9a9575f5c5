package ingest

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
)

// reader answers with what it is.
type reader struct {
	answer core.Inspection
	err    error
	asked  []string // media
}

func (r *reader) Inspect(_ context.Context, c core.InspectCall) (core.Inspection, error) {
	r.asked = append(r.asked, c.Input.Media)
	return r.answer, r.err
}

func run(t *testing.T, r *reader, o core.Options, contents ...string) (core.DocumentIngested, error) {
	t.Helper()
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	task := core.Task{Stage: core.Ingest, Options: o, Document: &core.Document{}}
	for _, c := range contents {
		ref, size, err := store.Put(t.Context(), strings.NewReader(c), 0)
		if err != nil {
			t.Fatal(err)
		}
		task.Document.Inputs = append(task.Document.Inputs, core.File{Name: "bill.exe", Ref: ref, Size: size})
	}
	result, err := New(store, r).Run(t.Context(), task)
	if err != nil {
		return core.DocumentIngested{}, err
	}
	return result.(core.DocumentIngested), nil
}

const (
	png = "\x89PNG\r\n\x1a\n"
	pdf = "%PDF-1.7"
)

func onePage() core.Inspection {
	return core.Inspection{Pages: []core.PageInfo{{Width: 100, Height: 50, XDPI: 300, YDPI: 300}}, By: "image 1.0"}
}

func TestEachInputIsInspected(t *testing.T) {
	r := &reader{answer: onePage()}
	got, err := run(t, r, core.Options{}, png, "II*\x00")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Inputs) != 2 || got.Inputs[0].Media != "image/png" || got.Inputs[1].Media != "image/tiff" || got.Inputs[1].By != "image 1.0" {
		t.Errorf("got %+v", got)
	}
}

func TestReaderIsNotAskedAboutWhatIsNoScan(t *testing.T) {
	r := &reader{answer: onePage()}
	_, err := run(t, r, core.Options{}, png, "GIF89a")
	f := core.AsFailure(err)
	if f.Code != core.CodeNotAScan || !strings.HasPrefix(f.Detail, `file "bill.exe": `) {
		t.Errorf("got %v", err)
	}
	if len(r.asked) != 1 {
		t.Errorf("asked about %v", r.asked)
	}
}

func TestInspectionIsChecked(t *testing.T) {
	page := func(p core.PageInfo) core.Inspection { return core.Inspection{Pages: []core.PageInfo{p}} }
	for _, c := range []struct {
		name    string
		answer  core.Inspection
		content string
		code    string // empty: it is taken
	}{
		{"no page", core.Inspection{}, png, core.CodeDamaged},
		{"too many pages", core.Inspection{Pages: make3()}, png, core.CodeOverLimit},
		{"too many pixels", page(core.PageInfo{Width: 2000, Height: 501}), png, core.CodeOverLimit},
		{"so many pixels that the product overflows", page(core.PageInfo{Width: math.MaxInt, Height: math.MaxInt}), png, core.CodeOverLimit},
		{"no pixels", page(core.PageInfo{}), png, core.CodePlugin},
		{"negative pixels", page(core.PageInfo{Width: -1, Height: 5}), png, core.CodePlugin},
		{"resolution", page(core.PageInfo{Width: 1, Height: 1, XDPI: math.NaN()}), png, core.CodePlugin},
		{"a PDF that is a PNG", core.Inspection{PDF: &core.PDFInfo{}, Pages: onePage().Pages}, png, core.CodePlugin},
		{"PDF page in points", core.Inspection{PDF: &core.PDFInfo{}, Pages: []core.PageInfo{{WidthPt: 595, HeightPt: 842}}}, pdf, ""},
		{"PDF page of no size", core.Inspection{PDF: &core.PDFInfo{}, Pages: []core.PageInfo{{}}}, pdf, core.CodePlugin},
		{"PDF page without end", core.Inspection{PDF: &core.PDFInfo{}, Pages: []core.PageInfo{{WidthPt: math.Inf(1), HeightPt: 1}}}, pdf, core.CodePlugin},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := run(t, &reader{answer: c.answer}, core.Options{Limits: core.Limits{Pages: 2, Pixels: 1_000_000}}, c.content)
			if (err == nil) != (c.code == "") || err != nil && core.AsFailure(err).Code != c.code {
				t.Errorf("got %+v, %v; want code %q", got, err, c.code)
			}
		})
	}
}

func make3() []core.PageInfo {
	p := onePage().Pages[0]
	return []core.PageInfo{p, p, p}
}
