package farm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// machine reads pages: it is the local recognizer, a worker and its own basis.
type machine struct {
	name  string
	slots atomic.Int64
	takes time.Duration

	mu    sync.Mutex // guards what follows
	read  int
	asked int // about the basis
	now   int // pages under way
	most  int
	err   error
	spoil func(*Answer)
	basis error
}

func newMachine(name string, slots int, takes time.Duration) *machine {
	m := &machine{name: name, takes: takes}
	m.slots.Store(int64(slots))
	return m
}

func (m *machine) Name() string { return m.name }
func (m *machine) Slots() int   { return int(m.slots.Load()) }

func (m *machine) work(ctx context.Context) error {
	m.mu.Lock()
	m.now++
	m.most = max(m.most, m.now)
	m.mu.Unlock()
	timer := time.NewTimer(m.takes)
	defer timer.Stop()
	var err error
	select {
	case <-timer.C:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now--
	if err == nil {
		if err = m.err; err == nil {
			m.read++
		}
	}
	return err
}

func (m *machine) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

func (m *machine) pages() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.read
}

// here is a machine as this server's own recognizer.
type here struct{ *machine }

func (h here) Recognize(ctx context.Context, c core.RecognizeCall) (core.PageText, error) {
	if err := h.work(ctx); err != nil {
		return core.PageText{}, err
	}
	text := core.PageText{Text: core.File{Name: "page.json"}, Words: 1, By: h.name}
	return text, os.WriteFile(filepath.Join(c.Dir, "page.json"), pageJSON(), 0o600)
}

func (m *machine) Recognize(ctx context.Context, t Task) (Answer, error) {
	if t.Basis != "engine" {
		return Answer{}, ErrBasis
	}
	if err := m.work(ctx); err != nil {
		return Answer{}, err
	}
	a := Answer{Text: core.PageText{Text: core.File{Name: "page.json"}, Words: 1, By: m.name}, Page: pageJSON()}
	if m.spoil != nil {
		m.spoil(&a)
	}
	return a, nil
}

func (m *machine) Basis(context.Context, core.StepKind, core.Step, string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return "engine.files", m.basis
}

func pageJSON() []byte {
	word := ocr.Word{Text: "word", Box: ocr.Box{X0: 1, Y0: 1, X1: 9, Y1: 9}, Confidence: 90}
	p := ocr.Page{Width: 100, Height: 50, DPI: 300, Blocks: []ocr.Block{{Box: ocr.Box{X1: 99, Y1: 49}, Paragraphs: []ocr.Paragraph{{
		Box: ocr.Box{X1: 99, Y1: 49}, Lines: []ocr.Line{{Box: ocr.Box{X1: 99, Y1: 49}, Words: []ocr.Word{word}}},
	}}}}}
	var b bytes.Buffer
	if err := p.Encode(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func call(t *testing.T) core.RecognizeCall {
	return core.RecognizeCall{Job: "j", Image: core.Source{File: core.File{Ref: "image"}}, Width: 100, Height: 50, DPI: 300, Dir: t.TempDir()}
}

// readAll has n pages read at once and says who read them, and what went wrong.
func readAll(t *testing.T, ctx context.Context, p *Pool, n int) (by map[string]int, failed []error) {
	t.Helper()
	by = map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range n {
		c := call(t)
		all.Go(func() {
			text, err := p.Recognize(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, err)
				return
			}
			by[text.By]++
			if raw, err := os.ReadFile(filepath.Join(c.Dir, text.Text.Name)); err != nil || !bytes.Equal(raw, pageJSON()) {
				failed = append(failed, fmt.Errorf("the text is not there: %q, %w", raw, err))
			}
		})
	}
	all.Wait()
	return by, failed
}

func TestPagesGoWhereThereIsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a, b := newMachine("own", 0, time.Second), newMachine("a", 4, time.Second), newMachine("b", 2, time.Second)
		p := New(here{own}, own, 2, nil)
		p.Join(a)
		p.Join(b)
		began := time.Now()
		by, failed := readAll(t, t.Context(), p, 16)
		if took := time.Since(began); took != 2*time.Second || len(failed) > 0 {
			t.Errorf("took %v, failures %v", took, failed)
		}
		if by["own"] != 4 || by["a"] != 8 || by["b"] != 4 || own.most != 2 || a.most != 4 || b.most != 2 {
			t.Errorf("read by %v, at once %d, %d, %d", by, own.most, a.most, b.most)
		}
		if own.asked != 1 {
			t.Errorf("the basis was asked for %d times", own.asked)
		}
		for _, v := range p.Workers() {
			if v.Busy != 0 || v.Pages != int64(by[v.Name]) || v.Failures != 0 {
				t.Errorf("%+v", v)
			}
		}
	})
}

