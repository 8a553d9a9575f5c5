package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// dispatcher is the one goroutine that changes the state. Its fields belong to it.
type dispatcher struct {
	*Pipeline
	pools    map[pool]int              // free slots
	running  map[core.TaskKey]*attempt // in a slot or resting
	perJob   map[core.JobID]int        // tasks in running
	served   map[service]uint64        // when a job last got a slot of a pool
	turn     uint64                    // counts for served
	outcomes chan outcome              // has room for every slot
	group    sync.WaitGroup            // of the tasks that run
	resting  []*attempt                // cut short because the blob store cannot write
	resumed  time.Time                 // when resting ones were last looked at
	starting []*starting               // have their slots, wait for the journal

	suspect       bool      // the journal may have more than was folded
	down          bool      // the last append failed
	retries       int       // appends that failed in a row
	wakeAt        time.Time // next try of a failed append
	blobTries     int       // probes of a blob store that is down, in a row
	blobsAt       time.Time // next of them
	sinceSnapshot int       // events, of both servers
	compactAt     time.Time // next try of a failed compaction

	parked   map[string]core.Event // changes of the peer's settings that may not come over yet, by key
	gatedFor [2]bool               // which jobs are worked on, as the marks of withheld ones know it
	gatedAt  int                   // call of Gate that the marks come from
}

// attempt is a task that is being worked on.
type attempt struct {
	task   core.Task
	cancel context.CancelCauseFunc
	resume time.Time // of a resting one
	rests  int
	lost   bool // it rests because a blob is lost, or for want of a place
}

// outcome is how an attempt ended.
type outcome struct {
	task   core.Task
	result core.Result
	err    error
	took   time.Duration
	cause  error // why its context ended, nil if it did not
}

var (
	errCancelled  = errors.New("the job was cancelled")
	errHandedOver = errors.New("the job goes to the other server")
)

func newDispatcher(p *Pipeline) *dispatcher {
	d := &dispatcher{
		Pipeline: p,
		pools:    map[pool]int{pages: p.cfg.Workers, documents: p.cfg.DocumentSlots, deliveries: p.cfg.DeliverSlots},
		running:  map[core.TaskKey]*attempt{},
		perJob:   map[core.JobID]int{},
		served:   map[service]uint64{},
	}
	d.outcomes = make(chan outcome, maxMore+p.cfg.Workers+p.cfg.DocumentSlots+p.cfg.DeliverSlots)
	return d
}

// run is the loop of the dispatcher: wait for something to happen, make it
// durable, begin what can be begun.
func (d *dispatcher) run(ctx context.Context) error {
	for {
		d.settleSides()
		d.dispatch(ctx)
		d.probe(ctx)
		d.probeBlobs(ctx)
		if d.drained() {
			return d.finish(ctx)
		}
		wait, stopWaiting := d.wake()
		var batch []*write
		select {
		case <-ctx.Done():
			stopWaiting()
			return d.finish(ctx)
		case w := <-d.writes:
			batch = append(batch, w)
		case a := <-d.asks:
			a.done <- a.do(ctx, d)
		case o := <-d.outcomes:
			d.ended(o)
		case <-d.sides.nudge:
		case <-wait:
		case <-d.drainSignal():
		}
		stopWaiting()
		d.collect(&batch)
		saved := d.saveResults(ctx)
		d.decide(ctx, batch, saved)
		if saved {
			d.snapshotIfDue(ctx)
		}
	}
}

// drainSignal wakes the loop once when draining begins.
func (d *dispatcher) drainSignal() <-chan struct{} {
	if d.isDraining() {
		return nil
	}
	return d.draining
}

func (p *Pipeline) isDraining() bool {
	select {
	case <-p.draining:
		return true
	default:
		return false
	}
}

// drained reports whether a soft stop has nothing left to wait for.
func (d *dispatcher) drained() bool {
	if !d.isDraining() {
		return false
	}
	d.dropStarting()
	return len(d.running) == len(d.resting) && len(d.unsaved) == 0
}

// collect takes everything else that has happened already, so that it goes into
// the journal at once.
func (d *dispatcher) collect(batch *[]*write) {
	for range maxBatch {
		select {
		case w := <-d.writes:
			*batch = append(*batch, w)
		case o := <-d.outcomes:
			d.ended(o)
		default:
			return
		}
	}
}

