package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestJobIsWorkedOnFromSubmitToDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Server: "A"}, 3)
		id := r.submit(core.Submission{Files: []core.File{{Name: "../../etc/.bill.pdf", Ref: r.put("x").Ref, Size: 1}}})
		v := r.wait(id, core.Completed)
		if v.Pages != (core.PageCounts{Total: 3, Done: 3}) || v.Name != "bill" || v.Server != "A" || v.Destinations[0].State != core.DeliveryDone {
			t.Errorf("got %+v", v)
		}
		if n := len(r.told("PageRecognized")); n != 3 {
			t.Errorf("%d pages recognised, want 3", n)
		}
		deliver := r.stages.starts(core.Deliver)[0].task
		if _, ok := deliver.Document.Settings["destination/delivered"]; !ok || deliver.Document.DeliveryKey("delivered") != string(id)+"/delivered" {
			t.Errorf("delivery of %+v", deliver.Document)
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSmallJobStartsInTheNextFreeSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Workers: 2}, 1000)
		big := r.submit(core.Submission{Name: "big"})
		time.Sleep(20*time.Second + 500*time.Millisecond)
		asked := time.Now()
		small := r.submit(core.Submission{Name: "small"})
		v := r.wait(small, core.Completed)
		for _, b := range r.stages.starts(core.Rasterize) {
			if b.task.Job == small {
				// one second for ingest, at most one until a slot is free
				if waited := b.at.Sub(asked); waited > 2*time.Second {
					t.Errorf("its page started after %v, want at most 2s", waited)
				}
			}
		}
		if took := v.Finished.Sub(asked); took > 7*time.Second {
			t.Errorf("the small job took %v", took)
		}
		if v, _ := r.Job(big); v.Pages.Done > 30 || v.Pages.Done < 5 {
			t.Errorf("the big job has %d pages meanwhile", v.Pages.Done)
		}
		if r.stages.most > 3 {
			t.Errorf("%d tasks at once, want at most 2 pages and the small job's document", r.stages.most)
		}
		_ = r.end()
	})
}

func TestFewImagesLieBetweenTheStages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Workers: 4}, 100)
		id := r.submit(core.Submission{})
		r.wait(id, core.Completed)
		between, most := 0, 0
		for _, b := range r.stages.begun {
			switch b.task.Stage {
			case core.Rasterize:
				between++
			case core.Recognize:
				between--
			}
			most = max(most, between)
		}
		if most > 8 {
			t.Errorf("%d pages were begun and not recognised, want at most twice the workers", most)
		}
		_ = r.end()
	})
}

func TestCrashRepeatsNoFinishedPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Workers: 3}, 20)
		id := r.submit(core.Submission{})
		crashes := 0
		for {
			synctest.Wait()
			if v, _ := r.Job(id); !v.State.Open() {
				break
			}
			time.Sleep(2700 * time.Millisecond)
			r.log.set(full) // nothing of what runs now reaches the journal
			_ = r.end()
			r.log.set(nil)
			r.start()
			if crashes++; crashes > 100 {
				t.Fatal("the job never ends")
			}
		}
		v := r.wait(id, core.Completed)
		if crashes < 3 || v.Pages.Done != 20 {
			t.Fatalf("%d crashes, %+v", crashes, v.Pages)
		}
		seen := map[core.TaskKey]int{}
		for _, kind := range []string{"PageRasterized", "PageCleaned", "PageRecognized", "DocumentAssembled", "Delivered"} {
			for _, e := range r.told(kind) {
				key := core.TaskKey{Job: e.Job, Stage: core.Stage(kind)}
				switch b := e.Body.(type) {
				case core.PageRasterized:
					key.Page = b.Page
				case core.PageCleaned:
					key.Page = b.Page
				case core.PageRecognized:
					key.Page = b.Page
				}
				if seen[key]++; seen[key] > 1 {
					t.Errorf("%v stands in the journal twice", key)
				}
			}
		}
		started := map[core.TaskKey]time.Time{}
		for _, e := range r.told("PageRecognized") {
			started[core.TaskKey{Job: id, Stage: core.Recognize, Page: e.Body.(core.PageRecognized).Page}] = e.At
		}
		for _, b := range r.stages.starts(core.Recognize) {
			if done, ok := started[b.task.Key()]; ok && b.at.After(done) {
				t.Errorf("page %d was recognised again after it was finished", b.task.Page)
			}
		}
		_ = r.end()
	})
}

