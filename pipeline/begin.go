package pipeline

import (
	"context"

	"github.com/twinleaf-scan/twinleaf/core"
)

// starting is a task that has a slot and is begun as soon as the journal has its event.
type starting struct {
	task    core.Task
	event   core.Event
	givenUp bool // the event is the end of the work, for it was interrupted too often
	durable bool // the journal has the event
}

// dispatch begins tasks while there are free slots, those first that had one before. While
// results wait for the journal nothing is begun.
func (d *dispatcher) dispatch(ctx context.Context) {
	if d.mayBegin(ctx) {
		d.resume(ctx)
	}
	for d.mayBegin(ctx) {
		if len(d.starting) == 0 {
			d.choose()
		}
		if again := d.begin(ctx); !again {
			break
		}
	}
}

func (d *dispatcher) mayBegin(ctx context.Context) bool {
	if d.isDraining() || ctx.Err() != nil || len(d.unsaved) > 0 {
		return false
	}
	return !d.down || !d.cfg.Now().Before(d.wakeAt) && d.catchUp(ctx) == nil
}

// choose takes slots for as many tasks as there are or as have room.
func (d *dispatcher) choose() {
	for _, p := range []pool{documents, pages, deliveries} {
		for d.free(p) > 0 && len(d.starting) < maxBatch {
			t, ok := d.pick(p)
			if !ok {
				break
			}
			d.occupy(t)
			s := &starting{task: t}
			var end core.StageFailed
			if end, s.givenUp = d.cfg.Retry.interrupted(t); s.givenUp {
				s.event = d.event(t.Job, end)
			} else {
				s.event = d.event(t.Job, started(t))
			}
			d.starting = append(d.starting, s)
		}
	}
	d.tidyServed()
}

func started(t core.Task) core.StageStarted {
	return core.StageStarted{Stage: t.Stage, Page: t.Page, Destination: t.Destination, Round: t.Round, Attempt: t.Attempt}
}

func (d *dispatcher) event(job core.JobID, body core.Body) core.Event {
	return core.Event{At: d.now(), Job: job, Body: body}
}

// begin writes down that tasks are begun, then starts them. When the journal does
// not take it they keep their slots and their events until it does: an event that
// it has although it said no is not written again. Work that was interrupted too
// often is given up instead. begin reports whether there may be more to begin: where
// something was given up there are free slots again, and a full batch may not be all.
func (d *dispatcher) begin(ctx context.Context) (again bool) {
	var events []core.Event
	for _, s := range d.starting {
		if !s.durable {
			events = append(events, s.event)
		}
	}
	if d.append(ctx, events...) != nil {
		return false
	}
	all := d.starting
	d.starting = nil
	again = len(all) >= maxBatch
	for _, s := range all {
		if v, ok := d.state.Job(s.task.Job); s.givenUp || !ok || !v.State.Open() {
			d.vacate(s.task)
			again = true
			continue
		}
		d.start(ctx, d.running[s.task.Key()])
	}
	return again
}

// dropStarting gives the slots of tasks back that were not begun yet.
func (d *dispatcher) dropStarting() {
	for _, s := range d.starting {
		d.vacate(s.task)
	}
	d.starting = nil
}
