package host

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// poolOf is a pool of a plug-in of one kind that starts nothing.
func poolOf(kind sdk.Kind) *pool {
	p := newPlugin("/none")
	p.about = sdk.Manifest{Components: []sdk.ComponentManifest{{Kind: kind}}}
	return newPool(&Host{}, p, 2)
}

// asked is a call that waits for a process of p; what it gets comes out.
func asked(ctx context.Context, p *pool, need want) <-chan *worker {
	got := make(chan *worker, 1)
	go func() { got <- p.soon(ctx, need) }()
	synctest.Wait()
	return got
}

func waits(t *testing.T, what string, got <-chan *worker) {
	t.Helper()
	synctest.Wait()
	select {
	case w := <-got:
		t.Errorf("%s: it got %v, want it to wait", what, w)
	default:
	}
}

func TestACallTakesTheProcessThatIsBeingStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(sdk.KindRecognizer)
		if !p.expect(1) {
			t.Fatal("no process is to be started")
		}
		first := asked(t.Context(), p, want{})
		if w := <-asked(t.Context(), p, want{}); w != nil {
			t.Errorf("the second of two got %v, want that it starts its own", w)
		}
		time.Sleep(time.Minute)
		waits(t, "the first", first)
		w := &worker{process: &process{}}
		p.mu.Lock()
		p.coming--
		p.adopt(w)
		p.tidings()
		p.mu.Unlock()
		if got := <-first; got != w {
			t.Errorf("got %v, want the process that was started", got)
		}
	})
}

func TestACallStartsItsOwnWhenAStartFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(sdk.KindRecognizer)
		p.expect(1)
		got := asked(t.Context(), p, want{})
		waits(t, "a start", got)
		p.mu.Lock()
		p.coming--
		p.tidings()
		p.mu.Unlock()
		if w := <-got; w != nil {
			t.Errorf("got %v", w)
		}
	})
}

func TestAShortCallIsWaitedForAsLongAsAStartTakes(t *testing.T) {
	busy := func(p *pool) {
		p.mu.Lock()
		p.engage(&worker{process: &process{}}, want{affinity: "a.pdf"})
		p.mu.Unlock()
	}
	synctest.Test(t, func(t *testing.T) {
		p := poolOf(sdk.KindReader)
		busy(p)
		began := time.Now()
		if w := <-asked(t.Context(), p, want{short: true}); w != nil || time.Since(began) != sooner {
			t.Errorf("got %v after %v, want none after %v", w, time.Since(began), sooner)
		}
		began = time.Now()
		if w := <-asked(t.Context(), p, want{short: true, affinity: "a.pdf"}); w != nil || time.Since(began) != dearer*sooner {
			t.Errorf("one that has the document open: got %v after %v, want none after %v", w, time.Since(began), dearer*sooner)
		}
		began = time.Now()
		if w := <-asked(t.Context(), p, want{short: true, affinity: "b.pdf"}); w != nil || time.Since(began) != sooner {
			t.Errorf("one that has another open: got %v after %v, want none after %v", w, time.Since(began), sooner)
		}
		sparing := poolOf(sdk.KindFilter)
		sparing.host.config.Sparing = true
		busy(sparing)
		began = time.Now()
		if w := <-asked(t.Context(), sparing, want{short: true}); w != nil || time.Since(began) != dearer*sooner {
			t.Errorf("on a sparing host: got %v after %v, want none after %v", w, time.Since(began), dearer*sooner)
		}
		got := asked(t.Context(), p, want{short: true})
		waits(t, "a busy reader", got)
		p.mu.Lock()
		for w := range p.busy {
			delete(p.busy, w)
			p.idle = append(p.idle, w)
		}
		p.tidings()
		p.mu.Unlock()
		if w := <-got; w == nil {
			t.Error("the process that is free again is not taken")
		}
		long := poolOf(sdk.KindReader)
		busy(long)
		began = time.Now()
		if w := <-asked(t.Context(), long, want{}); w != nil || time.Since(began) != 0 {
			t.Errorf("a long call: got %v after %v, want none at once", w, time.Since(began))
		}
	})
}

func TestAProcessIsLeftToItsLongDocument(t *testing.T) {
	p := poolOf(sdk.KindReader)
	w := &worker{process: &process{}}
	for range worthKeeping + 1 {
		w.about("long")
	}
	p.idle = []*worker{w}
	if got := p.takeIdle(want{affinity: "other"}); got != nil {
		t.Error("another document gets the process, though one can be started")
	}
	if got := p.takeIdle(want{affinity: "long"}); got != w {
		t.Errorf("its own document gets %v", got)
	}
	p.idle = []*worker{w}
	p.busy = map[*worker]struct{}{{}: {}}
	if got := p.takeIdle(want{affinity: "other"}); got != w {
		t.Errorf("where no more can be started another document gets %v", got)
	}
}

func TestASparingHostStartsMoreWhenThereIsMoreToDo(t *testing.T) {
	h := open(t, Config{Workers: 3, Sparing: true, Own: map[sdk.Kind][]string{sdk.KindRecognizer: {"fault"}}}, "fault")
	wantFine(t, h)
	if got := h.List()[0]; got.Starts != 1 {
		t.Errorf("%d processes were started for one page", got.Starts)
	}
	h.Warm()
	h.Warm()
	eventually(t, "all have started", func() bool { return h.List()[0].Idle == 3 })
	h.Rest()
	if got := h.List()[0]; got.Idle != 0 {
		t.Errorf("%d processes stand idle for nothing", got.Idle)
	}
	wantFine(t, h)
}

func TestASparingHostHasOneProcessAfterTheOther(t *testing.T) {
	h := open(t, Config{Workers: 3, Recycle: 5, Sparing: true, Own: map[sdk.Kind][]string{sdk.KindRecognizer: {"fault"}}}, "fault")
	for range 22 {
		wantFine(t, h)
		if got := h.List()[0]; len(got.Processes) > 1 || got.Crashes != 0 {
			t.Fatalf("after %d calls: %+v", got.Calls, got)
		}
	}
	if got := h.List()[0]; got.Starts < 5 || got.Starts > 6 {
		t.Errorf("%d processes were started for 22 calls, 5 each", got.Starts)
	}
}

func TestASparingHostKeepsNoProcessThatNobodyNeeds(t *testing.T) {
	h := open(t, Config{Sparing: true, Own: map[sdk.Kind][]string{}}, "fault")
	got := h.List()[0]
	if got.Starts != 1 || len(got.Processes) != 0 {
		t.Errorf("got %d starts and the processes %v, want that it said what it is and ended", got.Starts, got.Processes)
	}
	wantFine(t, h)
}
