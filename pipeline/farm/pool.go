package farm

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/recognize"
)

// Pool has every page recognised in a place that is free: one of this server's own, or one
// of a worker that has joined. It is a recognize.Recognizer, and its methods may be called
// from any goroutine.
//
// A server with no places of its own recognises nothing itself. Its pages wait until a
// worker is there, for as long as it takes and without being failures. What no worker can
// take is read here all the same, one page at a time: a page whose basis nobody knows, and
// one that workers failed to read.
type Pool struct {
	local  recognize.Recognizer
	bases  *bases
	log    *slog.Logger
	change chan struct{} // holds one: what Slots says may have changed

	mu      sync.Mutex // guards what follows
	places  int        // of this server
	busy    int        // of them, more than there are while one is used as the last resort
	members []*member
	queue   []*waiter // who came first is first
	told    time.Time // when it was last said that pages wait
}

// tick is the time between two looks at what the workers' slots are.
const tick = time.Second

// New makes a pool without workers. basis is what a worker has to prove, and places is how
// many pages the local recognizer has at once.
func New(local recognize.Recognizer, basis Basis, places int, log *slog.Logger) *Pool {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Pool{local: local, bases: newBases(basis), places: places, log: log, change: make(chan struct{}, 1)}
}

// Join gives a worker pages from now on. A worker of the same name is replaced. After leave
// it gets no more of them; those that it has are its own to end.
func (p *Pool) Join(w Worker) (leave func()) {
	m := &member{Worker: w}
	p.mu.Lock()
	p.drop(func(o *member) bool { return o.Name() == w.Name() })
	p.members = append(p.members, m)
	p.deal()
	p.mu.Unlock()
	p.Look()
	p.log.Info("a worker has joined", "worker", w.Name(), "slots", w.Slots())
	return func() {
		p.mu.Lock()
		there := p.drop(func(o *member) bool { return o == m })
		p.mu.Unlock()
		p.Look()
		if there {
			p.log.Info("a worker has left", "worker", w.Name())
		}
	}
}

// drop takes workers out. The caller holds mu.
func (p *Pool) drop(which func(*member) bool) (some bool) {
	p.members = slices.DeleteFunc(p.members, func(m *member) bool {
		if !which(m) {
			return false
		}
		m.left, some = true, true
		return true
	})
	return some
}

// Slots is how many pages the workers take at once, those that rest not counted.
func (p *Pool) Slots() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		n += m.slots()
	}
	return n
}

// Look has the pool look at the workers' slots anew. Whoever knows that they changed calls
// it; without it the pool finds out within a second.
func (p *Pool) Look() {
	select {
	case p.change <- struct{}{}:
	default:
	}
}

// ahead is how many pages are made ready for places at workers beside those that they have,
// so that none stands idle while a page is being prepared here.
func ahead(slots int) int {
	if slots == 0 {
		return 0
	}
	return 2 + slots/4
}

// Run tells more how many pages are to be under way beside those of this server, whenever
// that changes, until ctx ends: as many as the workers take at once, and some that are ready.
func (p *Pool) Run(ctx context.Context, more func(pages int)) error {
	every := time.NewTicker(tick)
	defer every.Stop()
	for last := 0; ; {
		if n := p.Slots(); n != last {
			more(n + ahead(n))
			last = n
		}
		p.mu.Lock()
		p.deal()
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil
		case <-p.change:
		case <-every.C:
		}
	}
}

// Recognize implements recognize.Recognizer. The error is core.ErrNoPlace when there was no
// place for the page; whatever a worker says that is no text is nobody's failure.
func (p *Pool) Recognize(ctx context.Context, c core.RecognizeCall) (core.PageText, error) {
	w := &waiter{seat: make(chan *member, 1)}
	var task Task
	var basis string
	if p.anyone() {
		if on, err := p.bases.on(ctx, c.Step, string(c.Image.Ref)); err == nil {
			task, basis, w.abroad = taskOf(c, on), on, true
		}
	} else {
		w.abroad = p.own() == 0
	}
	for {
		m, err := p.sit(ctx, w)
		if err != nil {
			return core.PageText{}, err
		}
		if m == nil {
			defer p.stand(nil, nil)
			return p.local.Recognize(ctx, c)
		}
		if task.Basis == "" { // nobody was there when the page came
			on, err := p.bases.on(ctx, c.Step, string(c.Image.Ref))
			if err != nil {
				p.release(m)
				w.abroad = false
				continue
			}
			task, basis = taskOf(c, on), on
		}
		text, err := p.ask(ctx, m, task, c)
		text.Basis = basis
		if err == nil || ctx.Err() != nil {
			return text, err
		}
		w.strike(m, err)
	}
}

func (p *Pool) anyone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.members) > 0
}

func (p *Pool) own() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.places
}

// taskOf is what a worker is told of a page.
func taskOf(c core.RecognizeCall, basis string) Task {
	o := core.Options{Languages: c.Options.Languages, Limits: c.Options.Limits}
	return Task{Job: c.Job, Step: c.Step, Image: c.Image.File, DPI: c.DPI, Options: o, Basis: shared(basis)}
}

// ask has a worker read a page, in half of the time that there is: the rest is for another.
func (p *Pool) ask(ctx context.Context, m *member, t Task, c core.RecognizeCall) (core.PageText, error) {
	during, stop := ctx, context.CancelFunc(func() {})
	if end, ok := ctx.Deadline(); ok {
		during, stop = context.WithTimeout(ctx, time.Until(end)/2)
	}
	defer stop()
	a, err := m.Recognize(during, t)
	var text core.PageText
	if err == nil {
		text, err = accept(a, c)
	}
	switch {
	case err == nil:
		p.stand(m, nil)
	case ctx.Err() != nil:
		p.release(m)
		return core.PageText{}, context.Cause(ctx)
	default:
		p.stand(m, err)
	}
	return text, err
}
