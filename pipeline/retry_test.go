package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestFailedAttemptsAreTriedAgainLaterAndLater(t *testing.T) {
	permanent := core.Refuse(core.CodeDamaged, "", "torn")
	for _, c := range []struct {
		name  string
		stage core.Stage
		err   error
		rests []time.Duration // between the attempts
		want  core.JobState
	}{
		{"page", core.Rasterize, errCrash, []time.Duration{1e9, 2e9}, core.Failed},
		{"document", core.Assemble, errors.New("odd"), []time.Duration{1e9, 2e9}, core.Failed},
		{"permanent", core.Rasterize, permanent, nil, core.Failed},
		{"delivery", core.Deliver, errCrash, []time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 64e9, 128e9, 256e9, 512e9, 900e9, 900e9,
			900e9, 900e9, 900e9, 900e9, 900e9, 900e9, 900e9}, core.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Config{}, 1)
				r.stages.failWith(on(c.stage, 0, c.err))
				id := r.submit(core.Submission{})
				v := r.wait(id, c.want)
				if v.Error == nil || v.Error.Detail != core.AsFailure(c.err).Detail {
					t.Errorf("error: %v", v.Error)
				}
				starts := r.stages.starts(c.stage)
				var rests []time.Duration
				for i := 1; i < len(starts); i++ {
					rests = append(rests, starts[i].at.Sub(starts[i-1].at)-r.stages.takes)
				}
				slack := func(a, b time.Duration) bool { return (a - b).Abs() < 10*time.Millisecond }
				if !slices.EqualFunc(rests, c.rests, slack) {
					t.Errorf("rests: got %v, want %v", rests, c.rests)
				}
				_ = r.end()
			})
		})
	}
}

func TestStageThatTakesTooLongFailsWithTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		r.stages.takes = time.Hour
		id := r.submit(core.Submission{Override: func(o *core.Options) { o.Limits.JobTimeout = 10 * time.Second }})
		v := r.wait(id, core.Failed)
		if v.Error.Code != core.CodeTimeout || len(r.stages.starts(core.Ingest)) != 3 {
			t.Errorf("got %v after %d attempts", v.Error, len(r.stages.starts(core.Ingest)))
		}
		_ = r.end()
	})
}

func TestOneBadPageMakesThePartialJobThatRetryCompletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 5)
		r.stages.failWith(on(core.Recognize, 3, errCrash))
		id := r.submit(core.Submission{})
		v := r.wait(id, core.Partial)
		if v.Pages.Failed != 1 || len(v.Failures) != 1 || v.Failures[0].Page != 3 {
			t.Errorf("got %+v", v)
		}
		r.stages.failWith(nil)
		if err := r.Retry(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.wait(id, core.Completed)
		if n := len(r.told("PageRecognized")); n != 5 {
			t.Errorf("%d pages recognised, want each of 5 once", n)
		}
		wantCode(t, r.Retry(t.Context(), id), core.CodeConflict)
		wantCode(t, r.Retry(t.Context(), "nobody"), core.CodeUnknown)
		_ = r.end()
	})
}

func TestWorkThatTakesTheServerDownIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Retry: RetryPolicy{Interrupts: 4}}, 2)
		r.stages.failWith(func(t core.Task) error {
			if t.Stage == core.Clean && t.Page == 2 {
				r.stop() // the server dies whenever page 2 is being cleaned
				return context.Canceled
			}
			return nil
		})
		id := r.submit(core.Submission{})
		for range 4 {
			if err := <-r.done; err != nil {
				t.Fatal(err)
			}
			r.start()
		}
		v := r.wait(id, core.Partial)
		if len(v.Failures) != 1 || v.Failures[0].Failure.Code != core.CodeInterrupted || v.Failures[0].Page != 2 {
			t.Errorf("got %+v", v.Failures)
		}
		if n := r.stages.ran[core.TaskKey{Job: id, Stage: core.Clean, Page: 2}]; n != 4 {
			t.Errorf("it was begun %d times, want 4", n)
		}
		_ = r.end()
	})
}

func TestCrashesDoNotMeetTheSameJobAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Retry: RetryPolicy{Interrupts: 6}}, 1)
		var ids []core.JobID
		for i := range 30 {
			ids = append(ids, r.submit(core.Submission{Name: fmt.Sprint(i)}))
		}
		time.Sleep(20 * time.Second) // all are ingested; pages are at work
		for range 40 {
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			r.start()
			time.Sleep(500 * time.Millisecond) // half of what a task takes
		}
		for _, id := range ids {
			r.waitEnd(id)
		}
		for _, e := range r.told("StageFailed") {
			if f := e.Body.(core.StageFailed); f.Page != 0 { // few documents are assembled at once: these do meet the same crashes
				t.Errorf("%s: page work was given up: %+v", e.Job, f)
			}
		}
		_ = r.end()
	})
}

func TestCancelStopsRunningTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 50)
		id := r.submit(core.Submission{})
		time.Sleep(5500 * time.Millisecond)
		if err := r.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if r.stages.live != 0 {
			t.Errorf("%d tasks still run", r.stages.live)
		}
		v, _ := r.Job(id)
		if v.State != core.Cancelled || v.Pages.Total != 50 {
			t.Errorf("got %s %+v", v.State, v.Pages)
		}
		if n := len(r.told("StageFailed")); n != 0 {
			t.Errorf("%d failures", n)
		}
		wantCode(t, r.Cancel(t.Context(), id), core.CodeConflict)
		_ = r.end()
	})
}

func TestHeldJobBeginsNothingUntilItIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 5)
		id := r.submit(core.Submission{Held: true})
		time.Sleep(time.Hour)
		if len(r.stages.begun) != 0 {
			t.Errorf("%d tasks begun", len(r.stages.begun))
		}
		wantCode(t, r.Hold(t.Context(), id), core.CodeConflict)
		if err := r.Release(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond)
		if err := r.Hold(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if v, _ := r.Job(id); v.State != core.Held || r.stages.live != 0 {
			t.Errorf("%s with %d tasks", v.State, r.stages.live)
		}
		if err := r.Release(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.wait(id, core.Completed)
		wantCode(t, r.Release(t.Context(), id), core.CodeConflict)
		_ = r.end()
	})
}
