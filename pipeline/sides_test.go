package pipeline

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func (f *fakeStages) begunSoFar() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.begun)
}

func (f *fakeStages) take(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takes = d
}

// wantBegun lets time pass and then wants so many tasks to have been begun.
func (r *rig) wantBegun(after time.Duration, want int) {
	r.t.Helper()
	time.Sleep(after)
	synctest.Wait()
	if n := r.stages.begunSoFar(); n != want {
		r.t.Fatalf("%d tasks were begun, want %d", n, want)
	}
}

func TestServerOfAPairWorksWhenItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 2)
		defer w.end()
		own, theirs := w.b.submit(core.Submission{}), w.a.submit(core.Submission{})
		w.sync()
		w.b.wantBegun(time.Minute, 0)
		w.b.Work(Own)
		w.b.wait(own, core.Completed)
		if got := w.state(w.b, theirs); got != core.Queued {
			t.Errorf("the peer's job is %s before anybody takes over", got)
		}
		w.b.Work(Peers)
		w.b.wait(theirs, core.Completed)
		w.sync()
		w.sameState()
		w.a.Work(Own)
		w.a.wantBegun(time.Minute, 0) // all is done
	})
}

func TestStopLetsWhatIsUnderWayEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{Workers: 1}, 3)
		defer w.end()
		w.a.stages.take(10 * time.Second)
		id := w.a.submit(core.Submission{})
		w.a.Work(Own)
		w.a.wantBegun(15*time.Second, 2) // ingest, and the first page
		w.a.Stop(Own)
		w.a.wantBegun(time.Minute, 2)
		if n := len(w.a.told("PageRasterized")); n != 1 {
			t.Errorf("%d results of the page that was under way", n)
		}
		w.a.Work(Own)
		w.a.wait(id, core.Completed)
		for key, n := range w.a.stages.ran {
			if n > 1 {
				t.Errorf("%v ran %d times", key, n)
			}
		}
	})
}

func TestDrainWaitsForWhatEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 3)
		defer w.end()
		w.a.stages.take(4 * time.Second)
		w.a.submit(core.Submission{})
		w.a.Work(Own)
		w.a.wantBegun(time.Second, 1)
		began := time.Now()
		if err := w.a.DrainJobs(t.Context(), Own, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %v, want 3s", took)
		}
		if len(w.a.told("DocumentIngested")) != 1 {
			t.Error("the result is not in the journal")
		}
		w.a.wantBegun(time.Minute, 1)
		if err := w.a.DrainJobs(t.Context(), Peers, time.Hour); err != nil { // nothing is under way there
			t.Fatal(err)
		}
	})
}

func TestDrainCutsWhatTakesLongWithoutBlame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		w.a.stages.take(time.Minute)
		own := w.a.submit(core.Submission{})
		theirs := w.b.submit(core.Submission{})
		w.sync()
		w.a.Work(Own)
		w.a.Work(Peers)
		w.a.wantBegun(time.Second, 2)
		began := time.Now()
		if err := w.a.DrainJobs(t.Context(), Peers, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %v, want 10s", took)
		}
		if n := len(w.a.told("StageFailed")); n != 0 {
			t.Errorf("%d failures", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if v, _ := w.a.Job(own); v.Pages.Total != 1 {
			t.Error("the own job was cut short, too")
		}
		if v, _ := w.a.Job(theirs); v.Pages.Total != 0 || v.State != core.Running {
			t.Errorf("the peer's job went on: %+v", v)
		}
		w.a.Work(Peers)
		w.a.wait(theirs, core.Completed)
	})
}

func TestDrainWaitsForResultsOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		id := w.a.submit(core.Submission{})
		w.a.Work(Own)
		w.a.wantBegun(time.Millisecond, 1)
		w.a.log.set(full)
		drained := make(chan error, 1)
		go func() { drained <- w.a.DrainJobs(t.Context(), Own, time.Second) }()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		select {
		case err := <-drained:
			t.Fatalf("drained (%v) although a result is not in the journal", err)
		default:
		}
		w.a.log.set(nil)
		if err := <-drained; err != nil {
			t.Fatal(err)
		}
		if len(w.a.told("DocumentIngested")) != 1 {
			t.Error("the result is lost")
		}
		w.sync()
		w.b.Work(Peers)
		w.b.wait(id, core.Completed)
		if n := len(w.b.stages.starts(core.Ingest)); n != 0 {
			t.Error("what was done is done again")
		}
	})
}

func TestDrainLetsRestingAttemptsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		w.a.stages.failWith(on(core.Ingest, 0, core.DataDown("put", errDisk)))
		id := w.a.submit(core.Submission{})
		w.a.Work(Own)
		time.Sleep(5 * time.Second) // it rests
		if err := w.a.DrainJobs(t.Context(), Own, time.Second); err != nil {
			t.Fatal(err)
		}
		before := w.a.stages.begunSoFar()
		w.a.stages.failWith(nil)
		w.a.wantBegun(time.Hour, before)
		w.a.Work(Own)
		w.a.wait(id, core.Completed)
		if n := len(w.a.told("StageFailed")); n != 0 {
			t.Errorf("%d failures", n)
		}
	})
}

func TestDrainThatIsOverruled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		w.a.stages.take(time.Minute)
		id := w.a.submit(core.Submission{})
		w.a.Work(Own)
		w.a.wantBegun(time.Second, 1)
		drained := make(chan error, 1)
		go func() { drained <- w.a.DrainJobs(t.Context(), Own, 10*time.Second) }()
		time.Sleep(time.Second)
		w.a.Work(Own)
		wantCode(t, <-drained, core.CodeConflict)

		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if err := w.a.DrainJobs(ctx, Own, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up: %v", err)
		}
		w.a.Work(Own)
		w.a.wait(id, core.Completed)

		w.a.submit(core.Submission{})
		time.Sleep(time.Second)
		go func() { drained <- w.a.DrainJobs(t.Context(), Own, time.Hour) }()
		time.Sleep(time.Second)
		w.end()
		if err := <-drained; err == nil {
			t.Error("it was drained by a stop that cut the work")
		}
	})
}

// A job that the journal refused to begin gives its slot back when its side stops.
func TestStopWhileTheJournalIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		id := w.a.submit(core.Submission{})
		w.a.log.set(full)
		w.a.Work(Own)
		time.Sleep(time.Second)
		if err := w.a.DrainJobs(t.Context(), Own, time.Second); err != nil {
			t.Fatal(err)
		}
		w.a.log.set(nil)
		w.a.wantBegun(time.Hour, 0)
		w.a.Work(Own)
		w.a.wait(id, core.Completed)
	})
}

// The worst of a takeover: the one that took over dies in the middle, too.
func TestWorkGoesOnAfterACrashOfEither(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 30)
		defer w.end()
		id := w.a.submit(core.Submission{})
		w.a.Work(Own)
		time.Sleep(10 * time.Second)
		w.sync()
		_ = w.a.end()
		w.b.Work(Peers)
		time.Sleep(10 * time.Second)
		_ = w.b.end()
		w.b.start()
		w.forget(w.a)
		if err := w.feed(w.a, w.b); err != nil {
			t.Fatal(err)
		}
		w.b.wantBegun(time.Minute, w.b.stages.begunSoFar())
		w.b.Work(Peers)
		time.Sleep(10 * time.Second)
		if err := w.b.DrainJobs(t.Context(), Peers, 2*time.Second); err != nil {
			t.Fatal(err)
		}
		w.a.start()
		w.forget(w.b)
		w.sync()
		w.a.Work(Own)
		w.a.wait(id, core.Completed)
		w.sync()
		w.sameState()
		twice := 0
		for key, n := range w.a.stages.ran {
			if n += w.b.stages.ran[key]; n > 1 {
				twice++
			}
		}
		if twice > 2*2+2 { // what two workers had in hand at the two crashes, and two documents at most
			t.Errorf("%d tasks were done twice", twice)
		}
		if n := len(w.a.told("Delivered")) + len(w.b.told("Delivered")); n != 1 {
			t.Errorf("%d deliveries", n)
		}
	})
}
