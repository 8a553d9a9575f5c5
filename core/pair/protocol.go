package pair

import (
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// End is the last entry of a chain; of an empty one the zero End.
type End struct {
	Seq  journal.Seq
	Hash journal.Hash
}

// AckWait is how long a client waits for the peer's copy before it is answered that
// its job is here only.
const AckWait = time.Second

// Acks are the answers that wait for the peer. The zero Acks waits for nothing. It is
// not safe for concurrent use.
type Acks struct {
	waiting []waiting
	shipped journal.Seq

	bug bug
}

type waiting struct {
	seq   journal.Seq
	since time.Time
	done  func(protected bool)
}

// Add waits for the peer to have the own journal up to seq, which is durable here. It
// calls done once: at once when the peer has it or when the link is known to be down.
func (a *Acks) Add(now time.Time, seq journal.Seq, linked bool, done func(protected bool)) {
	switch {
	case seq <= a.shipped || a.bug == ackBeforeShip:
		done(true)
	case !linked:
		done(false)
	default:
		a.waiting = append(a.waiting, waiting{seq, now, done})
	}
}

// Shipped says how far the peer has the own journal. It may go back: a peer that lost
// its disk protects nothing.
func (a *Acks) Shipped(seq journal.Seq) {
	a.shipped = seq
	a.release(true, func(w waiting) bool { return w.seq <= seq })
}

// Tick answers those that waited long enough; when the link is down, all. A clock that
// went back counts as having waited.
func (a *Acks) Tick(now time.Time, linked bool) {
	a.release(false, func(w waiting) bool {
		waited := now.Sub(w.since)
		return !linked || waited >= AckWait || waited < 0
	})
}

func (a *Acks) release(protected bool, which func(waiting) bool) {
	var free []waiting
	a.waiting = slices.DeleteFunc(a.waiting, func(w waiting) bool {
		if !which(w) {
			return false
		}
		free = append(free, w)
		return true
	})
	for _, w := range free {
		w.done(protected)
	}
}
