package pipeline

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// maxSnapshot bounds the blob of a snapshot: 10,000 finished jobs take about 10 MB.
const maxSnapshot = 4 << 30

func (d *dispatcher) snapshotIfDue(ctx context.Context) {
	if d.sinceSnapshot >= d.cfg.SnapshotEvery {
		d.snapshot(ctx)
	}
}

// snapshot writes the state down, so that a start need not fold everything: blob,
// then event, then the entries before it are dropped. After a crash between two
// of these steps the next start folds more than it had to, nothing else.
func (d *dispatcher) snapshot(ctx context.Context) {
	err := d.takeSnapshot(ctx)
	d.sinceSnapshot = 0 // after a failure the next one is due as late as after a success
	if err != nil {
		d.cfg.Log.Warn("no snapshot", "err", err)
	}
}

func (d *dispatcher) takeSnapshot(ctx context.Context) error {
	d.mu.Lock()
	d.state.Forget(d.cfg.Keep)
	maps.DeleteFunc(d.seqs, func(id core.JobID, _ journal.Seq) bool {
		_, known := d.state.Job(id)
		return !known
	})
	d.mu.Unlock()
	ref, err := d.putState(ctx)
	if err != nil {
		return err
	}
	if err := d.catchUp(ctx); err != nil {
		return err
	}
	d.setSnapshots(append(slices.Clone(d.snapshots), ref))
	body := core.Snapshot{State: ref, Events: uint64(d.last), Digest: d.state.Digest()}
	if err := d.append(ctx, core.Event{At: d.now(), Body: body}); err != nil {
		return err
	}
	if err := d.log.Compact(ctx, d.last); err != nil {
		return err
	}
	d.setSnapshots([]core.Ref{ref})
	return nil
}

// putState writes the state into a blob. Nobody changes it meanwhile: that is for
// this goroutine to do.
func (d *dispatcher) putState(ctx context.Context) (core.Ref, error) {
	var encoding sync.WaitGroup
	r, w := io.Pipe()
	encoding.Go(func() { w.CloseWithError(d.state.Encode(w)) })
	ref, _, err := d.blobs.Put(ctx, r, maxSnapshot)
	err = errors.Join(err, r.Close())
	encoding.Wait()
	return ref, err
}

func (d *dispatcher) setSnapshots(refs []core.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.snapshots = refs
}

// every does something at each interval until ctx ends.
func every(ctx context.Context, interval time.Duration, do func(context.Context)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			do(ctx)
		}
	}
}

// sweep deletes blobs that nothing needs. It keeps everything young: a blob is there before
// the event that names it.
func (p *Pipeline) sweep(ctx context.Context) {
	old := p.cfg.Now().Add(-p.cfg.SweepAge)
	needed := p.needed()
	n, size, err := p.blobs.Sweep(ctx, func(r core.Ref) bool { return needed[r] }, old)
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Warn("sweep of blobs ended early", "err", err)
	}
	if n > 0 {
		p.cfg.Log.Info("swept blobs", "blobs", n, "bytes", size)
	}
}

// needed are the blobs that events name, those that wait for the journal included.
func (p *Pipeline) needed() map[core.Ref]bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	refs := map[core.Ref]bool{}
	for r := range p.state.Refs() {
		refs[r] = true
	}
	for _, r := range p.snapshots {
		refs[r] = true
	}
	for _, e := range p.unsaved {
		for _, r := range core.ResultRefs(e.Body) {
			refs[r] = true
		}
	}
	return refs
}
