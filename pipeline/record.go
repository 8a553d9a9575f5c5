package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// maxBatch is how many events are appended at once.
const maxBatch = 200

// appendLimit is how long a disk may hang before it counts as down.
const appendLimit = 30 * time.Second

// append makes events durable, folds them and tells the watchers. After an error
// it is not known which of them the journal has; catchUp, which comes before the
// next append, finds out.
func (d *dispatcher) append(ctx context.Context, events ...core.Event) error {
	if len(events) == 0 {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, appendLimit)
	defer stop()
	seq, err := d.log.Append(ctx, events...)
	if errors.Is(err, journal.ErrTooLarge) {
		return err
	}
	if err != nil {
		d.suspect = true
		return d.journalDown(err)
	}
	d.fold(seq-journal.Seq(len(events))+1, events)
	d.health.up(journalItem, d.cfg.Now())
	d.retries, d.down = 0, false
	return nil
}

// journalDown notes that the journal takes nothing for now.
func (d *dispatcher) journalDown(err error) error {
	f := core.AsFailure(err)
	if f.Code != core.CodeDataDown {
		f = core.Failure{Code: core.CodeDataDown, Detail: "the journal cannot be written: " + err.Error(), Remedy: "see the server's log"}
	}
	if d.health.down(journalItem, f.Detail, d.cfg.Now()) {
		d.cfg.Log.Error("journal down", "err", err, "waiting", len(d.unsaved))
	}
	d.down = true
	d.stats.appendFailed()
	d.retries++
	d.wakeAt = d.cfg.Now().Add(d.cfg.Retry.after(d.retries, 30*time.Second))
	return &f
}

// catchUp folds what the journal took although an append seemed to fail, and
// strikes it off the results that wait.
func (d *dispatcher) catchUp(ctx context.Context) error {
	if !d.suspect {
		return nil
	}
	if first, last := d.log.Bounds(); last > d.last {
		for entry, err := range d.log.Read(ctx, max(d.last+1, first)) {
			if err != nil {
				return d.journalDown(err)
			}
			if err := d.catch(entry); err != nil {
				return err
			}
		}
	}
	d.suspect = false
	return nil
}

// catch folds an entry that the journal turned out to have.
func (d *dispatcher) catch(entry journal.Entry) error {
	if snap, is := entry.Event.Body.(core.Snapshot); is && entry.Seq != d.last+1 || is && d.last == 0 {
		state, err := d.load(snap)
		if err != nil {
			return fmt.Errorf("start from the snapshot at %d: %w", entry.Seq, err)
		}
		d.leave(state)
		d.merge(state, func() { d.begun(entry.Seq, state) })
	}
	d.fold(entry.Seq, []core.Event{entry.Event})
	d.strike(entry.Event)
	return nil
}

// probe finds out whether a journal that is down takes something again, when there
// is nothing else to write: a snapshot, which makes room besides.
func (d *dispatcher) probe(ctx context.Context) {
	if !d.down || len(d.unsaved) > 0 || ctx.Err() != nil || d.cfg.Now().Before(d.wakeAt) {
		return
	}
	if err := d.takeSnapshot(ctx); err != nil {
		_ = d.journalDown(err) // noted; the next probe comes by itself
	}
}

// strike takes an event that the journal has off those that wait for it.
func (d *dispatcher) strike(e core.Event) {
	line, err := core.EncodeEvent(e)
	if err != nil {
		return
	}
	same := func(w core.Event) bool {
		own, err := core.EncodeEvent(w)
		return err == nil && bytes.Equal(own, line)
	}
	d.setUnsaved(slices.DeleteFunc(slices.Clone(d.unsaved), same))
	for _, s := range d.starting {
		s.durable = s.durable || same(s.event)
	}
}

func (d *dispatcher) setUnsaved(events []core.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unsaved = events
}

// fold takes durable events of the own journal into the state; the first has the sequence seq.
func (d *dispatcher) fold(seq journal.Seq, events []core.Event) {
	d.take(events, func(i int, e core.Event) { d.noteOwn(seq+journal.Seq(i), e) })
}

// noteOwn keeps what is to be known of an own entry besides the state. The caller holds mu.
func (p *Pipeline) noteOwn(seq journal.Seq, e core.Event) {
	p.last = seq
	switch b := e.Body.(type) {
	case core.JobSubmitted:
		p.proofs.submittedAt(e.Job, seq)
	case core.Snapshot:
		p.snapshots = keep(p.snapshots, kept{seq, b.State})
	}
}

// take folds events, of whichever journal, and tells the watchers; note is called after each.
func (d *dispatcher) take(events []core.Event, note func(int, core.Event)) {
	shipped := d.shipped()
	var updates []Update
	var asked []core.JobID
	d.mu.Lock()
	for i, e := range events {
		d.apply(e)
		note(i, e)
		if e.Job == "" {
			continue
		}
		id := d.state.Own(e.Job)
		d.ticks++
		d.seqs[id] = d.ticks
		if d.watchers.watched(id, d.state.Aliases(id)...) {
			updates = append(updates, d.update(e, shipped))
		}
		if gated(e.Body) {
			asked = append(asked, id)
		}
	}
	d.mu.Unlock()
	d.sinceSnapshot += len(events)
	for _, u := range updates {
		d.watchers.publish(u)
	}
	d.regate(asked)
}

// saveResults brings the results that wait into the journal. It reports whether
// none is left.
func (d *dispatcher) saveResults(ctx context.Context) bool {
	if d.catchUp(ctx) != nil {
		return false
	}
	for len(d.unsaved) > 0 {
		n := min(len(d.unsaved), maxBatch)
		err := d.append(ctx, d.unsaved[:n]...)
		if errors.Is(err, journal.ErrTooLarge) {
			n = 1 // together they are too large, or one of them is
			err = d.append(ctx, d.unsaved[0])
		}
		if errors.Is(err, journal.ErrTooLarge) {
			d.setUnsaved(append([]core.Event{d.tooLarge(d.unsaved[0])}, d.unsaved[1:]...))
			continue
		}
		if err != nil {
			return false
		}
		d.setUnsaved(d.unsaved[n:])
	}
	return true
}

// tooLarge is the failure that stands for a result that no journal would take.
func (d *dispatcher) tooLarge(e core.Event) core.Event {
	failure := core.StageFailed{Final: true, Attempt: 1, Failures: 1, Failure: core.Failure{
		Code: core.CodeOverLimit, Permanent: true,
		Detail: "the description of the document is too large for the journal",
		Remedy: "split the document",
	}}
	switch b := e.Body.(type) {
	case core.DocumentIngested:
		failure.Stage = core.Ingest
	case core.PageRasterized:
		failure.Stage, failure.Page = core.Rasterize, b.Page
	case core.PageCleaned:
		failure.Stage, failure.Page = core.Clean, b.Page
	case core.PageRecognized:
		failure.Stage, failure.Page = core.Recognize, b.Page
	case core.DocumentAssembled:
		failure.Stage, failure.Round = core.Assemble, b.Round
	case core.Delivered:
		failure.Stage, failure.Destination = core.Deliver, b.Destination
	case core.StageFailed:
		failure = b
		failure.Failure.Detail, failure.Failure.Remedy, failure.Final = "an error message too large for the journal", "", true
	}
	if v, ok := d.state.Job(e.Job); ok {
		failure.Round = max(failure.Round, v.Attempts-1)
	}
	return core.Event{At: e.At, Job: e.Job, Body: failure}
}
