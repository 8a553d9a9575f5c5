package pipeline

import (
	"context"
	"fmt"
	"sync"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// maxFold is how many of the peer's entries are folded at once; what this server writes
// itself waits for no more.
const maxFold = 500

// feed is where the folding of the peer's journal stands.
type feed struct {
	mu   sync.Mutex // guards what follows, and is held by FoldPeer
	last journal.Entry
	fed  bool // there was an entry

	calls sync.Mutex // guards what follows
	whole bool       // all that there was is folded, and nothing failed since
}

// FoldPeer folds entries of the copy of the peer's journal, in order and from its first
// entry on, after each start. It may be given the same entries again, and those of a copy
// that was begun anew, or of an aside. A Snapshot that begins such a stretch is merged from
// its blob, which must be there; others say nothing new. After an error the entries before
// the one it names are folded; whoever gets it makes good what is missing and gives the
// entries again.
//
// Until a call without entries, which says that there are no more for now, blobs that
// nothing needs are not swept, as the peer's jobs may need them. The same holds after a
// failed call.
func (p *Pipeline) FoldPeer(ctx context.Context, entries []journal.Entry) error {
	p.feed.mu.Lock()
	defer p.feed.mu.Unlock()
	err := p.foldPeer(ctx, entries)
	p.feed.calls.Lock()
	defer p.feed.calls.Unlock()
	p.feed.whole = err == nil && (p.feed.whole || len(entries) == 0)
	return err
}

func (p *Pipeline) foldPeer(ctx context.Context, entries []journal.Entry) error {
	for len(entries) > 0 {
		if snap, is := entries[0].Event.Body.(core.Snapshot); is && p.feed.begins(entries[0]) {
			if err := p.mergePeer(ctx, entries[0].Seq, snap); err != nil {
				return fmt.Errorf("fold the peer's snapshot at %d: %w", entries[0].Seq, err)
			}
			p.feed.move(entries[0])
			entries = entries[1:]
			continue
		}
		n := p.feed.stretch(entries)
		if err := p.ask(ctx, func(_ context.Context, d *dispatcher) error {
			d.foldPeer(entries[:n])
			return nil
		}); err != nil {
			return err
		}
		p.feed.move(entries[n-1])
		entries = entries[n:]
	}
	return nil
}

// begins reports whether an entry does not follow what was folded before: of another
// history it may have the next sequence all the same.
func (f *feed) begins(e journal.Entry) bool { return !f.fed || !follows(f.last, e) }

func (f *feed) move(to journal.Entry) {
	f.last, f.fed = to, true
	f.last.Event = core.Event{} // which is not asked for
}

// follows reports whether b is the entry behind a, in one history.
func follows(a, b journal.Entry) bool { return b.Seq == a.Seq+1 && b.Prev == a.Hash }

// stretch is how many of the entries are folded at once: at least the first, and no
// snapshot that begins another stretch.
func (f *feed) stretch(entries []journal.Entry) int {
	n := 1
	for n < min(len(entries), maxFold) && follows(entries[n-1], entries[n]) {
		n++
	}
	return n
}

// foldPeer takes entries of the peer into the state; they have no sequence of this server.
func (d *dispatcher) foldPeer(entries []journal.Entry) {
	entries = d.park(entries)
	events := make([]core.Event, len(entries))
	for i, entry := range entries {
		events[i] = entry.Event
	}
	d.take(events, func(i int, e core.Event) {
		switch b := e.Body.(type) {
		case core.JobSubmitted:
			if d.whose(b.Server) == Peers {
				d.proofs.copiedNow(e.Job)
			}
		case core.Snapshot:
			d.peerSnapshots = keep(d.peerSnapshots, kept{entries[i].Seq, b.State})
		}
	})
}

// mergePeer takes in a snapshot with which what there is of the peer's journal begins.
func (p *Pipeline) mergePeer(ctx context.Context, seq journal.Seq, snap core.Snapshot) error {
	state, err := p.load(snap)
	if err != nil {
		return err
	}
	return p.ask(ctx, func(_ context.Context, d *dispatcher) error {
		d.merge(state, func() {
			for id, server := range state.Submitted() {
				if d.whose(server) == Peers {
					d.proofs.copiedNow(id)
				}
			}
			d.peerSnapshots = keep(d.peerSnapshots, kept{seq, snap.State})
		})
		return nil
	})
}

// merge takes in another state and does what else goes with it.
func (d *dispatcher) merge(o *core.State, note func()) {
	d.mu.Lock()
	d.state.Merge(o)
	note()
	d.ticks++
	d.since = d.ticks
	clear(d.seqs)
	d.mu.Unlock()
	d.sinceSnapshot++
	d.regateAll()
	d.tellAll()
}

// tellAll sums up every job that is watched.
func (d *dispatcher) tellAll() {
	shipped := d.shipped()
	for _, id := range d.watchers.jobs() {
		if _, known := d.state.Job(id); known {
			d.watchers.publish(d.sum(id, shipped))
		}
	}
}

// PeerCompacted says that the copy of the peer's journal has no entry below first any
// more: blobs of snapshots before it are not needed.
func (p *Pipeline) PeerCompacted(first journal.Seq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peerSnapshots = dropBefore(p.peerSnapshots, first)
}

// complete reports whether the state knows of the peer's jobs all that there is.
func (p *Pipeline) complete() bool {
	if p.cfg.Peer == "" {
		return true
	}
	p.feed.calls.Lock()
	defer p.feed.calls.Unlock()
	return p.feed.whole
}

// Look shows the state to f, which must neither keep nor change it, nor call the pipeline.
func (p *Pipeline) Look(f func(*core.State)) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	f(p.state)
}
