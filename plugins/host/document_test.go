package host

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestTheAssemblerLearnsWhatFiltersFound(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) *core.Source {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		return &core.Source{File: core.File{Name: name, Ref: core.Ref(name)}, Path: path}
	}
	slot, err := newSlot(filepath.Join(dir, "slot"))
	if err != nil {
		t.Fatal(err)
	}
	in := &inputs{slot: slot, paths: map[string]string{}}
	doc, err := in.document(core.AssembleCall{
		Name: "n", Fields: map[string]string{"a": "b"},
		Pages: []core.PageParts{{
			Page: core.Page{Number: 1, Image: &core.PageImage{Width: 10, Height: 20}, Clean: &core.PageClean{
				Turn: 90, Skew: 2, Deskew: 2, Scale: 0.5, Width: 11, Height: 6, Separator: true,
				Codes: []core.Code{{Type: "qr", Value: "v"}}, Shown: &core.File{Name: "shown.png"},
			}},
			Image: file("image.png"), Clean: file("shown.png"),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := *doc.Pages[0].Filtered
	if got.Shown == nil || got.Shown.SHA256 != "shown.png" || filepath.Dir(got.Shown.Path) != slot.in {
		t.Errorf("the image to show: %+v", got.Shown)
	}
	got.Shown = nil
	want := sdk.Filtered{Turn: 90, Skew: 2, Deskew: 2, Scale: 0.5, Width: 11, Height: 6, Separator: true, Codes: []sdk.Code{{Type: "qr", Value: "v"}}}
	if !reflect.DeepEqual(got, want) || doc.Fields["a"] != "b" {
		t.Errorf("got %+v, fields %v; want %+v", got, doc.Fields, want)
	}
}
