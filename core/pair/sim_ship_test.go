package pair

import (
	"context"
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

	cover  journal.Seq // when the copy has this much, what was set aside is there anew:
	asides int         // so many copies
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
		copied, aside := to.disk.copy, len(to.disk.aside) > 0
		reply(func() { s.reconcile(copied, aside) })
	})
}

// reconcile does what has to be done about a copy, as the runtime decides it.
func (s *server) reconcile(copied chain, aside bool) {
	if len(s.pending) > 0 {
		s.after(10*time.Millisecond, func() { s.ship.ask(s) })
		return
	}
	standing, err := journal.Compare(context.Background(), s.disk.own, copied)
	if err != nil {
		panic(err)
	}
	if standing != journal.CopyBehind {
		s.tell("%s: own ends %d, copy %d", standing, len(s.disk.own), len(copied))
	}
	next := journal.Seq(len(copied)) + 1
	switch {
	case standing == journal.CopyAhead:
		s.restore(journal.Seq(len(s.disk.own))+1, copied.End())
	case standing == journal.CopyForked:
		s.fork(copied.End())
	case aside:
		s.adopt(next)
	default:
		s.shipFrom(next)
	}
}

// shipFrom begins to ship.
func (s *server) shipFrom(from journal.Seq) {
	s.ship.ready, s.ship.next = true, from
	s.acks.Shipped(from - 1)
	if !s.ship.met {
		s.ship.met = true
		s.step(Reconciled{s.past()})
	}
	s.pump()
}

// restore takes the own tail back.
func (s *server) restore(from journal.Seq, copied End) {
	s.ship.call(s, func(to *server, reply func(func())) {
		tail := to.disk.copy[min(int(from)-1, len(to.disk.copy)):]
		tail = tail[:min(shipBatch, len(tail))]
		reply(func() {
			switch {
			case s.disk.full || len(tail) == 0 || len(s.pending) > 0 || len(s.disk.own) != int(from)-1:
				s.after(20*time.Millisecond, func() { s.ship.ask(s) })
			case tail[0].prev != s.disk.own.End().Hash:
				s.fork(copied)
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

// fork lets the peer set its copy aside.
func (s *server) fork(end End) {
	s.w.acts.forks++
	s.ship.call(s, func(to *server, reply func(func())) {
		if to.disk.copy.End() == end && !to.disk.full {
			to.tell("sets its copy aside")
			to.disk.aside = append(to.disk.aside, to.disk.copy)
			to.disk.copy = nil
			to.step(Folded{0})
		}
		reply(func() { s.ship.ask(s) })
	})
}

// adopt appends what only the copies have that the peer set aside, and remembers when
// the peer need not keep them any more.
func (s *server) adopt(from journal.Seq) {
	s.ship.call(s, func(to *server, reply func(func())) {
		old := to.disk.aside
		reply(func() {
			have, left, all := s.disk.own.lines(), 1, true
			done := func(ok bool, _ journal.Seq) {
				all = all && ok
				if left--; left == 0 && all {
					s.ship.cover, s.ship.asides = s.disk.own.End().Seq, len(old)
					s.shipFrom(from)
				}
			}
			for _, c := range old {
				for _, e := range c {
					if text := line(e.event); !have[text] {
						have[text] = true
						left++
						s.write(e.event, done)
					}
				}
			}
			done(true, 0)
		})
	})
}

// covered tells the peer that its copy has all that was adopted.
func (s *server) covered() {
	n := s.ship.asides
	s.ship.asides = 0
	s.ship.call(s, func(to *server, reply func(func())) {
		to.tell("needs what it set aside no more")
		to.disk.aside = to.disk.aside[min(n, len(to.disk.aside)):]
		reply(s.pump)
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
	hash, err := s.disk.own.HashAt(context.Background(), end.Seq)
	if same := end == (End{}) || err == nil && hash == end.Hash; !same || end.Seq+1 < s.ship.next {
		s.acks.Shipped(0)
		s.ship.ask(s)
		return
	}
	stuck := end.Seq+1 == s.ship.next
	s.ship.next = end.Seq + 1
	s.acks.Shipped(end.Seq)
	if s.ship.asides > 0 && end.Seq >= s.ship.cover {
		s.covered()
		return
	}
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
