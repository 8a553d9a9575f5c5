package host

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// pool keeps the processes of one plug-in: it hands each to one call at a time,
// replaces what is used up or broken, and stops trying when nothing helps.
type pool struct {
	host   *Host
	plugin *plugin
	turns  chan struct{} // one for each call that may run at once

	mu       sync.Mutex // guards what follows
	idle     []*worker  // least recently used first
	busy     map[*worker]struct{}
	starting []time.Time   // when the starts that are under way began
	pending  int           // replacements among them
	coming   int           // starts for whoever calls next, from before they begin
	awaiting int           // calls that wait for a process, see soon
	news     chan struct{} // closed when there may be a process for those
	health   health
	counts   Counts
	rested   bool   // nothing is started beforehand any more
	problem  string // the last thing that went wrong with a process
	at       time.Time
	closed   bool
}

// want is what a call wishes of its process.
type want struct {
	affinity string   // input that it worked on last, if that can be
	short    bool     // it takes hardly longer than a start
	fresh    bool     // it must be a new one
	writes   []string // folders that it may write to: these and no others
}

func newPool(h *Host, p *plugin, size int) *pool {
	return &pool{
		host: h, plugin: p, turns: make(chan struct{}, size), busy: map[*worker]struct{}{}, news: make(chan struct{}),
		health: health{limit: h.config.Strikes, rest: h.config.Quarantine},
	}
}

// acquire waits for a turn and gives a process. Whoever gets it releases it.
func (p *pool) acquire(ctx context.Context, need want) (*worker, error) {
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	w, err := p.worker(ctx, need)
	if err != nil {
		<-p.turns
	}
	return w, err
}

func (p *pool) worker(ctx context.Context, need want) (*worker, error) {
	wait, err := p.allowed()
	if err != nil {
		return nil, err
	}
	if !need.fresh {
		if w := p.takeIdle(need); w != nil {
			return w, nil
		}
		if w := p.soon(ctx, need); w != nil {
			return w, nil
		}
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	p.makeRoom()
	w, err := p.start(need.writes)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.engage(w, need)
	return w, nil
}

// sooner is how long a call waits for a process that is at work before it starts one of
// its own, which takes as long. Where that process has the call's input open, which another
// would have to read and hold a second time, it is waited for dearer times as long, and so it
// is on a sparing host, where the memory of another one counts; there up to queue calls wait
// for each process, be it still starting.
const (
	sooner = 30 * time.Millisecond
	dearer = 10
	queue  = 4
)

// patience is how long a short call waits for a process that is at work, and how many of
// them may. The caller holds mu.
func (p *pool) patience(need want) (long time.Duration, many int) {
	if p.host.config.Sparing {
		return dearer * sooner, queue * (len(p.busy) + len(p.starting))
	}
	for w := range p.busy {
		if need.affinity != "" && w.on == need.affinity {
			return dearer * sooner, len(p.busy)
		}
	}
	return sooner, len(p.busy)
}

// soon waits for a process that is being started already, or that a short call has, and
// gives it. Nil: there is none, and one is to be started.
func (p *pool) soon(ctx context.Context, need want) *worker {
	if len(need.writes) > 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	long, _ := p.patience(need)
	enough := time.NewTimer(long)
	defer enough.Stop()
	p.awaiting++
	defer func() { p.awaiting-- }()
	for late := false; !p.closed; {
		if _, many := p.patience(need); p.awaiting > p.coming && (late || !need.short || p.awaiting > p.coming+many) {
			return nil
		}
		news := p.news
		p.mu.Unlock()
		select {
		case <-news:
		case <-enough.C:
			late = true
		case <-ctx.Done():
			p.mu.Lock()
			return nil // the start sees it too
		}
		w := p.takeIdle(need)
		p.mu.Lock()
		if w != nil {
			return w
		}
	}
	return nil
}

// tidings wakes those who wait for a process. The caller holds mu.
func (p *pool) tidings() {
	if p.awaiting > 0 {
		close(p.news)
		p.news = make(chan struct{})
	}
}

// makeRoom ends the process that was idle longest where there are as many as there
// may be: none of them has the folders that are wanted now.
func (p *pool) makeRoom() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full() && len(p.idle) > 0 {
		p.dismiss(p.idle[0])
	}
}

// engage notes that a call has w. The caller holds mu.
func (p *pool) engage(w *worker, need want) {
	w.since, w.on = time.Now(), need.affinity
	p.busy[w] = struct{}{}
}

