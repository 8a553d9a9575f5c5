package pipeline

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// elsewhere is where lost blobs can be got from.
type elsewhere struct {
	mu    sync.Mutex // guards what follows
	down  bool
	asked int
	put   func()
}

func (e *elsewhere) heal(context.Context, core.Ref) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked++
	if e.down {
		return errors.New("the peer does not answer")
	}
	e.put()
	return nil
}

func TestLostBlobIsGotFromThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		e := elsewhere{down: true}
		r := newRig(t, Config{Heal: e.heal}, 0)
		lost := r.put("scan")
		e.put = func() { r.put("scan") }
		path, err := r.blobs.Path(lost.Ref)
		if err != nil {
			t.Fatal(err)
		}
		id := r.submit(core.Submission{Files: []core.File{lost}, Held: true})
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := r.Release(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if v, _ := r.Job(id); v.State != core.Running || v.Error != nil {
			t.Errorf("while nobody has it the job is %s (%v)", v.State, v.Error)
		}
		if h := r.Health(); h.Data.State != "up" || h.Data.Since.After(began) {
			t.Errorf("one lost blob takes the data service down: %v", h.Data)
		}
		if n := len(r.told("StageFailed")); n != 0 || r.stages.begunSoFar() != 0 {
			t.Errorf("%d failures, %d tasks begun", n, r.stages.begunSoFar())
		}
		e.mu.Lock()
		if e.asked < 5 || e.asked > 30 {
			t.Errorf("asked %d times in 10 minutes", e.asked)
		}
		e.down = false
		e.mu.Unlock()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if n := len(r.told("DocumentIngested")); n != 1 {
			t.Errorf("ingested %d times", n)
		}
		_ = r.end()
	})
}

func TestLostPageImageDoesNotFailThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := core.Ref(strings.Repeat("0", 56) + "00000001") // what the stages say they made
		e := elsewhere{put: func() {}}
		r := newRig(t, Config{Heal: e.heal, Peer: "B"}, 1)
		id := r.submit(core.Submission{})
		r.Work(Own)
		time.Sleep(time.Hour)
		synctest.Wait()
		v, _ := r.Job(id)
		if v.State != core.Running || v.Pages.Failed != 0 || r.blobs.Has(fake) {
			t.Errorf("the job is %+v", v)
		}
		if n := len(r.stages.starts(core.Clean)); n != 0 {
			t.Errorf("clean was begun %d times without its image", n)
		}
		if err := r.DrainJobs(t.Context(), Own, time.Second); err != nil {
			t.Fatal(err)
		}
		_ = r.end()
	})
}

// The side goes to the peer because the disk is full. Nothing is tried here any more, and
// yet the server has to notice that there is room again.
func TestBlobStoreComesBackWithoutWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		w.a.submit(core.Submission{})
		w.a.stages.failWith(on(core.Ingest, 0, core.DataDown("put", errDisk)))
		w.a.Work(Own)
		time.Sleep(2 * time.Second)
		if got := w.a.Health().Data.State; got != "down" {
			t.Fatalf("the data service is %s", got)
		}
		if err := w.a.DrainJobs(t.Context(), Own, time.Second); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := w.a.Health().Data.State; got != "up" {
			t.Errorf("the data service is %s although there is room", got)
		}
		w.end()
	})
}