// wake gives a channel that fires when something is due by itself.
func (d *dispatcher) wake() (<-chan time.Time, func()) {
	now := d.cfg.Now()
	next, ok := d.state.NextWake(now)
	for _, a := range d.resting { // one whose time has come waits for something else
		if a.resume.After(d.resumed) && (!ok || a.resume.Before(next)) {
			next, ok = a.resume, true
		}
	}
	if d.down {
		next, ok = d.wakeAt, true
	}
	if d.blobsDown() && (!ok || d.blobsAt.Before(next)) {
		next, ok = d.blobsAt, true
	}
	if due, is := d.drainDue(); is && (!ok || due.Before(next)) {
		next, ok = due, true
	}
	if !ok {
		return nil, func() {}
	}
	timer := time.NewTimer(max(next.Sub(now), time.Millisecond))
	return timer.C, func() { timer.Stop() }
}

// occupy takes a slot for a task, vacate gives it back.
func (d *dispatcher) occupy(t core.Task) {
	p := poolOf(t.Stage)
	d.pools[p]--
	d.perJob[t.Job]++
	d.running[t.Key()] = &attempt{task: t}
	d.turn++
	d.served[service{t.Job, p}] = d.turn
}

func (d *dispatcher) vacate(t core.Task) {
	d.pools[poolOf(t.Stage)]++
	d.forget(t)
}

func (d *dispatcher) forget(t core.Task) {
	delete(d.running, t.Key())
	if d.perJob[t.Job]--; d.perJob[t.Job] <= 0 {
		delete(d.perJob, t.Job)
	}
}

// start runs an attempt that has its slot.
func (d *dispatcher) start(ctx context.Context, a *attempt) {
	t := a.task
	ctx, a.cancel = context.WithCancelCause(ctx)
	stage := d.stages[t.Stage]
	d.stats.begun(t.Stage)
	d.group.Go(func() {
		if err := d.heal(ctx, t); err != nil {
			d.outcomes <- outcome{task: t, err: err, cause: context.Cause(ctx)}
			return
		}
		limit, stop := context.WithTimeout(ctx, d.limit(t))
		defer stop()
		began := d.cfg.Now()
		r, err := runStage(limit, stage, t)
		d.outcomes <- outcome{task: t, result: r, err: err, took: d.cfg.Now().Sub(began), cause: context.Cause(limit)}
	})
}

func runStage(ctx context.Context, stage Stage, t core.Task) (core.Result, error) {
	if stage == nil {
		return nil, core.Refuse(core.CodeInternal, "install the whole release again", "this server has no stage %s", t.Stage)
	}
	return stage.Run(ctx, t)
}

// ended turns an outcome into the event that waits for the journal.
func (d *dispatcher) ended(o outcome) {
	t := o.task
	d.running[t.Key()].cancel(nil)
	d.stats.stopped(t.Stage, o.took)
	if d.rest(o) {
		return
	}
	d.vacate(t)
	if o.err == nil {
		o.result, o.err = t.Complete(o.result, o.took)
	}
	switch {
	case o.err == nil:
		d.stats.done(t.Stage)
		d.setUnsaved(append(d.unsaved, d.event(t.Job, o.result)))
	case errors.Is(o.cause, context.Canceled) || errors.Is(o.cause, errCancelled) || errors.Is(o.cause, errHandedOver):
		// the server stops, the job was cancelled or goes to the peer: no failure of the work
	default:
		d.failed(o)
	}
}

func (d *dispatcher) failed(o outcome) {
	t, f := o.task, failureOf(o, d.limit(o.task))
	e := d.cfg.Retry.judge(t, f, d.now())
	d.stats.failed(t.Stage, e.Final)
	d.cfg.Log.Warn("stage failed", "job", t.Job, "stage", t.Stage, "page", t.Page, "destination", t.Destination,
		"attempt", t.Attempt, "final", e.Final, "code", f.Code, "err", o.err)
	d.setUnsaved(append(d.unsaved, d.event(t.Job, e)))
}

// finish is the end of the loop: what runs is stopped, its results are kept.
func (d *dispatcher) finish(ctx context.Context) error {
	for _, a := range d.running {
		if a.cancel != nil {
			a.cancel(context.Canceled)
		}
	}
	d.group.Wait()
	var late []*write
	for more := true; more; more = len(d.outcomes) > 0 {
		d.collect(&late)
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	saved := d.saveResults(ctx)
	for _, w := range late {
		w.answer(ErrStopped)
	}
	if !saved {
		return fmt.Errorf("stop: %d results could not be journaled", len(d.unsaved))
	}
	if d.sinceSnapshot > 0 {
		d.snapshot(ctx)
	}
	return nil
}
