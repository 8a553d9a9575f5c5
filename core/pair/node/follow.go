package node

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// follower folds the copy of the peer's journal.
type follower struct {
	ready chan struct{} // closed when the copy was folded to its end once, or could not be
	once  sync.Once

	mu     sync.Mutex         // guards the fields below; held while the copy is set aside
	begun  int                // counts how often the copy was begun anew
	cancel context.CancelFunc // of the following of the present one
}

// follow is the goroutine of the follower.
func (n *Node) follow(ctx context.Context) {
	wait := retryFirst
	for ctx.Err() == nil {
		err := n.followOnce(ctx, func() { wait = retryFirst })
		n.follower.once.Do(func() { close(n.follower.ready) })
		if ctx.Err() != nil {
			return
		}
		if !errors.Is(err, journal.ErrSetAside) && !errors.Is(err, context.Canceled) {
			n.cfg.Log.Warn("the copy of the peer's journal is not folded to its end; trying again", "err", err)
		}
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, retryLast)
	}
}

// followOnce folds what was set aside of the copy, then the copy, and what comes, until
// the copy is begun anew or something fails.
func (n *Node) followOnce(ctx context.Context, good func()) error {
	f := &n.follower
	f.mu.Lock()
	round := f.begun
	ctx, f.cancel = context.WithCancel(ctx)
	f.mu.Unlock()
	defer f.cancel()
	if err := n.foldAsides(ctx); err != nil {
		return err
	}
	var at journal.Entry // the last that was folded
	whole := false       // the pipeline was told that there is no more for now
	for {
		if first, last := n.cfg.Copy.Bounds(); !whole && (at.Seq == last || last < first) {
			if err := n.cfg.Work.FoldPeer(ctx, nil); err != nil {
				return err
			}
			whole = true
			n.follower.once.Do(func() { close(n.follower.ready) })
		}
		frames, err := n.cfg.Copy.Frames(ctx, next(at), 0)
		if err != nil {
			return fmt.Errorf("read the copy from %d: %w", next(at), err)
		}
		if at, err = n.fold(ctx, at, frames); err != nil {
			return err
		}
		n.folded(ctx, round, at.Seq)
		good()
	}
}

// next is where to go on behind an entry; 0: at the first there is.
func next(at journal.Entry) journal.Seq {
	if at.Seq == 0 {
		return 0
	}
	return at.Seq + 1
}

// fold folds entries that follow the entry at, or begin anew when that is none.
func (n *Node) fold(ctx context.Context, at journal.Entry, frames [][]byte) (journal.Entry, error) {
	entries := make([]journal.Entry, 0, len(frames))
	for _, raw := range frames {
		e, err := journal.ParseFrame(raw)
		if err != nil {
			return at, err
		}
		if before := last(at, entries); before.Seq > 0 && (e.Seq != before.Seq+1 || e.Prev != before.Hash) {
			return at, journal.ErrSetAside // this is another copy by now
		}
		entries = append(entries, e)
	}
	if err := n.foldEntries(ctx, entries); err != nil {
		return at, err
	}
	return last(at, entries), nil
}

func last(at journal.Entry, entries []journal.Entry) journal.Entry {
	if len(entries) == 0 {
		return at
	}
	return entries[len(entries)-1]
}

// foldEntries folds entries, and gets the state of a snapshot with which they begin
// from the peer when it is not here.
func (n *Node) foldEntries(ctx context.Context, entries []journal.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	if s, is := entries[0].Event.Body.(core.Snapshot); is && entries[0].Seq > 1 && !n.cfg.Blobs.Has(s.State) {
		if err := n.Heal(ctx, s.State); err != nil {
			n.cfg.Log.Warn("the state of a snapshot of the peer is not here", "entry", uint64(entries[0].Seq), "err", err)
		}
	}
	if err := n.cfg.Work.FoldPeer(ctx, entries); err != nil {
		return fmt.Errorf("fold the peer's entries from %d: %w", entries[0].Seq, err)
	}
	return nil
}

// foldAsides folds what was set aside of the copy: the peer may not have taken it back.
// What cannot be read of it is left out; the peer will see to that.
func (n *Node) foldAsides(ctx context.Context) error {
	names, err := n.cfg.Copy.Asides()
	if err != nil {
		return err
	}
	for _, name := range names {
		var batch []journal.Entry
		bytes := 0
		for raw, err := range n.cfg.Copy.Aside(ctx, name) {
			e, wrong := journal.ParseFrame(raw)
			if err = errors.Join(err, wrong); err != nil {
				n.cfg.Log.Warn("what was set aside of the copy cannot be read to its end", "aside", name, "err", err)
				break
			}
			batch, bytes = append(batch, e), bytes+len(raw)
			if len(batch) < batchFrames && bytes < batchBytes {
				continue
			}
			if err := n.foldEntries(ctx, batch); err != nil {
				return err
			}
			batch, bytes = nil, 0
		}
		if err := n.foldEntries(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// folded tells the machine how far the copy is folded, if it is still the same.
func (n *Node) folded(ctx context.Context, round int, seq journal.Seq) {
	n.follower.mu.Lock()
	defer n.follower.mu.Unlock()
	if n.follower.begun == round {
		n.feed(ctx, pair.Folded{Seq: seq})
	}
}

// setAsideCopy sets the copy aside. When it returns without an error that is durable, and
// the machine is told before anything of the new copy is folded.
func (n *Node) setAsideCopy(ctx context.Context) error {
	f := &n.follower
	f.mu.Lock()
	defer f.mu.Unlock()
	name, err := n.cfg.Copy.SetAside(ctx)
	if name == "" && err != nil {
		return err
	}
	f.begun++
	if f.cancel != nil {
		f.cancel()
	}
	n.feed(context.WithoutCancel(ctx), pair.Folded{Seq: 0}) // whoever asked may be gone: it is set aside all the same
	n.cfg.Log.Warn("the copy of the peer's journal was set aside; the peer begins it anew", "aside", name)
	return err
}
