package assemble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
)

// batch is a task of five pages; the second is blank, the fourth a sheet with a code.
func batch(t *testing.T, store *blob.Store, keep bool) core.Task {
	one := task(t, store)
	d := one.Document
	page := d.Pages[0]
	d.Profile, d.Destinations = "mail", []string{"archive"}
	d.Pages = nil
	for i := range 5 {
		p := page
		p.Number, p.InputPage = i+1, i+1
		p.Clean = &core.PageClean{By: "leptonica 1.0, separator 1.0"}
		d.Pages = append(d.Pages, p)
	}
	d.Pages[1].Clean.Blank, d.Pages[1].Text = true, nil
	d.Pages[3].Clean.Separator, d.Pages[3].Clean.Codes = true, []core.Code{{Type: "code-128", Value: "next"}}
	one.Options = core.Options{
		Outputs: []string{core.OutputPDF}, Filters: []core.Step{{}, {Plugin: "separator"}},
		Split: &core.Split{At: []string{core.SplitBlank, core.SplitSeparator}, Keep: keep},
	}
	return one
}

// helper is an assembler that keeps its calls, and indexers that are its functions.
type helper struct {
	assembler
	calls   []core.AssembleCall
	indexed []core.IndexCall
	index   map[string]func(context.Context) (map[string]string, error)
}

func (h *helper) Assemble(ctx context.Context, c core.AssembleCall) ([]core.Output, string, error) {
	h.calls = append(h.calls, c)
	return h.assembler.Assemble(ctx, c)
}

func (h *helper) Index(ctx context.Context, c core.IndexCall) (map[string]string, error) {
	h.indexed = append(h.indexed, c)
	return h.index[c.Step.Plugin](ctx)
}

func assembled(t *testing.T, store *blob.Store, h *helper, task core.Task) (core.DocumentAssembled, error) {
	t.Helper()
	h.kinds = []string{core.OutputPDF}
	result, err := New(store, h, h).Run(t.Context(), task)
	if err != nil {
		return core.DocumentAssembled{}, err
	}
	return result.(core.DocumentAssembled), nil
}

func manifestIn(t *testing.T, store *blob.Store, a core.DocumentAssembled, part int) Manifest {
	t.Helper()
	at := slices.IndexFunc(a.Outputs, func(o core.Output) bool { return o.Kind == core.OutputManifest && o.Part == part })
	path, err := store.Path(a.Outputs[at].File.Ref)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAJobIsSplitAtItsSheets(t *testing.T) {
	store, h := newStore(t), &helper{}
	got, err := assembled(t, store, h, batch(t, store, false))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range got.Outputs {
		names = append(names, fmt.Sprintf("%d %s", o.Part, o.File.Name))
	}
	if want := []string{"1 bill-001.pdf", "1 bill-001.json", "2 bill-002.pdf", "2 bill-002.json", "3 bill-003.pdf", "3 bill-003.json"}; !slices.Equal(names, want) {
		t.Errorf("outputs %q, want %q", names, want)
	}
	want := []core.PartInfo{{Part: 1, Name: "bill-001", From: 1, To: 1}, {Part: 2, Name: "bill-002", From: 3, To: 3},
		{Part: 3, Name: "bill-003", From: 5, To: 5, Fields: map[string]string{"separator": "next"}}}
	if !reflect.DeepEqual(got.Parts, want) {
		t.Errorf("parts\n got %+v\nwant %+v", got.Parts, want)
	}
	last := h.calls[2]
	if p := last.Pages; len(p) != 1 || p[0].Page.Number != 1 || p[0].Page.InputPage != 5 || last.Name != "bill-003" || last.Fields["separator"] != "next" {
		t.Errorf("the last call: %+v", last)
	}
	m := manifestIn(t, store, got, 3)
	if m.Profile != "mail" || !slices.Equal(m.Destinations, []string{"archive"}) || m.Fields["separator"] != "next" || m.Name != "bill-003" {
		t.Errorf("manifest: %+v", m)
	}
	if !slices.Equal(m.Engines.Clean, []string{"leptonica 1.0", "separator 1.0"}) {
		t.Errorf("engines: %+v", m.Engines)
	}
	if want := (&Split{Number: 3, Of: 3, Job: "bill", Sheets: []Sheet{{Input: 1, InputPage: 4, Codes: []core.Code{{Type: "code-128", Value: "next"}}}}}); !reflect.DeepEqual(m.Part, want) {
		t.Errorf("part: got %+v, want %+v", m.Part, want)
	}
}

func TestKeptSheetsAreInTheDocumentThatTheyBegin(t *testing.T) {
	store, h := newStore(t), &helper{}
	got, err := assembled(t, store, h, batch(t, store, true))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Parts) != 3 || got.Parts[1].From != 2 || got.Parts[2].From != 4 || got.Parts[2].To != 5 {
		t.Errorf("parts: %+v", got.Parts)
	}
	if m := manifestIn(t, store, got, 3); !m.Pages[0].Separator || len(m.Pages[0].Codes) != 1 {
		t.Errorf("pages: %+v", m.Pages)
	}
}

