package pipeline

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestMoreSlotsAreForPagesOnly(t *testing.T) {
	p := &Pipeline{cfg: Config{Workers: 4, DocumentSlots: 2, DeliverSlots: 3}, sides: newSides("")}
	d := newDispatcher(p)
	for _, c := range []struct{ more, limit, pages int }{
		{8, 0, 12}, {0, 0, 4}, {-3, 0, 4}, {1 << 40, 0, 4 + maxMore}, {8, 3, 3}, {8, 9, 4},
	} {
		p.More(c.more)
		if p.Limit(c.limit); d.free(pages) != c.pages || d.free(documents) != 2 || d.free(deliveries) != 3 {
			t.Errorf("%+v: got %d pages, %d documents, %d deliveries", c, d.free(pages), d.free(documents), d.free(deliveries))
		}
	}
	if room := cap(d.outcomes); room < maxMore+4+2+3 {
		t.Errorf("there is room for %d outcomes, fewer than slots", room)
	}
}

// under is how many pages are being recognised now.
func (r *rig) under() int {
	synctest.Wait()
	return r.Stats().Stages[core.Recognize].Running
}

// More places take effect at once, fewer as pages end; nothing is interrupted.
func TestMoreAndFewerPlacesWhilePagesAreUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 60)
		r.stages.takes = 10 * time.Second
		id := r.submit(core.Submission{})
		r.wait(id, core.Running)
		for r.under() == 0 {
			time.Sleep(time.Second)
		}
		r.More(10)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		r.stages.mu.Lock()
		live := r.stages.live
		r.stages.mu.Unlock()
		if live != 12 {
			t.Errorf("%d pages are under way after More, want 12", live)
		}
		r.More(0)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		r.stages.mu.Lock()
		live = r.stages.live
		r.stages.mu.Unlock()
		if live != 2 {
			t.Errorf("%d pages are under way when there are places for 2", live)
		}
		r.wait(id, core.Completed)
		if n := len(r.told("StageStarted")); n != 60*3+3 {
			t.Errorf("%d tasks were begun, want each once: %d", n, 60*3+3)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// Who submits one page beside a long job waits no longer because there are many places (P9).
func TestASmallJobGetsItsShareOfManyPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 500)
		r.More(30)
		r.submit(core.Submission{Name: "large"})
		time.Sleep(5 * time.Second)
		began := time.Now()
		r.wait(r.submit(core.Submission{Name: "small"}), core.Completed)
		if took := time.Since(began); took > 12*time.Second { // six stages of a second, each after one of another's
			t.Errorf("it took %v", took)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// A page for which there was no place begins again as the same attempt.
func TestAPageWithoutAPlaceIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 6)
		var left atomic.Int64
		left.Store(50)
		r.stages.failWith(func(task core.Task) error {
			if task.Stage != core.Recognize || left.Add(-1) < 0 {
				return nil
			}
			return fmt.Errorf("page %d: %w", task.Page, core.ErrNoPlace)
		})
		r.wait(r.submit(core.Submission{}), core.Completed)
		if n := len(r.told("StageFailed")); n != 0 {
			t.Errorf("%d failures were told", n)
		}
		if n := len(r.told("StageStarted")); n != 6*3+3 {
			t.Errorf("%d tasks were begun, want %d", n, 6*3+3)
		}
		if h := r.Health(); h.Data.State != "up" {
			t.Errorf("the data service is %s", h.Data.State)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// There may be more places than events in a batch, and more results at a stop.
func TestManyPlacesAreAllUsedAndTheirResultsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 2*maxBatch + 50
		r := newRig(t, Config{Workers: many}, many)
		r.stages.takes, r.stages.dull = time.Minute, true
		r.submit(core.Submission{})
		time.Sleep(90 * time.Second) // the document is taken in, and the pages are at work
		synctest.Wait()
		if n := r.Stats().Stages[core.Rasterize].Running; n != many {
			t.Errorf("%d pages are under way, want %d", n, many)
		}
		if err := r.end(); err != nil {
			t.Error(err)
		}
		if n := len(r.told("PageRasterized")); n != many {
			t.Errorf("%d results are in the journal, want %d", n, many)
		}
	})
}
