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

	mu      sync.Mutex // guards what follows
	idle    []*worker  // least recently used first
	busy    map[*worker]struct{}
	pending int // replacements being started
	health  health
	counts  Counts
	closed  bool
}

func newPool(h *Host, p *plugin, size int) *pool {
	return &pool{
		host: h, plugin: p, turns: make(chan struct{}, size), busy: map[*worker]struct{}{},
		health: health{limit: h.config.Strikes, rest: h.config.Quarantine},
	}
}

// acquire waits for a turn and gives a process, one that worked on affinity last
// if there is such a one, and a new one if fresh. Whoever gets it releases it.
func (p *pool) acquire(ctx context.Context, affinity string, fresh bool) (*worker, error) {
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	w, err := p.worker(ctx, affinity, fresh)
	if err != nil {
		<-p.turns
	}
	return w, err
}

func (p *pool) worker(ctx context.Context, affinity string, fresh bool) (*worker, error) {
	wait, err := p.allowed()
	if err != nil {
		return nil, err
	}
	if !fresh {
		if w := p.takeIdle(affinity); w != nil {
			return w, nil
		}
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	w, err := p.start()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy[w] = struct{}{}
	return w, nil
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
func (p *pool) takeIdle(affinity string) *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = slices.DeleteFunc(p.idle, func(w *worker) bool { return w.gone() })
	if len(p.idle) == 0 {
		return nil
	}
	best := slices.IndexFunc(p.idle, func(w *worker) bool { return affinity != "" && w.last == affinity })
	if best < 0 {
		best = max(0, slices.IndexFunc(p.idle, func(w *worker) bool { return w.last == "" }))
	}
	w := p.idle[best]
	p.idle = slices.Delete(p.idle, best, best+1)
	p.busy[w] = struct{}{}
	return w
}

// start starts a process and notes how it went.
func (p *pool) start() (*worker, error) {
	w, err := p.host.startWorker(p.plugin)
	if err == nil && string(w.manifest) != string(p.plugin.raw) {
		w.kill()
		err = fmt.Errorf("plug-in %s has changed on disk; restart the server to use the new one", p.plugin.name())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
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

func (p *pool) strike(input, cause string) {
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
	w.calls++
	good := !w.gone() && !w.retired.Load()
	if good {
		good = w.slot.clear() == nil
	}
	if !good {
		w.kill()
	}
	p.mu.Lock()
	delete(p.busy, w)
	p.counts.Calls++
	if good && !p.closed {
		p.idle = append(p.idle, w)
	} else {
		w.kill()
	}
	worn := good && w.calls >= p.host.config.Recycle
	p.mu.Unlock()
	<-p.turns
	switch {
	case worn:
		p.replace(w)
	case !good && successor:
		p.replace(nil)
	}
}