func TestSameKeyIsOneJobHoweverOftenItComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		file := r.put("scan")
		var wait sync.WaitGroup
		ids := make([]core.JobID, 50)
		duplicates := make([]bool, len(ids))
		for i := range ids {
			wait.Go(func() {
				acc, err := r.Submit(t.Context(), core.Submission{Files: []core.File{file}, Key: "k"})
				if err != nil {
					t.Error(err)
				}
				ids[i], duplicates[i] = acc.ID, acc.Duplicate
			})
		}
		wait.Wait()
		slices.Sort(ids)
		if n := len(slices.Compact(ids)); n != 1 {
			t.Errorf("%d jobs", n)
		}
		if n := len(slices.DeleteFunc(duplicates, func(d bool) bool { return d })); n != 1 {
			t.Errorf("%d submissions are said to be the first", n)
		}
		_, err := r.Submit(t.Context(), core.Submission{Files: []core.File{r.put("other")}, Key: "k"})
		wantCode(t, err, core.CodeKeyReused)
		r.wait(ids[0], core.Completed)
		r.Maintenance(true, "update")
		if acc, err := r.Submit(t.Context(), core.Submission{Files: []core.File{file}, Key: "k"}); err != nil || !acc.Duplicate || acc.State != core.Completed {
			t.Errorf("the same again in maintenance: %+v, %v", acc, err)
		}
		_ = r.end()
	})
}

func TestWhatCannotBeTakenIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		file := r.put("scan")
		large := file
		large.Size = 3 << 30
		gone := core.File{Name: "x", Ref: core.Ref(fmt.Sprintf("%064d", 7))}
		for _, c := range []struct {
			name string
			sub  core.Submission
			code string
		}{
			{"no file", core.Submission{}, core.CodeBadRequest},
			{"file that was not uploaded", core.Submission{Files: []core.File{gone}}, core.CodeBadRequest},
			{"too large", core.Submission{Files: []core.File{large}}, core.CodeOverLimit},
			{"unknown profile", core.Submission{Files: []core.File{file}, Profile: "x"}, core.CodeUnknown},
			{"unknown destination", core.Submission{Files: []core.File{file}, Destinations: []string{"x"}}, core.CodeUnknown},
			{"language", core.Submission{Files: []core.File{file}, Languages: []string{"../x"}}, core.CodeBadRequest},
		} {
			_, err := r.Submit(t.Context(), c.sub)
			t.Log(c.name)
			wantCode(t, err, c.code)
		}
		r.Maintenance(true, "update")
		_, err := r.Submit(t.Context(), core.Submission{Files: []core.File{file}})
		wantCode(t, err, core.CodeMaintenance)
		r.Maintenance(false, "")
		r.submit(core.Submission{})
		_ = r.end()
		_, err = r.Submit(t.Context(), core.Submission{Files: []core.File{file}})
		wantCode(t, err, core.CodeMaintenance)
	})
}

func TestDrainFinishesWhatRunsAndBeginsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Workers: 2}, 10)
		id := r.submit(core.Submission{})
		time.Sleep(2500 * time.Millisecond)
		r.Drain()
		r.Drain()
		if err := <-r.done; err != nil {
			t.Fatal(err)
		}
		begun := len(r.stages.begun)
		v, _ := r.Job(id)
		if h := r.Health(); h.Mode.State != ModeDraining || v.State != core.Running {
			t.Errorf("mode %+v, job %s", h.Mode, v.State)
		}
		r.start()
		r.wait(id, core.Completed)
		if len(r.stages.begun) != 1+3*10+2 {
			t.Errorf("%d tasks before and %d after, want each once", begun, len(r.stages.begun))
		}
		_ = r.end()
	})
}

func TestCallsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		_ = r.end()
		idle, err := New(t.Context(), r.cfg, r.log, r.blobs, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := idle.Submit(ctx, core.Submission{Files: []core.File{r.put("x")}}); err != context.DeadlineExceeded {
			t.Errorf("got %v", err)
		}
	})
}
