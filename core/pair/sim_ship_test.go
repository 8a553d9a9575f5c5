package pair

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// ship brings a server's own journal to its peer.
type ship struct {
	round int // counts Meets: an answer to an earlier one is void
	ready bool
	met   bool // the machine was told
	busy  bool // something is under way
	since time.Duration
	next  journal.Seq
}

const (
	shipTimeout = 400 * time.Millisecond
	shipBatch   = 16
)

// meet begins anew with finding out what the peer has.
func (p *ship) meet(s *server) {
	*p = ship{round: p.round + 1}
	p.ask(s)
}

// call asks the peer something; answer runs only if nothing else came between.
func (p *ship) call(s *server, request func(to *server, reply func(answer func()))) {
	round, run := p.round, s.run
	p.busy, p.since = true, s.w.now
	s.w.carry(s, func(to *server) {
		if !to.m.Hears(uint64(run)) {
			return
		}
		request(to, func(answer func()) {
			s.w.carry(to, func(*server) {
				if s.run == run && s.ship.round == round {
					s.ship.busy = false
					answer()
				}
			})
		})
	})
}

// tick asks again when an answer is overdue.
func (p *ship) tick(s *server) {
	switch {
	case p.round == 0 || p.busy && s.w.now-p.since < shipTimeout:
	case p.ready:
		p.round++
		p.busy = false
		s.pump()
	default:
		p.round++
		p.ask(s)
	}
}

func (p *ship) ask(s *server) {
	p.ready = false
	p.call(s, func(to *server, reply func(func())) {
		end := to.disk.copy.End()
		reply(func() { s.reconcile(end) })
	})
}

// reconcile does what has to be done about a copy that ends so.
func (s *server) reconcile(copied End) {
	if len(s.pending) > 0 {
		s.after(10*time.Millisecond, func() { s.ship.ask(s) })
		return
	}
	plan := Reconcile(s.disk.own, copied)
	if plan.Act != Ship {
		s.tell("%s from %d: own ends %d, copy %d", plan.Act, plan.From, len(s.disk.own), copied.Seq)
	}
	switch plan.Act {
	case Ship:
		s.ship.ready, s.ship.next = true, plan.From
		s.acks.Shipped(copied.Seq)
		if !s.ship.met {
			s.ship.met = true
			s.step(Reconciled{s.past()})
		}
		s.pump()
	case Restore:
		s.restore(plan.From)
	case Fork:
		s.fork()
	}
}

// restore takes the own tail back.
func (s *server) restore(from journal.Seq) {
	s.ship.call(s, func(to *server, reply func(func())) {
		tail := to.disk.copy[min(int(from)-1, len(to.disk.copy)):]
		tail = tail[:min(shipBatch, len(tail))]
		reply(func() {
			switch {
			case s.disk.full || len(tail) == 0 || len(s.pending) > 0 || len(s.disk.own) != int(from)-1:
				s.after(20*time.Millisecond, func() { s.ship.ask(s) })
			case tail[0].prev != s.disk.own.End().Hash:
				s.fork()
			default:
				s.w.acts.restores++
				s.disk.own = append(s.disk.own, tail...)
				for _, e := range tail {
					s.w.present(s, e.event)
					s.fold(e.event)
				}
				s.tell("restored to %d", len(s.disk.own))
				s.ship.ask(s)
			}
		})
	})
}

// fork appends what only the copy has and begins a new copy.
func (s *server) fork() {
	s.ship.call(s, func(to *server, reply func(func())) {
		old := to.disk.copy
		reply(func() {
			have, left, all := s.disk.own.lines(), 1, true
			done := func(ok bool, _ journal.Seq) {
				all = all && ok
				if left--; left == 0 && all {
					s.setAside(old.End())
				}
			}
			s.w.acts.forks++
			for _, e := range old {
				if !have[line(e.event)] {
					left++
					s.append(e.event.Job, e.event.Body, done)
					if n := len(s.pending); n > 0 {
						s.pending[n-1].event.At = e.event.At
					}
				}
			}
			done(true, 0)
		})
	})
}

func (s *server) setAside(end End) {
	s.ship.call(s, func(to *server, reply func(func())) {
		if to.disk.copy.End() == end {
			to.tell("sets its copy aside")
			to.disk.aside = append(to.disk.aside, to.disk.copy)
			to.disk.copy = nil
			to.step(Folded{0})
		}
		reply(func() { s.ship.ask(s) })
	})
}

// pump ships what the peer does not have yet.
func (s *server) pump() {
	if !s.ship.ready || s.ship.busy || int(s.ship.next) > len(s.disk.own) {
		return
	}
	from := s.ship.next
	batch := s.disk.own[from-1 : min(int(from)-1+shipBatch, len(s.disk.own))]
	s.ship.call(s, func(to *server, reply func(func())) {
		to.after(to.w.between(200_000, 6_000_000), func() {
			to.receive(from, batch)
			end := to.disk.copy.End()
			reply(func() { s.reached(end) })
		})
	})
}

// receive puts shipped entries onto the copy, as far as they go onto it.
func (s *server) receive(from journal.Seq, batch chain) {
	for i, e := range batch {
		seq := int(from) + i
		if s.disk.full || seq > len(s.disk.copy)+1 || seq == len(s.disk.copy)+1 && e.prev != s.disk.copy.End().Hash {
			break
		}
		if seq == len(s.disk.copy)+1 {
			s.disk.copy = append(s.disk.copy, e)
			s.w.present(s, e.event)
			s.fold(e.event)
		}
	}
	s.step(Folded{journal.Seq(len(s.disk.copy))})
	s.work()
}

// reached takes in how far the copy is; when it is not where it was, all begins anew.
func (s *server) reached(end End) {
	hash, ok := s.disk.own.HashAt(end.Seq)
	if same := end == (End{}) || ok && hash == end.Hash; !same || end.Seq+1 < s.ship.next {
		s.acks.Shipped(0)
		s.ship.ask(s)
		return
	}
	stuck := end.Seq+1 == s.ship.next
	s.ship.next = end.Seq + 1
	s.acks.Shipped(end.Seq)
	if stuck {
		s.ship.busy, s.ship.since = true, s.w.now // its disk is full: wait
		return
	}
	s.pump()
}

// present keeps where a document's submission lies.
func (w *world) present(s *server, e core.Event) {
	if sub, ok := e.Body.(core.JobSubmitted); ok {
		if d := w.doc(sub.Key); d != nil {
			d.claims[s.n] = true
			d.ids[e.Job] = true
		}
	}
}