// Whoever has the least to do for what it can gets the next page.
func TestTheFreestWorkerIsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a, b := newMachine("own", 0, time.Second), newMachine("a", 2, time.Second), newMachine("b", 8, time.Second)
		p := New(here{own}, own, 1, nil)
		p.Join(a)
		p.Join(b)
		by, _ := readAll(t, t.Context(), p, 6)
		if by["own"] != 1 || by["a"] != 1 || by["b"] != 4 {
			t.Errorf("read by %v", by)
		}
	})
}

func TestAPageThatAWorkerDoesNotReadIsReadElsewhere(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		spoil func(*Answer)
		rests bool // after one page
		slots int  // after it
	}{
		"another engine": {err: fmt.Errorf("at a: %w", ErrBasis), rests: true},
		"gone":           {err: ErrGone},
		"an error":       {err: errors.New("crashed"), slots: 3},
		"no text":        {spoil: func(a *Answer) { a.Page = nil }, slots: 3},
		"no page":        {spoil: func(a *Answer) { a.Page = []byte("{}") }, slots: 3},
		"a path":         {spoil: func(a *Answer) { a.Text.Text.Name = "../page.json" }, slots: 3},
		"no name":        {spoil: func(a *Answer) { a.Text.Text.Name = "" }, slots: 3},
		"too few words":  {spoil: func(a *Answer) { a.Text.Words = 0 }, slots: 3},
		"another size":   {spoil: func(a *Answer) { a.Page = bytes.Replace(a.Page, []byte("100"), []byte("101"), 1) }, slots: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				own, a := newMachine("own", 0, time.Second), newMachine("a", 3, time.Second)
				a.err, a.spoil = c.err, c.spoil
				p := New(here{own}, own, 1, nil)
				p.Join(a)
				by, failed := readAll(t, t.Context(), p, 2)
				if by["own"] != 2 || len(failed) > 0 {
					t.Errorf("read by %v, failures %v", by, failed)
				}
				v := p.Workers()[0]
				if p.Slots() != c.slots || v.Rests.IsZero() == c.rests || v.Failures != 1 || v.Problem == "" || v.Busy != 0 {
					t.Errorf("%d slots, %+v", p.Slots(), v)
				}
			})
		})
	}
}

// One that is busy after all is asked again soon, and did nothing wrong.
func TestABusyWorkerIsAskedAgainSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Second), newMachine("a", 1, 0)
		a.err = ErrBusy
		p := New(here{own}, own, 1, nil)
		p.Join(a)
		for range 5 {
			if by, failed := readAll(t, t.Context(), p, 2); by["own"] != 2 || len(failed) > 0 {
				t.Fatal(by, failed)
			}
		}
		if v := p.Workers()[0]; v.Failures != 0 || v.Problem != "" || time.Until(v.Rests) > tick {
			t.Errorf("%+v", v)
		}
		time.Sleep(tick)
		a.fail(nil)
		if by, _ := readAll(t, t.Context(), p, 2); by["a"] != 1 {
			t.Errorf("read by %v", by)
		}
	})
}

