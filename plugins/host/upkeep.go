package host

import (
	"fmt"
	"maps"
	"slices"
)

// replace starts a process that may write to some folders in the background; when it
// is ready, the worn one retires. There is at most one such start at a time.
func (p *pool) replace(worn *worker, writes []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || worn == nil && (p.full() || p.rested) || p.pending > 0 || p.health.strikes > 1 || !p.health.until.IsZero() {
		return
	}
	p.pending++
	if worn == nil && len(writes) == 0 {
		p.coming++
	}
	p.host.wait.Go(func() { p.fill(worn, writes) })
}

func (p *pool) fill(worn *worker, writes []string) {
	w, err := p.start(writes)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending--
	if worn == nil && len(writes) == 0 {
		p.coming--
	}
	defer p.tidings()
	if err != nil {
		return // start has noted it
	}
	p.counts.Restarts++
	if worn != nil {
		p.dismiss(worn)
	}
	p.adopt(w)
}

// full reports whether there are or will be as many processes as calls that may run
// at once; one that ends after its call is none of them. The caller holds mu.
func (p *pool) full() bool {
	n := len(p.idle) + len(p.starting)
	for w := range p.busy {
		if !w.retired.Load() {
			n++
		}
	}
	return n >= cap(p.turns)
}

// adopt adds a started process, unless it came too late to be of use. The caller
// holds mu.
func (p *pool) adopt(w *worker) {
	if p.closed || p.full() {
		w.kill()
		return
	}
	p.idle = slices.Insert(p.idle, 0, w)
}

// end dismisses a process that its call has given back.
func (p *pool) end(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dismiss(w)
}

// dismiss ends a process now if it is idle, else after its call. The caller holds mu.
func (p *pool) dismiss(w *worker) {
	w.retired.Store(true)
	if i := slices.Index(p.idle, w); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		w.kill()
	}
}

// warm starts processes until there are n or the pool is full. It returns early on a
// failure.
func (p *pool) warm(n int) {
	for p.expect(n) {
		w, err := p.start(nil)
		p.mu.Lock()
		p.coming--
		if err == nil {
			p.adopt(w)
		}
		p.tidings()
		p.mu.Unlock()
		if err != nil {
			return // start has noted it
		}
	}
}

// expect reports whether another process is to be started so that there are n, and
// announces it.
func (p *pool) expect(n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.rested || p.full() || len(p.idle)+len(p.busy)+len(p.starting) >= n {
		return false
	}
	p.coming++
	return true
}

// rest ends the idle processes for good: nothing but a call starts one again.
func (p *pool) rest() {
	p.mu.Lock()
	p.rested = true
	p.mu.Unlock()
	p.clear()
}

// clear ends the idle processes.
func (p *pool) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		p.dismiss(p.idle[0])
	}
}

// close ends all processes and keeps new ones from starting.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, w := range p.idle {
		w.kill()
	}
	for w := range p.busy {
		w.kill()
	}
	p.idle = nil
}

// watch kills processes that hold more memory than they may, at the nth look. Idle ones
// are looked at every tenth time. Looking for children is what costs: where there can
// hardly be any they are looked for every tenth time.
func (p *pool) watch(n int) {
	deep := p.plugin.bears()
	p.mu.Lock()
	busy := slices.Collect(maps.Keys(p.busy))
	var idle []*worker
	if n%10 == 0 {
		idle = slices.Clone(p.idle)
	}
	p.mu.Unlock()
	for _, w := range busy {
		p.weigh(w, deep || n%10 == 0)
	}
	for _, w := range idle {
		p.weigh(w, p.plugin.stored || n%100 == 0)
	}
}

// bears reports whether processes of a plug-in may have children: not those of a program
// that came with the server and runs no others.
func (p *plugin) bears() bool { return p.stored || len(p.about.Permissions.Exec) > 0 }

// weigh kills w if it holds more than it may, with its children if deep.
func (p *pool) weigh(w *worker, deep bool) {
	pid := int(w.pid.Load())
	kb := w.gauge.residentKB(pid)
	if deep {
		for _, child := range childrenOf(pid) {
			kb += residentKB(child)
		}
	}
	if kb <= w.limitKB || w.gone() {
		return
	}
	w.overKB.Store(kb)
	w.kill()
	p.tell(fmt.Sprintf("plug-in %s used %d MB, more than the %d MB that it may", p.plugin.name(), kb>>10, w.limitKB>>10))
	p.host.log.Warn("plug-in over its memory limit", "plugin", p.plugin.name(), "pid", w.ID(), "residentKB", kb, "limitKB", w.limitKB)
}

// tell is trouble for who does not hold mu.
func (p *pool) tell(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble(what)
}

// Counts are what happened to a plug-in's processes since the host was opened.
type Counts struct {
	Starts   int `json:"starts"`
	Calls    int `json:"calls"`
	Crashes  int `json:"crashes"`  // during a call
	Hung     int `json:"hung"`     // processes that stopped answering and were replaced
	Restarts int `json:"restarts"` // replacements of worn or broken processes

	EngineSeconds float64 `json:"engineSeconds,omitempty"` // processor time of recognition alone, as the plug-in says
}

// engineTime adds what a plug-in says that the recognition of a page took. A number that
// cannot be is left out.
func (p *pool) engineTime(seconds float64) {
	if !(seconds > 0 && seconds < maxEngineSeconds) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.EngineSeconds += seconds
}

// maxEngineSeconds is more than any page takes.
const maxEngineSeconds = 24 * 3600
