package pipeline

import (
	"context"
	"errors"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// write is a change that somebody asks for and waits for.
type write struct {
	subject string // two writes about one subject are decided one after the other
	// make decides on the state as it is after every write before. It runs in the
	// dispatcher and must be quick. No events: there is nothing to change.
	make func(*core.State) ([]core.Event, error)

	events []core.Event
	seq    journal.Seq // of the last event
	done   chan error  // takes one answer
}

func (w *write) answer(err error) { w.done <- err }

// change asks the dispatcher for a write and waits until it is durable.
func (p *Pipeline) change(ctx context.Context, subject string, make func(*core.State) ([]core.Event, error)) (journal.Seq, error) {
	w := &write{subject: subject, make: make, done: newAnswer()}
	select {
	case p.writes <- w:
	case <-p.stopped:
		return 0, ErrStopped
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case err := <-w.done:
		return w.seq, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// ask is something that the dispatcher does between two rounds of its loop.
type ask struct {
	do   func(context.Context, *dispatcher) error
	done chan error // takes one answer
}

// ask has the dispatcher do something and waits for it.
func (p *Pipeline) ask(ctx context.Context, do func(context.Context, *dispatcher) error) error {
	a := &ask{do: do, done: newAnswer()}
	select {
	case p.asks <- a:
		return <-a.done
	case <-p.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newAnswer() chan error { return make(chan error, 1) }

// decide makes the events of all writes durable, as many at once as concern
// different subjects, and answers each.
func (d *dispatcher) decide(ctx context.Context, batch []*write, journalUp bool) {
	for len(batch) > 0 {
		var now, later []*write
		subjects := map[string]bool{}
		for _, w := range batch {
			if subjects[w.subject] {
				later = append(later, w)
				continue
			}
			subjects[w.subject] = true
			if d.prepare(w, journalUp) {
				now = append(now, w)
			}
		}
		d.commit(ctx, now)
		batch = later
	}
	d.stopEndedJobs()
}

// prepare makes the events of a write. A write that has none, or that cannot be
// made durable now, is answered at once.
func (d *dispatcher) prepare(w *write, journalUp bool) bool {
	events, err := w.make(d.state)
	if err == nil && len(events) > 0 && !journalUp {
		err = &core.Failure{Code: core.CodeDataDown, Detail: "the journal takes nothing at present: " + d.health.get().Data.Cause,
			Remedy: "try again later"}
	}
	if err != nil || len(events) == 0 {
		w.answer(err)
		return false
	}
	w.events = events
	return true
}

func (d *dispatcher) commit(ctx context.Context, writes []*write) {
	var all []core.Event
	for _, w := range writes {
		all = append(all, w.events...)
	}
	if len(all) == 0 {
		return
	}
	err := d.catchUp(ctx)
	if err == nil {
		err = d.append(ctx, all...)
	}
	if errors.Is(err, journal.ErrTooLarge) && len(writes) > 1 {
		for _, w := range writes {
			d.commit(ctx, []*write{w})
		}
		return
	}
	at := d.last - journal.Seq(len(all))
	for _, w := range writes {
		at += journal.Seq(len(w.events))
		w.seq = at
		w.answer(tooLargeToTake(err))
	}
}

func tooLargeToTake(err error) error {
	if errors.Is(err, journal.ErrTooLarge) {
		return core.Refuse(core.CodeOverLimit, "submit fewer files at once", "the description of the job is too large for the journal")
	}
	return err
}

// stopEndedJobs cuts short the tasks of jobs that were cancelled.
func (d *dispatcher) stopEndedJobs() {
	for key, a := range d.running {
		if v, ok := d.state.Job(key.Job); (!ok || !v.State.Open()) && a.cancel != nil {
			a.cancel(errCancelled)
		}
	}
}