// Rests end: that of a refusal after a minute, those of failures after more and more time.
func TestAWorkerRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Second), newMachine("a", 1, time.Second)
		a.err = errors.New("no")
		p := New(here{own}, own, 1, nil)
		p.Join(a)
		var rests []time.Duration
		for range 12 {
			if _, failed := readAll(t, t.Context(), p, 2); len(failed) > 0 {
				t.Fatal(failed)
			}
			if until := p.Workers()[0].Rests; !until.IsZero() {
				rests = append(rests, time.Until(until).Round(time.Second)+time.Second)
				time.Sleep(time.Until(until))
			}
		}
		if len(rests) != 11 || rests[0] != 2*time.Second || rests[1] != 4*time.Second || rests[10] != maxPause {
			t.Errorf("it rested %v", rests)
		}
		a.fail(nil)
		if by, _ := readAll(t, t.Context(), p, 2); by["a"] != 1 {
			t.Errorf("read by %v", by)
		}
		a.fail(ErrBasis)
		readAll(t, t.Context(), p, 2)
		if left := time.Until(p.Workers()[0].Rests); left != refusal-time.Second {
			t.Errorf("after a refusal it rests for %v", left)
		}
	})
}

// A worker that went gets no more pages until it joins again, under its old name.
func TestAWorkerComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Second), newMachine("a", 2, time.Second)
		a.err = ErrGone
		p := New(here{own}, own, 1, nil)
		leave := p.Join(a)
		readAll(t, t.Context(), p, 2)
		a.fail(nil)
		time.Sleep(time.Hour)
		if by, _ := readAll(t, t.Context(), p, 2); by["own"] != 2 {
			t.Errorf("one that has gone read: %v", by)
		}
		again := newMachine("a", 2, time.Second)
		end := p.Join(again)
		leave() // of the one before
		if by, _ := readAll(t, t.Context(), p, 2); by["a"] != 1 || len(p.Workers()) != 1 {
			t.Errorf("read by %v", by)
		}
		end()
		if p.Slots() != 0 || len(p.Workers()) != 0 {
			t.Error("it has not left")
		}
	})
}

// What leaves with pages is nobody's failure, and the page is read elsewhere.
func TestWorkersThatDieInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Second), newMachine("a", 8, 10*time.Second)
		p := New(here{own}, own, 2, nil)
		leave := p.Join(a)
		time.AfterFunc(1500*time.Millisecond, func() { a.fail(ErrGone); leave() })
		by, failed := readAll(t, t.Context(), p, 6)
		if by["own"] != 6 || len(failed) > 0 {
			t.Errorf("read by %v, failures %v", by, failed)
		}
	})
}

// What may be the page's fault is not tried on every machine there is.
func TestAPageThatWorkersDieOfStaysHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, why := range []error{ErrGone, errors.New("crashed")} {
			own := newMachine("own", 0, time.Second)
			p := New(here{own}, own, 0, nil)
			for n := range 10 {
				m := newMachine(fmt.Sprint(n), 1, time.Second)
				m.err = why
				p.Join(m)
			}
			by, failed := readAll(t, t.Context(), p, 1)
			var asked int64
			for _, v := range p.Workers() {
				asked += v.Failures
			}
			if by["own"] != 1 || len(failed) > 0 || asked != maxStrikes {
				t.Errorf("%v: read by %v after %d workers, failures %v", why, by, asked, failed)
			}
		}
	})
}

// A worker that says nothing costs half of the page's time, not the page.
func TestAWorkerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Second), newMachine("a", 8, time.Hour)
		p := New(here{own}, own, 1, nil)
		p.Join(a)
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		began := time.Now()
		by, failed := readAll(t, ctx, p, 2)
		if took := time.Since(began); by["own"] != 2 || len(failed) > 0 || took != 31*time.Second {
			t.Errorf("read by %v in %v, failures %v", by, took, failed)
		}
	})
}

func TestTheEndOfACallEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Hour), newMachine("a", 1, time.Hour)
		p := New(here{own}, own, 1, nil)
		p.Join(a)
		why := errors.New("the job was cancelled")
		ctx, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(why) })
		_, failed := readAll(t, ctx, p, 3) // here, there, and one that waits
		if len(failed) != 3 {
			t.Fatalf("failures %v", failed)
		}
		for _, err := range failed {
			if !errors.Is(err, why) {
				t.Error(err)
			}
		}
		here, waiting := p.Load()
		if v := p.Workers()[0]; here != 0 || waiting != 0 || v.Busy != 0 || v.Failures != 0 {
			t.Errorf("%d here, %d wait, %+v", here, waiting, v)
		}
	})
}

func TestAPageWithoutABasisStaysHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Second), newMachine("a", 8, time.Second)
		own.basis = errors.New("nobody knows")
		p := New(here{own}, own, 1, nil)
		p.Join(a)
		if by, failed := readAll(t, t.Context(), p, 3); by["own"] != 3 || len(failed) > 0 {
			t.Errorf("read by %v, failures %v", by, failed)
		}
	})
}

// A server with no places of its own waits for workers.
func TestAServerThatReadsNothingItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Second), newMachine("a", 2, time.Second)
		p := New(here{own}, own, 0, nil)
		_, failed := readAll(t, t.Context(), p, 2)
		if len(failed) != 2 || !errors.Is(failed[0], core.ErrNoPlace) || own.pages() != 0 {
			t.Errorf("failures %v, %d were read", failed, own.pages())
		}
		time.AfterFunc(5*time.Second, func() { p.Join(a) })
		if by, failed := readAll(t, t.Context(), p, 2); by["a"] != 2 || len(failed) > 0 {
			t.Errorf("read by %v, failures %v", by, failed)
		}
		a.fail(errors.New("it does not like the page"))
		if by, failed := readAll(t, t.Context(), p, 2); by["own"] != 2 || own.most != 1 || len(failed) > 0 {
			t.Errorf("as the last resort: read by %v, %d at once, failures %v", by, own.most, failed)
		}
	})
}

func TestRunTellsOfSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, a := newMachine("own", 0, time.Second), newMachine("a", 2, time.Second)
		p := New(here{own}, own, 1, nil)
		var told []int
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx, func(n int) { told = append(told, n) }) }()
		leave := p.Join(a)
		synctest.Wait()
		a.slots.Store(5)
		p.Look()
		synctest.Wait()
		a.slots.Store(3) // nobody says so
		time.Sleep(2 * tick)
		leave()
		synctest.Wait()
		stop()
		if err := <-ended; err != nil || fmt.Sprint(told) != "[4 8 5 0]" {
			t.Errorf("told of %v, %v", told, err)
		}
	})
}

// A basis counts for a while; it is asked about again beside the pages, and what nobody
// knows any more does not count.
func TestABasisIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := newMachine("own", 0, 0)
		b := newBases(own)
		get := func() (string, error) { return b.on(t.Context(), core.Step{}, "") }
		for range 3 {
			if on, err := get(); on != "engine.files" || err != nil {
				t.Fatal(on, err)
			}
			time.Sleep(freshness)
		}
		synctest.Wait()
		if own.asked != 3 {
			t.Errorf("asked %d times", own.asked)
		}
		own.basis = errors.New("nobody knows")
		_, _ = get() // an old one while it is asked
		synctest.Wait()
		if on, err := get(); err == nil {
			t.Errorf("the basis is still %q", on)
		}
	})
}

// A worker that got a place while nobody knew what the engine is, and so no page, has read none.
func TestAPlaceWithoutAPageIsNoPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		local, away := newMachine("here", 1, 0), newMachine("away", 1, 0)
		p := New(here{local}, local, 0, nil)
		local.basis = errors.New("it is not known")
		done := make(chan error, 1)
		c := call(t)
		go func() { _, err := p.Recognize(t.Context(), c); done <- err }()
		synctest.Wait()
		p.Join(away)
		<-done
		if v := p.Workers()[0]; v.Pages != 0 || away.pages() != 0 {
			t.Errorf("it is said to have read %d pages; it read %d", v.Pages, away.pages())
		}
	})
}
