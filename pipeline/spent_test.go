package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestImagesGoSoonAfterTheLastStageHadThem(t *testing.T) {
	for name, c := range map[string]struct {
		pdf  *core.PDFInfo
		want []bool // are still there when page 1 is recognised and page 2 is not: drawn, cleaned, cleaned of page 2, own
	}{
		"new document":  {nil, []bool{true, false, true, true}},
		"kept document": {&core.PDFInfo{}, []bool{false, false, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Config{}, 0)
				_ = r.end() // all that happens is told here
				input, drawn, cleaned, other, own := r.put("input"), r.put("drawn"), r.put("cleaned"), r.put("other"), r.put("own")
				tell := func(bodies ...core.Body) {
					for _, b := range bodies {
						r.mu.Lock()
						r.apply(core.Event{At: r.now(), Job: "local-1", Body: b})
						r.mu.Unlock()
					}
				}
				text := func(n int) core.PageRecognized {
					return core.PageRecognized{Page: n, Text: core.PageText{Text: r.put(fmt.Sprint("text", n))}}
				}
				tell(core.JobSubmitted{Name: "x", Inputs: []core.File{input}, Destinations: []string{"default"}},
					core.DocumentIngested{Inputs: []core.Inspection{{Pages: make([]core.PageInfo, 2), PDF: c.pdf}}},
					core.PageRasterized{Page: 1, Image: core.PageImage{Image: drawn}}, core.PageCleaned{Page: 1, Clean: core.PageClean{Image: &cleaned}},
					core.PageRasterized{Page: 2, Image: core.PageImage{Image: own, Unchanged: true}}, core.PageCleaned{Page: 2, Clean: core.PageClean{Image: &other}},
					text(1))
				left := func() []bool {
					var all []bool
					for _, f := range []core.File{drawn, cleaned, other, own} {
						all = append(all, r.blobs.Has(f.Ref))
					}
					return all
				}
				time.Sleep(time.Minute)
				if r.dropSpent(t.Context()); slices.Contains(left(), false) {
					t.Errorf("after a minute there are %v, want all", left())
				}
				time.Sleep(2 * time.Minute)
				if r.dropSpent(t.Context()); !slices.Equal(left(), c.want) {
					t.Errorf("while page 2 is worked on there are %v, want %v", left(), c.want)
				}
				tell(text(2), core.DocumentAssembled{Pages: 2}, core.Delivered{Destination: "default"})
				time.Sleep(time.Minute)
				r.dropSpent(t.Context())
				if want := []bool{false, false, false, true}; !slices.Equal(left(), want) {
					t.Errorf("after the end there are %v, want %v: an image that is the input's bytes may be in an upload", left(), want)
				}
				if len(r.images) > 0 {
					t.Errorf("%d images are remembered, want none", len(r.images))
				}
			})
		})
	}
}

func TestSpentImagesAreDroppedByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 2)
		image := r.put("a page that was drawn")
		r.mu.Lock()
		r.images[image.Ref] = true
		r.mu.Unlock()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if r.blobs.Has(image.Ref) {
			t.Error("the image is there after five minutes")
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}
