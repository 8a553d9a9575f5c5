package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// An attempt that ended because the blob store cannot write (the disk is full), or because
// a blob is lost that the peer may have, or because there was no place for the page after
// all, is no failure of the work. It rests and is begun again as the same attempt.

// rest takes in an outcome if the data service is to blame for it.
func (d *dispatcher) rest(o outcome) bool {
	a := d.running[o.task.Key()]
	lost := errors.Is(o.err, errLost) || errors.Is(o.err, core.ErrNoPlace)
	if o.err == nil || core.AsFailure(o.err).Code != core.CodeDataDown && !lost {
		if o.err == nil && !d.restsForSpace() {
			d.health.up(blobItem, d.cfg.Now())
		}
		return false
	}
	if !lost && d.health.down(blobItem, core.AsFailure(o.err).Detail, d.cfg.Now()) {
		d.cfg.Log.Error("blob store down", "job", o.task.Job, "stage", o.task.Stage, "err", o.err)
	}
	if v, ok := d.state.Job(o.task.Job); !ok || !v.State.Open() || errors.Is(o.cause, errHandedOver) || errors.Is(o.cause, context.Canceled) {
		return false
	}
	a.rests++
	a.lost = lost
	if errors.Is(o.err, core.ErrNoPlace) {
		a.rests = 1 // it has waited for the place already
	}
	a.resume = d.cfg.Now().Add(d.cfg.Retry.after(a.rests, d.cfg.Retry.MaxRest))
	d.pools[poolOf(o.task.Stage)]++
	d.resting = append(d.resting, a)
	return true
}

// resume begins the resting attempts whose time has come and for which there is a
// slot, and lets go of those whose job has ended.
func (d *dispatcher) resume(ctx context.Context) {
	now, works := d.cfg.Now(), d.working()
	d.resumed = now
	d.resting = slices.DeleteFunc(d.resting, func(a *attempt) bool {
		v, ok := d.state.Job(a.task.Job)
		p := poolOf(a.task.Stage)
		switch {
		case !ok || !v.State.Open():
			d.forget(a.task)
			return true
		case v.State == core.Held || !works[d.whose(v.Server)] || now.Before(a.resume) || d.free(p) <= 0:
			return false
		}
		d.pools[p]--
		d.start(ctx, a)
		return true
	})
}

// restsForSpace reports whether an attempt rests until the blob store can write again.
func (d *dispatcher) restsForSpace() bool {
	return slices.ContainsFunc(d.resting, func(a *attempt) bool { return !a.lost })
}

// probeBlobs finds out whether a blob store that is down takes something again, when no
// attempt will: the side that it happened to may have gone to the peer because of it.
func (d *dispatcher) probeBlobs(ctx context.Context) {
	if !d.blobsDown() || ctx.Err() != nil || d.cfg.Now().Before(d.blobsAt) {
		return
	}
	ctx, stop := context.WithTimeout(ctx, appendLimit)
	defer stop()
	if _, _, err := d.blobs.Put(ctx, strings.NewReader("probe"), 0); err != nil {
		d.blobTries++
		d.blobsAt = d.cfg.Now().Add(d.cfg.Retry.after(d.blobTries, 30*time.Second))
		return
	}
	d.blobTries = 0
	d.health.up(blobItem, d.cfg.Now())
}

// blobsDown reports whether the blob store is down and no attempt is going to tell when it
// is up again.
func (d *dispatcher) blobsDown() bool {
	if !d.health.isDown(blobItem) {
		return false
	}
	for _, a := range d.running {
		if a.rests > 0 && !a.lost {
			return false
		}
	}
	return true
}
