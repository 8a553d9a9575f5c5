package node

import (
	"context"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// Admit says why a job is not taken here; nil: it is.
func (n *Node) Admit(r pair.Request) *core.Failure {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil || n.salvage.busy() {
		return starting(n.cfg.Pair.Self)
	}
	return n.m.Admit(r)
}

// Came says that a client came over because it could not submit to the peer.
func (n *Node) Came(why pair.Cause) { n.tell(pair.ClientCame{Cause: why}) }

// Accepted says that a job was accepted here and is durable, and why its client did not
// submit it to the peer; empty: it did not say.
func (n *Node) Accepted(job core.JobID, why pair.Cause) {
	n.tell(pair.Accepted{Job: job, Cause: why})
}

// Protect waits until the peer has the own journal up to seq, and reports whether it
// has, the blobs of that entry too: not for longer than [pair.AckWait], and not at all
// while the link is down.
func (n *Node) Protect(ctx context.Context, seq journal.Seq) bool {
	answer := make(chan bool, 1)
	n.mu.Lock()
	n.acks.Add(n.now(), seq, n.protects(), func(protected bool) { answer <- protected && !n.without(seq) }) // mu is held
	n.mu.Unlock()
	select {
	case protected := <-answer:
		return protected
	case <-ctx.Done():
	case <-n.stopped:
	}
	return false
}

// Shipped is how far the peer has the own journal; 0 while nobody knows.
func (n *Node) Shipped() journal.Seq {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.shipped
}

// protects reports whether what is appended now is expected to reach the peer. mu is held.
func (n *Node) protects() bool { return n.m != nil && n.m.Protects() && n.stuck.IsZero() }

// stall says that what is shipped does not arrive: nobody waits for it any more.
func (n *Node) stall() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stuck.IsZero() {
		n.stuck = n.now()
	}
	n.acks.Tick(n.now(), false)
}

// reached takes in how far the peer has the own journal.
func (n *Node) reached(seq journal.Seq) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shipped, n.stuck = seq, time.Time{}
	n.acks.Shipped(seq)
}

// CompactLimit is what the own journal may be compacted to at most: all that the peer's
// copy has. It is 0, nothing at all, while that is not known, and while something that
// was set aside, here or there, is not taken back.
func (n *Node) CompactLimit() journal.Seq {
	if n.salvage.pending() || n.shipper.owes() {
		return 0
	}
	return n.Shipped()
}
