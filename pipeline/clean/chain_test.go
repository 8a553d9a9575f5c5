package clean

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
)

// row is several filters; each answers once, in order, and notes what it was asked.
type row struct {
	answers []core.PageClean
	calls   []core.CleanCall
	saw     []string // content of the images
}

// Clean writes "NAME by N" into every file of its answer; a file called "same" is the input.
func (r *row) Clean(_ context.Context, c core.CleanCall) (core.PageClean, error) {
	content, err := os.ReadFile(c.Image.Path)
	if err != nil {
		return core.PageClean{}, err
	}
	answer := r.answers[len(r.calls)]
	r.calls, r.saw = append(r.calls, c), append(r.saw, string(content))
	for _, f := range []*core.File{answer.Image, answer.Shown} {
		switch {
		case f == nil:
		case f.Name == "same":
			err = os.Link(c.Image.Path, filepath.Join(c.Dir, f.Name))
		default:
			err = os.WriteFile(filepath.Join(c.Dir, f.Name), fmt.Appendf(nil, "%s by %d", f.Name, len(r.calls)), 0o600)
		}
	}
	return answer, err
}

// inRow lets filters look at a scan of 100 x 50 pixels at 300 x 200 dpi.
func inRow(t *testing.T, o core.Options, answers ...core.PageClean) (*row, core.PageClean, func(*core.File) string, error) {
	t.Helper()
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	ref, _, err := store.Put(t.Context(), strings.NewReader("scan"), 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range answers {
		o.Filters = append(o.Filters, core.Step{Plugin: fmt.Sprint("f", i+1)})
	}
	r := &row{answers: answers}
	result, err := New(store, r).Run(t.Context(), core.Task{Page: 3, Options: o,
		Image: core.PageImage{Image: core.File{Name: "a.png", Ref: ref}, Width: 100, Height: 50, XDPI: 300, YDPI: 200, Unchanged: true}})
	content := func(f *core.File) string {
		if f == nil {
			return ""
		}
		path, err := store.Path(f.Ref)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if err != nil {
		return r, core.PageClean{}, content, err
	}
	return r, result.(core.PageCleaned).Clean, content, nil
}

func png(name string) *core.File { return &core.File{Name: name} }

func TestEachFilterSeesWhatTheOneBeforeMade(t *testing.T) {
	r, got, content, err := inRow(t, core.Options{},
		core.PageClean{Image: png("turned"), Turn: 90, Width: 50, Height: 100, By: "one 1"},
		core.PageClean{Separator: true, Codes: []core.Code{{Type: "qr", Value: "x"}}, By: "two 2"},
		core.PageClean{Image: png("turned"), Turn: 180, Scale: 0.5, Width: 25, Height: 50, Skew: 1, By: "three 3"},
		core.PageClean{Shown: png("shown"), Codes: []core.Code{{Type: "patch", Value: "T"}}})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"scan", "turned by 1", "turned by 1", "turned by 3"}; !reflect.DeepEqual(r.saw, want) {
		t.Errorf("the filters saw %q, want %q", r.saw, want)
	}
	for i, want := range []core.PageImage{{Width: 100, Height: 50, XDPI: 300, YDPI: 200, Unchanged: true},
		{Width: 50, Height: 100, XDPI: 200, YDPI: 300}, {Width: 50, Height: 100, XDPI: 200, YDPI: 300}, {Width: 25, Height: 50, XDPI: 100, YDPI: 150}} {
		c := r.calls[i]
		c.Page.Image = core.File{}
		if !reflect.DeepEqual(c.Page, want) || c.Step.Plugin != fmt.Sprint("f", i+1) {
			t.Errorf("filter %d, step %v: got %+v, want %+v", i+1, c.Step, c.Page, want)
		}
	}
	if text, shown := content(got.Image), content(got.Shown); text != "turned by 3" || shown != "shown by 4" {
		t.Errorf("image %q, shown %q", text, shown)
	}
	got.Image, got.Shown = nil, nil
	want := core.PageClean{Turn: 270, Scale: 0.5, Skew: 1, Width: 25, Height: 50, Separator: true,
		Codes: []core.Code{{Type: "qr", Value: "x"}, {Type: "patch", Value: "T"}}, By: "one 1, two 2, three 3"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestLevellingAndTurnsMayComeInAnyOrder(t *testing.T) {
	sin, cos := math.Sincos(3 * math.Pi / 180)
	w, h := int(math.Round(100*cos+50*sin)), int(math.Round(50*cos+100*sin))
	_, got, _, err := inRow(t, core.Options{},
		core.PageClean{Image: png("level"), Skew: 3, Deskew: 3, Width: w, Height: h},
		core.PageClean{Image: png("turned"), Turn: 90, Skew: 0.1, Width: h, Height: w})
	if err != nil {
		t.Fatal(err)
	}
	if got.Turn != 90 || got.Deskew != 3 || got.Skew != 3.1 {
		t.Errorf("got %+v, want a turn of 90, a deskew of 3, a skew of 3.1", got)
	}
	// What is found about the whole is what one filter might have found.
	if err := check(got, core.PageImage{Width: 100, Height: 50}, core.Limits{}); err != nil {
		t.Error(err)
	}
}

func TestFindingsThatCannotBeToldTogether(t *testing.T) {
	level := core.PageClean{Image: png("level"), Deskew: 0.5, Width: 100, Height: 51, By: "one 1"}
	shown := core.PageClean{Shown: png("shown"), By: "one 1"}
	for name, second := range map[string][2]core.PageClean{
		"levelled twice":            {level, {Image: png("again"), Deskew: -0.5, Width: 101, Height: 52, By: "two 2"}},
		"turned after it was shown": {shown, {Image: png("turned"), Turn: 90, Width: 50, Height: 100, By: "two 2"}},
	} {
		_, _, _, err := inRow(t, core.Options{}, second[0], second[1])
		f := core.AsFailure(err)
		if err == nil || !f.Permanent || !strings.Contains(f.Detail, "one 1") || !strings.Contains(f.Detail, "two 2") || f.Remedy == "" {
			t.Errorf("%s: got %v, want a permanent failure that names both", name, err)
		}
	}
	tiny := core.PageClean{Image: png("tiny"), Scale: 0.04, Width: 4, Height: 2}
	if _, _, _, err := inRow(t, core.Options{}, tiny, core.PageClean{Image: png("no"), Scale: 0.1, Width: 1, Height: 1}); err == nil {
		t.Error("a scale of 0.004 in two steps was taken")
	}
}

func TestABlankPageEndsTheRowUnlessSheetsAreLookedFor(t *testing.T) {
	blank := core.PageClean{Blank: true}
	sheet := core.PageClean{Separator: true}
	if r, got, _, err := inRow(t, core.Options{}, blank, sheet); err != nil || len(r.calls) != 1 || !got.Blank || got.Separator {
		t.Errorf("got %+v after %d filters, %v", got, len(r.calls), err)
	}
	o := core.Options{Split: &core.Split{At: []string{core.SplitSeparator}}}
	if r, got, _, err := inRow(t, o, blank, sheet); err != nil || len(r.calls) != 2 || !got.Blank || !got.Separator {
		t.Errorf("with sheets: got %+v after %d filters, %v", got, len(r.calls), err)
	}
}

func TestAFilterMayAnswerWithItsInput(t *testing.T) {
	for name, answers := range map[string][]core.PageClean{
		"scan":      {{Image: png("same"), Shown: png("same2"), Width: 100, Height: 50}, {}},
		"image":     {{Image: png("made"), Width: 100, Height: 50}, {Image: png("same"), Width: 100, Height: 50}},
		"and shows": {{Image: png("made"), Width: 100, Height: 50}, {Shown: png("same")}},
	} {
		_, got, content, err := inRow(t, core.Options{}, answers...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := "made by 1"
		if name == "scan" {
			want = "scan"
		}
		if content(got.Image) != want {
			t.Errorf("%s: the image is %q, want %q", name, content(got.Image), want)
		}
		if name == "and shows" && content(got.Shown) != want {
			t.Errorf("the shown image is %q, want %q", content(got.Shown), want)
		}
	}
}

func TestWhatIsKeptOfAPageIsBounded(t *testing.T) {
	var many core.PageClean
	for range 60 {
		many.Codes = append(many.Codes, core.Code{Type: "qr"})
	}
	many.By = strings.Repeat("x", 200)
	_, got, _, err := inRow(t, core.Options{}, many, many, many)
	if err != nil || len(got.Codes) != maxCodes || got.By != many.By {
		t.Errorf("%d codes, by %d bytes, %v", len(got.Codes), len(got.By), err)
	}
}

func TestGraftedPagesKeepNoPictureToShow(t *testing.T) {
	c := chain{task: core.Task{Graft: true}, page: core.PageImage{Width: 1, Height: 1}}
	if err := c.add(core.PageClean{Shown: png("shown")}, nil, core.Source{}, core.Step{}); err != nil || c.shown != nil {
		t.Errorf("got %+v, %v", c.shown, err)
	}
}

var _ Filter = (*row)(nil)