// allowed says whether the plug-in may be tried, and how long to wait before a start.
func (p *pool) allowed() (time.Duration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, errClosed
	}
	if err := p.health.allow(time.Now()); err != nil {
		return 0, &core.Failure{
			Code:   core.CodePlugin,
			Detail: fmt.Sprintf("plug-in %s is %v", p.plugin.name(), err),
			Remedy: "see the server's log for what it said; it is tried again by itself",
		}
	}
	return p.health.backoff(), nil
}

// takeIdle prefers the process that has affinity in its cache, then one that has
// nothing to lose, then the one whose cache is oldest.
func (p *pool) takeIdle(need want) *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(w *worker) bool { return w.gone() })
	fit := func(also func(*worker) bool) int {
		return slices.IndexFunc(p.idle, func(w *worker) bool { return slices.Equal(w.writes, need.writes) && also(w) })
	}
	best := fit(func(w *worker) bool { return need.affinity != "" && w.last == need.affinity })
	if best < 0 {
		best = fit(func(w *worker) bool { return w.last == "" })
	}
	if best < 0 {
		best = fit(func(w *worker) bool { return w.hits < worthKeeping || need.affinity == "" || p.full() })
	}
	if best < 0 {
		return nil
	}
	w := p.idle[best]
	p.idle = slices.Delete(p.idle, best, best+1)
	p.engage(w, need)
	return w
}

// worthKeeping is how many calls in a row about one input make a process be left to it
// while another can be started: its cache holds a long document.
const worthKeeping = 4

// start starts a process that may write to some folders, and notes how it went.
func (p *pool) start(writes []string) (*worker, error) {
	began := time.Now()
	p.mu.Lock()
	p.starting = append(p.starting, began)
	p.mu.Unlock()
	w, err := p.host.startWorker(p.plugin, writes...)
	if err == nil && string(w.manifest) != string(p.plugin.raw) {
		w.kill()
		p.host.memory.forget(p.plugin)
		p.host.memory.keep()
		err = fmt.Errorf("plug-in %s has changed on disk; restart the server to use the new one", p.plugin.name())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.starting, began)
	p.starting = slices.Delete(p.starting, i, i+1)
	if p.closed {
		if err == nil {
			w.kill()
		}
		return nil, errClosed
	}
	p.counts.Starts++
	if err != nil {
		p.host.log.Warn("plug-in does not start", "plugin", p.plugin.name(), "error", err)
		p.strike("", err.Error())
		return nil, &crash{detail: err.Error()}
	}
	w.limitKB = p.plugin.limitKB
	return w, nil
}

// trouble keeps what went wrong last, for people. The caller holds mu.
func (p *pool) trouble(what string) { p.problem, p.at = what, time.Now() }

// strike counts a failure against the plug-in. The caller holds mu.
func (p *pool) strike(input, cause string) {
	p.trouble(cause)
	if p.health.strike(input, cause, time.Now()) {
		p.host.log.Error("plug-in put into quarantine", "plugin", p.plugin.name(), "cause", cause, "until", p.health.until)
	}
}

// crashed notes that w ended during a call about input.
func (p *pool) crashed(input, cause string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Crashes++
	p.strike(input, cause)
}

// stalled notes that a call about input was lost with a process that had stopped
// answering; the heartbeat has counted and told it.
func (p *pool) stalled(input, cause string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.strike(input, cause)
}

// worked notes that w answered, be it with an error of its own.
func (p *pool) worked() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.health.success() {
		p.host.log.Info("plug-in left quarantine", "plugin", p.plugin.name())
	}
}

// release takes a process back. One that is broken or retired ends here, and if
// successor, a new one is started in its place before anyone asks.
func (p *pool) release(w *worker, successor bool) {
	w.out.Clear()
	good := !w.gone() && !w.retired.Load()
	if good {
		good = w.slot.clear() == nil
	}
	if !good {
		w.kill()
	}
	p.mu.Lock()
	delete(p.busy, w)
	if !w.light {
		w.calls++
		p.counts.Calls++
	}
	w.light = false
	w.since = time.Now()
	if good && !p.closed {
		p.idle = append(p.idle, w)
	} else {
		w.kill()
	}
	worn := good && w.calls >= p.host.config.Recycle
	p.tidings()
	p.mu.Unlock()
	<-p.turns
	switch {
	case worn && p.host.config.Sparing:
		p.end(w) // two at once would be the peak of all memory
		p.replace(nil, w.writes)
	case worn:
		p.replace(w, w.writes)
	case !good && successor:
		p.replace(nil, w.writes)
	}
}
