package pipeline

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Whose says of which jobs is spoken. A job is this server's own when it was accepted here
// (JobView.Server, Config.Also), and the peer's otherwise: what it inherited from a third
// server is the peer's as well. Without a peer all are its own.
type Whose int

// The two sides.
const (
	Own Whose = iota
	Peers
)

// sides is on which jobs work goes on.
type sides struct {
	mu     sync.Mutex // guards what follows
	works  [2]bool
	drains [2][]*drain
	gate   func(GateJob) *core.Failure
	gates  int           // counts calls of Gate
	nudge  chan struct{} // holds one: something changed
}

// drain is somebody who waits for a side to be idle.
type drain struct {
	until time.Time // when what is under way is cut short
	cut   bool
	done  chan error // takes one answer
}

func newSides(peer string) *sides {
	alone := peer == ""
	return &sides{works: [2]bool{alone, alone}, nudge: make(chan struct{}, 1)}
}

// change changes sides under the lock and wakes the dispatcher.
func (s *sides) change(do func()) {
	s.mu.Lock()
	do()
	s.mu.Unlock()
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

// working is on which sides work may begin: once the gate was asked.
func (d *dispatcher) working() [2]bool {
	d.sides.mu.Lock()
	defer d.sides.mu.Unlock()
	works := d.sides.works
	for w := range works {
		works[w] = works[w] && d.gatedFor[w] && d.gatedAt == d.sides.gates
	}
	return works
}

// Work begins with the jobs of a side, or goes on with them. Without a Config.Peer all
// jobs are worked on from the start.
func (p *Pipeline) Work(w Whose) {
	p.sides.change(func() {
		p.sides.works[w] = true
		for _, dr := range p.sides.drains[w] {
			dr.done <- core.Refuse(core.CodeConflict, "ask again", "work on the jobs began anew")
		}
		p.sides.drains[w] = nil
	})
}

// Stop begins nothing new of a side. What is under way ends as it may, and its results are
// kept; attempts that rest are let go.
func (p *Pipeline) Stop(w Whose) {
	p.sides.change(func() { p.sides.works[w] = false })
}

// DrainJobs is Stop that waits until nothing of the side is under way. What takes longer
// than limit is interrupted, which is no failure of the work. It waits however long it
// takes for the journal to have the results that there are, unless ctx ends. A call of
// Work meanwhile ends it with core.CodeConflict.
func (p *Pipeline) DrainJobs(ctx context.Context, w Whose, limit time.Duration) error {
	dr := &drain{until: p.cfg.Now().Add(limit), done: newAnswer()}
	p.sides.change(func() {
		p.sides.works[w] = false
		p.sides.drains[w] = append(p.sides.drains[w], dr)
	})
	select {
	case err := <-dr.done:
		return err
	case <-p.stopped:
		return ErrStopped
	case <-ctx.Done():
		p.sides.change(func() {
			p.sides.drains[w] = slices.DeleteFunc(p.sides.drains[w], func(o *drain) bool { return o == dr })
		})
		return ctx.Err()
	}
}

// whose are the jobs of a server.
func (p *Pipeline) whose(server string) Whose {
	switch {
	case p.cfg.Peer == "" || server == "" || server == p.cfg.Server:
		return Own
	case server != p.cfg.Peer && slices.Contains(p.cfg.Also, server):
		return Own
	}
	return Peers
}

// leave drops from a state the open jobs of servers that were the peer once. What was
// submitted here, too, stays: here it was acknowledged.
func (p *Pipeline) leave(s *core.State) {
	s.Leave(func(server string, ids []core.JobID) bool {
		here := func(id core.JobID) bool { return strings.HasPrefix(string(id), p.cfg.Server+"-") }
		return slices.Contains(p.cfg.Left, server) && !slices.ContainsFunc(ids, here)
	})
}

// sideOf is whose a job is.
func (d *dispatcher) sideOf(id core.JobID) Whose { return d.whose(d.state.Server(id)) }

// settleSides does what Work, Stop, DrainJobs and Gate ask for.
func (d *dispatcher) settleSides() {
	d.unpark()
	s := d.sides
	s.mu.Lock()
	works, gates := s.works, s.gates
	s.mu.Unlock()
	if works != d.gatedFor || gates != d.gatedAt {
		d.gatedFor, d.gatedAt = works, gates
		d.regateAll()
	}
	for w := Own; w <= Peers; w++ {
		if !works[w] {
			d.letGo(w)
			d.settleDrains(w)
		}
	}
}

// letGo gives up what has a slot or rests without being worked on.
func (d *dispatcher) letGo(w Whose) {
	d.starting = slices.DeleteFunc(d.starting, func(s *starting) bool {
		if d.sideOf(s.task.Job) != w {
			return false
		}
		d.vacate(s.task)
		return true
	})
	d.resting = slices.DeleteFunc(d.resting, func(a *attempt) bool {
		if d.sideOf(a.task.Job) != w {
			return false
		}
		d.forget(a.task)
		return true
	})
}

// settleDrains cuts short what takes too long, and answers when nothing is under way.
func (d *dispatcher) settleDrains(w Whose) {
	idle, now := d.idle(w), d.cfg.Now()
	d.sides.mu.Lock()
	defer d.sides.mu.Unlock()
	for _, dr := range d.sides.drains[w] {
		if idle {
			dr.done <- nil
		} else if !dr.cut && !now.Before(dr.until) {
			dr.cut = true
			d.cut(w)
		}
	}
	if idle {
		d.sides.drains[w] = nil
	}
}

func (d *dispatcher) cut(w Whose) {
	for key, a := range d.running {
		if a.cancel != nil && d.sideOf(key.Job) == w {
			a.cancel(errHandedOver)
		}
	}
}

// idle reports whether nothing of a side is under way, nor waits for the journal.
func (d *dispatcher) idle(w Whose) bool {
	for key := range d.running {
		if d.sideOf(key.Job) == w {
			return false
		}
	}
	return !slices.ContainsFunc(d.unsaved, func(e core.Event) bool { return d.sideOf(e.Job) == w })
}

// drainDue is when the next drain interrupts what is under way.
func (d *dispatcher) drainDue() (next time.Time, ok bool) {
	d.sides.mu.Lock()
	defer d.sides.mu.Unlock()
	for _, dr := range slices.Concat(d.sides.drains[Own], d.sides.drains[Peers]) {
		if !dr.cut && (!ok || dr.until.Before(next)) {
			next, ok = dr.until, true
		}
	}
	return next, ok
}
