package node

import (
	"context"
	"maps"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// bare are the own entries that the peer has, or will have in a moment, without blobs
// that they name, and these blobs.
type bare map[journal.Seq][]core.Ref

// leave keeps that events go without a blob.
func (p *pusher) leave(ref core.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[ref] = true
}

// arrived keeps that the peer has a blob now, whatever went without it.
func (p *pusher) arrived(ref core.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.left, ref)
}

// lacked are those of the blobs that events went without.
func (p *pusher) lacked(refs []core.Ref) []core.Ref {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(refs), func(ref core.Ref) bool { return !p.left[ref] })
}

// undress keeps which of the entries, that are about to be shipped, go without a blob.
func (n *Node) undress(frames [][]byte) error {
	n.pusher.mu.Lock()
	none := len(n.pusher.left) == 0
	n.pusher.mu.Unlock()
	if none {
		return nil
	}
	for _, raw := range frames {
		e, err := journal.ParseFrame(raw)
		if err != nil {
			return err
		}
		lacked := n.pusher.lacked(core.BodyRefs(e.Event.Body))
		n.mu.Lock()
		if delete(n.bare, e.Seq); len(lacked) > 0 {
			n.bare[e.Seq] = lacked
		}
		n.mu.Unlock()
	}
	return nil
}

// Without reports whether the peer has the own entry, but not a blob that it names.
func (n *Node) Without(seq journal.Seq) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.without(seq)
}

// without is Without for who holds mu.
func (n *Node) without(seq journal.Seq) bool { return len(n.bare[seq]) > 0 }

// pushLeft tries once more what events went without. What nobody needs any more is let go.
func (n *Node) pushLeft(ctx context.Context) {
	p := &n.pusher
	p.mu.Lock()
	left := slices.Collect(maps.Keys(p.left))
	p.mu.Unlock()
	if len(left) == 0 {
		return
	}
	needed := n.cfg.Work.Needed()
	for _, ref := range left {
		if !needed[ref] {
			p.arrived(ref)
		} else if err := n.push(ctx, ref); err != nil {
			n.cfg.Log.Debug("a blob that an event went without is not there yet", "ref", string(ref), "err", err)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for seq, refs := range n.bare {
		if n.bare[seq] = p.lacked(refs); len(n.bare[seq]) == 0 {
			delete(n.bare, seq)
		}
	}
}
