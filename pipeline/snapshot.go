package pipeline

import (
	"cmp"
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
		return
	}
	if len(d.snapshots) < 2 || d.cfg.Now().Before(d.compactAt) {
		return
	}
	if err := d.compact(ctx); err != nil {
		d.compactAt = d.cfg.Now().Add(time.Minute)
		d.cfg.Log.Warn("the journal is not compacted", "err", err)
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
	maps.DeleteFunc(d.seqs, func(id core.JobID, _ uint64) bool { return d.state.Server(id) == "" })
	d.proofs.tidy(d.state)
	d.mu.Unlock()
	ref, err := d.putState(ctx)
	if err != nil {
		return err
	}
	if err := d.catchUp(ctx); err != nil {
		return err
	}
	d.setSnapshots(slices.DeleteFunc(slices.Clone(d.snapshots), func(k kept) bool { return k.seq == 0 }))
	d.setSnapshots(append(slices.Clone(d.snapshots), kept{ref: ref})) // perhaps in the journal from now on
	body := core.Snapshot{State: ref, Events: uint64(d.last), Digest: d.state.Digest()}
	if err := d.append(ctx, core.Event{At: d.now(), Body: body}); err != nil {
		return err
	}
	return d.compact(ctx)
}

// compact drops the entries before the newest snapshot that the limit allows. While the
// peer lags behind, several snapshots stay.
func (d *dispatcher) compact(ctx context.Context) error {
	limit := d.last
	if d.cfg.CompactLimit != nil {
		limit = min(limit, d.cfg.CompactLimit())
	}
	first, _ := d.log.Bounds()
	for _, k := range slices.Backward(d.snapshots) {
		if k.seq <= first {
			break
		}
		if k.seq > limit || !d.blobs.Has(k.ref) {
			continue
		}
		if err := d.log.Compact(ctx, k.seq); err != nil {
			return err
		}
		d.setSnapshots(dropBefore(slices.Clone(d.snapshots), k.seq))
		if d.cfg.Compacted != nil {
			d.cfg.Compacted(k.seq)
		}
		break
	}
	return nil
}

// kept is a Snapshot event whose blob must stay.
type kept struct {
	seq journal.Seq // in its journal; 0: it is being written
	ref core.Ref
}

// keep adds a snapshot to a list by sequence, in the place of itself.
func keep(list []kept, k kept) []kept {
	list = slices.DeleteFunc(slices.Clone(list), func(o kept) bool { return o.seq == k.seq || o.seq == 0 && o.ref == k.ref })
	list = append(list, k)
	slices.SortFunc(list, func(a, b kept) int { return cmp.Compare(a.seq, b.seq) })
	return list
}

// dropBefore drops the snapshots below first.
func dropBefore(list []kept, first journal.Seq) []kept {
	return slices.DeleteFunc(list, func(k kept) bool { return k.seq > 0 && k.seq < first })
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

func (d *dispatcher) setSnapshots(list []kept) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.snapshots = list
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
	if !p.complete() {
		return
	}
	old := p.cfg.Now().Add(-p.cfg.SweepAge)
	needed := p.Needed()
	n, size, err := p.blobs.Sweep(ctx, func(r core.Ref) bool { return needed[r] }, old)
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Warn("sweep of blobs ended early", "err", err)
	}
	if n > 0 {
		p.cfg.Log.Info("swept blobs", "blobs", n, "bytes", size)
	}
}

// Needed are the blobs that events of both servers name and that may still be asked for,
// events that wait for the journal included.
func (p *Pipeline) Needed() map[core.Ref]bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	refs := map[core.Ref]bool{}
	for r := range p.state.Refs() {
		refs[r] = true
	}
	for _, k := range slices.Concat(p.snapshots, p.peerSnapshots) {
		refs[k.ref] = true
	}
	for _, e := range p.unsaved {
		for _, r := range core.ResultRefs(e.Body) {
			refs[r] = true
		}
	}
	return refs
}
