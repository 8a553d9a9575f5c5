package assemble

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
)

var update = flag.Bool("update", false, "write the golden files anew")

// assembler writes an output of each kind.
type assembler struct {
	kinds []string
	call  core.AssembleCall
	empty string // kind whose file is empty
}

func (a *assembler) Assemble(_ context.Context, c core.AssembleCall) ([]core.Output, string, error) {
	a.call = c
	var outputs []core.Output
	for _, kind := range a.kinds {
		content := "output " + kind
		if kind == a.empty {
			content = ""
		}
		if err := os.WriteFile(filepath.Join(c.Dir, "made."+kind), []byte(content), 0o600); err != nil {
			return nil, "", err
		}
		out := core.Output{Kind: kind, File: core.File{Name: "made." + kind}}
		if kind == core.OutputPDF {
			out.PDFA = "2u"
		}
		outputs = append(outputs, out)
	}
	return outputs, "pdf 1.0", nil
}

func (a *assembler) Index(context.Context, core.IndexCall) (map[string]string, error) {
	return nil, nil
}

func newStore(t *testing.T) *blob.Store {
	t.Helper()
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func put(t *testing.T, store *blob.Store, name string) core.File {
	t.Helper()
	ref, size, err := store.Put(t.Context(), strings.NewReader(name), 0)
	if err != nil {
		t.Fatal(err)
	}
	return core.File{Name: name, Ref: ref, Size: size, Media: "image/tiff"}
}

// task is a document of three pages: one with text, one blank, one that failed.
func task(t *testing.T, store *blob.Store) core.Task {
	text, shown := put(t, store, "text"), put(t, store, "shown")
	image := func(n string) *core.PageImage {
		return &core.PageImage{Image: put(t, store, n), Width: 2480, Height: 3508, XDPI: 300, YDPI: 299.994, Unchanged: true, By: "image 1.0"}
	}
	turned := image("image 1")
	turned.Shown, turned.Orient = &shown, 6
	info := core.PageInfo{Width: 2480, Height: 3508, XDPI: 300, YDPI: 300}
	return core.Task{
		Job: "A-1", Stage: core.Assemble, Name: "bill", Round: 0,
		Document: &core.Document{
			Key: "A-1", Mode: core.ModeSkip, Submitted: time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC),
			Inputs:      []core.File{put(t, store, "scan.tif")},
			Inspections: []core.Inspection{{Media: "image/tiff", Pages: []core.PageInfo{info, info, info}, By: "image 1.0"}},
			Pages: []core.Page{
				{Number: 1, InputPage: 1, Info: info, Image: turned,
					Clean: &core.PageClean{Turn: 180, Skew: -0.256, By: "leptonica 1.0"},
					Text:  &core.PageText{Text: text, Words: 321, Confidence: 93.456, By: "tesseract 5.3.0", Cached: true},
					Took:  map[core.Stage]time.Duration{core.Rasterize: 12 * time.Millisecond, core.Clean: 34 * time.Millisecond, core.Recognize: 1567 * time.Millisecond}},
				{Number: 2, InputPage: 2, Info: info, Image: image("image 2"), Clean: &core.PageClean{Blank: true, By: "leptonica 1.0"}},
				{Number: 3, InputPage: 3, Info: info, Image: image("image 3"), Clean: &core.PageClean{By: "leptonica 1.0"},
					FailedStage: core.Recognize, Failure: &core.Failure{Code: core.CodeTimeout, Detail: "too slow", Remedy: "retry"}},
			},
		},
	}
}

func run(t *testing.T, store *blob.Store, a *assembler, task core.Task) ([]core.Output, error) {
	t.Helper()
	result, err := New(store, a, a).Run(t.Context(), task)
	if err != nil {
		return nil, err
	}
	return result.(core.DocumentAssembled).Outputs, nil
}

func all() []string {
	return []string{core.OutputALTO, core.OutputText, core.OutputPDF, core.OutputHOCR}
}

func TestDocumentIsAssembledFromItsPages(t *testing.T) {
	store := newStore(t)
	a := &assembler{kinds: all(), empty: core.OutputText}
	outputs, err := run(t, store, a, task(t, store))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range outputs {
		names = append(names, o.Kind+" "+o.File.Name)
		if !store.Has(o.File.Ref) {
			t.Errorf("%s is no blob", o.Kind)
		}
	}
	if want := []string{"pdf bill.pdf", "text bill.txt", "hocr bill.hocr", "alto bill.xml", "manifest bill.json"}; !slices.Equal(names, want) {
		t.Errorf("outputs: got %q, want %q", names, want)
	}
	p := a.call.Pages
	if p[0].Image == nil || p[0].Shown == nil || p[0].Text == nil || p[1].Text != nil || p[2].Text != nil || p[2].Image == nil {
		t.Errorf("pages: %+v", p)
	}
	if a.call.Submitted != "2026-02-03T04:05:06Z" || len(a.call.Inputs) != 1 || a.call.Inputs[0].Path == "" {
		t.Errorf("call: %+v", a.call)
	}
}

func TestManifestSaysWhatWasMadeOfWhat(t *testing.T) {
	store := newStore(t)
	read := func() []byte {
		outputs, err := run(t, store, &assembler{kinds: all()}, task(t, store))
		if err != nil {
			t.Fatal(err)
		}
		path, err := store.Path(outputs[4].File.Ref)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	got := read()
	if again := read(); string(again) != string(got) {
		t.Error("making it again gives another manifest")
	}
	golden := filepath.Join("testdata", "manifest.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("manifest:\n got %s\nwant %s", got, want)
	}
	var m Manifest
	if err := json.Unmarshal(got, &m); err != nil {
		t.Error(err)
	}
}

func TestGraftNeedsNoImages(t *testing.T) {
	store := newStore(t)
	a := &assembler{kinds: all()}
	doc := task(t, store)
	doc.Document.Inspections[0].PDF = &core.PDFInfo{Signed: true}
	for i := range doc.Document.Pages {
		if image := doc.Document.Pages[i].Image; image != nil {
			image.Image.Ref = core.Ref(strings.Repeat("0", 64)) // swept long ago
		}
	}
	outputs, err := run(t, store, a, doc)
	if err != nil {
		t.Fatal(err)
	}
	last := outputs[len(outputs)-1]
	if last.Kind != core.OutputOriginal || last.File.Ref != doc.Document.Inputs[0].Ref || last.File.Name != "bill-signed.pdf" {
		t.Errorf("original: %+v", last)
	}
	if a.call.Pages[0].Image != nil {
		t.Error("an image was asked for")
	}
}

func TestBadOutputsAreRefused(t *testing.T) {
	for name, kinds := range map[string][]string{
		"one is missing":       {"pdf", "text", "hocr"},
		"one comes twice":      {"pdf", "text", "hocr", "alto", "pdf"},
		"one nobody asked for": {"pdf", "text", "hocr", "alto", "manifest"},
		"none":                 nil,
	} {
		store := newStore(t)
		if got, err := run(t, store, &assembler{kinds: kinds}, task(t, store)); err == nil || core.AsFailure(err).Code != core.CodePlugin {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	store := newStore(t)
	if got, err := run(t, store, &assembler{kinds: all(), empty: core.OutputPDF}, task(t, store)); err == nil {
		t.Errorf("empty PDF: got %v", got)
	}
}
