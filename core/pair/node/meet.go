package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// reconcile asks how the peer's copy stands and does what has to be done about it. A
// copy is given when there is only shipping left, from the sequence from; else all is
// to be asked anew.
//
// What journal.Compare finds decides, here as under the pair's simulation.
func (r *round) reconcile(ctx context.Context) (copied *link.Copied, from journal.Seq, err error) {
	c, err := r.copied(ctx)
	if err != nil {
		return nil, 0, err
	}
	standing, err := r.standing(ctx, c)
	if err != nil {
		return nil, 0, err
	}
	if standing != journal.CopyBehind {
		r.doubt()
		_, last := r.cfg.Journal.Bounds()
		r.cfg.Log.Warn("the own journal and the peer's copy of it differ", "standing", string(standing), "own", last, "copy", c.Seq)
	}
	switch standing {
	case journal.CopyAhead:
		return nil, 0, r.restore(ctx, c)
	case journal.CopyForked, journal.CopyLapsed:
		return nil, 0, r.setAside(ctx, c)
	case journal.JournalStale:
		return nil, 0, r.stale(ctx)
	}
	if err := r.adopt(ctx, c.Asides); err != nil {
		return nil, 0, err
	}
	if err := r.takeBack(ctx); dataDown(err) {
		return nil, 0, err
	} else if err != nil {
		r.cfg.Log.Error("what was set aside of the own journal could not be taken back; it is kept", "err", err)
	}
	if c.Seq == 0 {
		return &c, 0, nil // from the first there is
	}
	return &c, c.Seq + 1, nil
}

func (n *Node) copied(ctx context.Context) (link.Copied, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	c, err := n.cfg.Link.Copied(ctx)
	if err != nil {
		return c, fmt.Errorf("ask for the peer's copy of the own journal: %w", err)
	}
	n.shipper.aside.Store(len(c.Asides) > 0)
	return c, nil
}

// standing is how the copy stands to the own journal.
func (n *Node) standing(ctx context.Context, c link.Copied) (journal.Standing, error) {
	copy := theirs{c, n.cfg.Link}
	standing, err := journal.Compare(ctx, n.cfg.Journal, copy)
	if err != nil || standing != journal.CopyForked || c.First <= 1 {
		return standing, err
	}
	// They parted where the copy begins with a snapshot, or before. If before, what the
	// own journal lacks is in that snapshot only, which no journal can append: then the
	// copy is the history to go on with, and the own entries are appended to it.
	here, err := n.cfg.Journal.HashAt(ctx, c.First-1)
	if errors.Is(err, journal.ErrCompacted) {
		return journal.CopyForked, nil
	}
	if err != nil {
		return "", fmt.Errorf("compare the journal with its copy: %w", err)
	}
	there, err := copy.HashAt(ctx, c.First-1)
	if err != nil {
		return "", fmt.Errorf("compare the journal's copy with it: %w", err)
	}
	if here != there {
		return journal.JournalStale, nil
	}
	return journal.CopyForked, nil
}

// theirs is the peer's copy as a chain.
type theirs struct {
	link.Copied
	kept Kept
}

func (t theirs) Bounds() (first, last journal.Seq) { return t.First, t.Seq }

func (t theirs) HashAt(ctx context.Context, seq journal.Seq) (journal.Hash, error) {
	if seq == t.Seq {
		return t.Hash, nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return t.kept.HashAt(ctx, seq)
}

// restore takes the own lost end back.
func (r *round) restore(ctx context.Context, c link.Copied) error {
	_, had := r.cfg.Journal.Bounds()
	for last := had; last < c.Seq; {
		from := last + 1
		if last == 0 {
			from = 0 // where the copy begins
		}
		frames, err := r.lost(ctx, from)
		if errors.Is(err, journal.ErrCompacted) {
			return r.stale(ctx)
		}
		if err != nil {
			return fmt.Errorf("get lost entries from %d back: %w", from, err)
		}
		if err := r.fetchStates(ctx, frames, last == 0); err != nil {
			return err
		}
		if last, err = r.cfg.Work.Restore(ctx, frames); err != nil {
			return fmt.Errorf("restore entries from %d: %w", from, err)
		}
	}
	r.cfg.Log.Info("the own journal has its lost end back", "had", had, "now", c.Seq)
	return nil
}

func (n *Node) lost(ctx context.Context, from journal.Seq) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, moveWithin)
	defer cancel()
	frames, err := n.cfg.Link.Lost(ctx, from)
	if err == nil && len(frames) == 0 {
		return nil, errApart
	}
	return frames, err
}

// fetchStates gets the state of snapshots from the peer, if it is not here. Only the
// one with which a journal begins has to be had.
func (n *Node) fetchStates(ctx context.Context, frames [][]byte, first bool) error {
	for i, raw := range frames {
		e, err := journal.ParseFrame(raw)
		if err != nil {
			return err
		}
		s, is := e.Event.Body.(core.Snapshot)
		if !is || n.cfg.Blobs.Has(s.State) {
			continue
		}
		if err := n.Heal(ctx, s.State); err != nil && first && i == 0 && e.Seq > 1 {
			return fmt.Errorf("get the state with which the journal begins: %w", err)
		}
	}
	return nil
}

// setAside lets the peer begin its copy anew.
func (r *round) setAside(ctx context.Context, c link.Copied) error {
	ctx, cancel := context.WithTimeout(ctx, moveWithin)
	defer cancel()
	if err := r.cfg.Link.SetAside(ctx, pair.End{Seq: c.Seq, Hash: c.Hash}); err != nil {
		return fmt.Errorf("let the peer set its copy aside: %w", err)
	}
	r.cfg.Log.Warn("the peer set its copy of the own journal aside", "end", c.Seq)
	return nil
}

// stale ends Run: somebody else has to open the journal anew.
func (n *Node) stale(ctx context.Context) error {
	n.fail(ErrStale)
	<-ctx.Done()
	return ErrStale
}
