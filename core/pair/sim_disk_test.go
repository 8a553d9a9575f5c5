package pair

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// entry is an event in a chain.
type entry struct {
	event      core.Event
	nth        int // of all events ever written
	prev, hash journal.Hash
}

// chain is a journal or a copy of one; the entry n has sequence n+1.
type chain []entry

func (c chain) End() End {
	if len(c) == 0 {
		return End{}
	}
	return End{journal.Seq(len(c)), c[len(c)-1].hash}
}

// Bounds and HashAt make it a journal.Chain.
func (c chain) Bounds() (first, last journal.Seq) { return 1, journal.Seq(len(c)) }

func (c chain) HashAt(_ context.Context, seq journal.Seq) (journal.Hash, error) {
	if seq < 1 || int(seq) > len(c) {
		return journal.Hash{}, &journal.Gap{Want: journal.Seq(len(c)) + 1, Got: seq}
	}
	return c[seq-1].hash, nil
}

// next chains an event.
func (c chain) next(e core.Event, nth int) entry {
	prev := c.End().Hash
	h := fnv.New128a()
	h.Write(prev[:])
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(nth)))
	next := entry{event: e, nth: nth, prev: prev}
	h.Sum(next.hash[:0])
	return next
}

// disk is what survives a crash.
type disk struct {
	own, copy chain
	aside     []chain // copies that another chain took the place of, until it has all of them
	full      bool
}

// events are all that a server knows from its disk.
func (d *disk) events(do func(core.Event)) {
	for _, c := range append([]chain{d.copy, d.own}, d.aside...) {
		for _, e := range c {
			do(e.event)
		}
	}
}

// lines is what a chain says, to tell which events another one lacks.
func (c chain) lines() map[string]bool {
	all := map[string]bool{}
	for _, e := range c {
		all[line(e.event)] = true
	}
	return all
}

func line(e core.Event) string {
	b, err := core.EncodeEvent(e)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// write is an append that is not durable yet.
type write struct {
	event core.Event
	done  func(ok bool, at journal.Seq)
}

// append writes an event of the server's own; done is called when it is durable or
// when that is out of reach.
func (s *server) append(job core.JobID, body core.Body, done func(ok bool, at journal.Seq)) {
	s.write(core.Event{At: s.clock(), Job: job, Body: body}, done)
}

func (s *server) write(e core.Event, done func(ok bool, at journal.Seq)) {
	if s.disk.full {
		done(false, 0)
		return
	}
	s.pending = append(s.pending, write{e, done})
	if len(s.pending) == 1 {
		s.after(s.w.between(200_000, 6_000_000), s.sync)
	}
}

// sync makes what is pending durable.
func (s *server) sync() {
	writes := s.pending
	s.pending = nil
	if s.disk.full {
		for _, p := range writes {
			p.done(false, 0)
		}
		return
	}
	for _, p := range writes {
		s.keep(p.event)
	}
	at := journal.Seq(len(s.disk.own) - len(writes))
	for _, p := range writes {
		at++
		p.done(true, at)
	}
	s.pump()
	s.work()
}

// keep puts an event onto the own chain and folds it.
func (s *server) keep(e core.Event) {
	s.w.count++
	s.disk.own = append(s.disk.own, s.disk.own.next(e, s.w.count))
	s.w.wrote[s.w.count] = s.w.now
	s.w.present(s, e)
	s.fold(e)
	s.tell("writes %d %s", len(s.disk.own), brief(e))
}

func (s *server) fold(e core.Event) { s.state.Apply(s.w.spoil(e)) }

// spoil is the planted error in the fold.
func (w *world) spoil(e core.Event) core.Event {
	if w.mutant != forgetEpoch {
		return e
	}
	switch b := e.Body.(type) {
	case core.TakeoverBegan:
		b.Epoch = 1
		e.Body = b
	case core.HandedBack:
		b.Epoch = 1
		e.Body = b
	}
	return e
}

// crashed keeps of what was pending as much as had reached the disk.
func (s *server) crashed() {
	if s.disk.full {
		return
	}
	for _, p := range s.pending[:s.w.dice.IntN(len(s.pending)+1)] {
		s.keep(p.event)
	}
}

func brief(e core.Event) string {
	switch b := e.Body.(type) {
	case core.StageStarted:
		return fmt.Sprint(e.Job, " begins ", b.Stage, b.Page, " attempt ", b.Attempt)
	case core.PageRecognized:
		return fmt.Sprint(e.Job, " recognized ", b.Page)
	case core.TakeoverBegan, core.HandedBack, core.ModeChanged:
		return fmt.Sprintf("%T%+v", b, b)
	}
	return fmt.Sprint(e.Job, " ", e.Body.Type())
}