func TestTheOriginalOfASignedPDFComesOnce(t *testing.T) {
	store, h := newStore(t), &helper{}
	task := batch(t, store, false)
	task.Document.Inspections[0].PDF = &core.PDFInfo{Signed: true}
	got, err := assembled(t, store, h, task)
	if err != nil {
		t.Fatal(err)
	}
	var originals []core.Output
	for _, o := range got.Outputs {
		if o.Kind == core.OutputOriginal {
			originals = append(originals, o)
		}
	}
	if len(originals) != 1 || originals[0].Part != 1 || originals[0].File.Name != "bill-signed.pdf" {
		t.Errorf("originals: %+v", originals)
	}
}

func TestTooManyDocumentsAreRefused(t *testing.T) {
	store := newStore(t)
	task := batch(t, store, false)
	d := task.Document
	for i := range 2 * (core.MaxParts + 1) {
		d.Pages = append(d.Pages, core.Page{Number: 6 + i, Clean: &core.PageClean{Blank: i%2 == 0}})
	}
	if _, err := assembled(t, store, &helper{}, task); core.AsFailure(err).Code != core.CodeOverLimit || !core.AsFailure(err).Permanent {
		t.Errorf("got %v", err)
	}
}

func TestTheLaterIndexerWins(t *testing.T) {
	store := newStore(t)
	h := &helper{index: map[string]func(context.Context) (map[string]string, error){
		"a": func(context.Context) (map[string]string, error) { return map[string]string{"x": "1", "y": "1"}, nil },
		"b": func(context.Context) (map[string]string, error) { return map[string]string{"y": "2"}, nil },
	}}
	task := task(t, store)
	task.Options = core.Options{Outputs: []string{core.OutputPDF}, Indexers: []core.Step{{Plugin: "a"}, {Plugin: "b", Settings: json.RawMessage(`{"k":1}`)}}}
	got, err := assembled(t, store, h, task)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"x": "1", "y": "2"}
	if m := manifestIn(t, store, got, 0); !reflect.DeepEqual(got.Fields, want) || !reflect.DeepEqual(h.calls[0].Fields, want) || !reflect.DeepEqual(m.Fields, want) {
		t.Errorf("event %v, call %v, manifest %v; want %v", got.Fields, h.calls[0].Fields, m.Fields, want)
	}
	if c := h.indexed[1]; len(c.Texts) != 1 || c.Name != "bill" || string(c.Step.Settings) != `{"k":1}` {
		t.Errorf("call: %+v", c)
	}
}

func TestAnIndexerThatFailsCostsOnlyItsFields(t *testing.T) {
	passing := errors.New("not today")
	damaged := core.Refuse(core.CodeDamaged, "no remedy", "it cannot be read")
	for _, c := range []struct {
		name string
		err  error
		last bool
		want string // code in the result; empty: an error that is tried again
	}{
		{"refused", damaged, false, core.CodeDamaged},
		{"at the first attempt", passing, false, ""},
		{"at the last attempt", passing, true, core.CodeInternal},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := newStore(t)
			h := &helper{index: map[string]func(context.Context) (map[string]string, error){
				"bad":  func(context.Context) (map[string]string, error) { return nil, c.err },
				"good": func(context.Context) (map[string]string, error) { return map[string]string{"x": "1"}, nil },
			}}
			task := task(t, store)
			task.Last, task.Options = c.last, core.Options{Outputs: []string{core.OutputPDF}, Indexers: []core.Step{{Plugin: "bad"}, {Plugin: "good"}}}
			got, err := assembled(t, store, h, task)
			if c.want == "" {
				if !errors.Is(err, passing) {
					t.Errorf("got %v, %+v; want %v", err, got, passing)
				}
				return
			}
			if err != nil || len(got.Unindexed) != 1 || got.Unindexed[0].Indexer != "bad" || got.Unindexed[0].Failure.Code != c.want || got.Fields["x"] != "1" {
				t.Errorf("got %+v, %v", got, err)
			}
			if m := manifestIn(t, store, got, 0); len(m.Unindexed) != 1 || m.Unindexed[0].Code != c.want {
				t.Errorf("manifest: %+v", m.Unindexed)
			}
		})
	}
}

func TestAnIndexerThatHangsIsGivenUp(t *testing.T) {
	store := newStore(t)
	task := task(t, store)
	task.Last, task.Options = true, core.Options{Outputs: []string{core.OutputPDF}, Indexers: []core.Step{{Plugin: "hangs"}}}
	synctest.Test(t, func(t *testing.T) {
		h := &helper{index: map[string]func(context.Context) (map[string]string, error){
			"hangs": func(ctx context.Context) (map[string]string, error) { <-ctx.Done(); return nil, ctx.Err() },
		}}
		began := time.Now()
		got, err := assembled(t, store, h, task)
		if err != nil || len(got.Unindexed) != 1 || got.Unindexed[0].Failure.Code != core.CodeTimeout {
			t.Errorf("got %+v, %v", got, err)
		}
		if took := time.Since(began); took != indexLimit(core.Limits{}) {
			t.Errorf("it took %v, want %v", took, indexLimit(core.Limits{}))
		}
	})
}
