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

// Chain is what Reconcile asks about the own journal.
type Chain interface {
	End() End

	// HashAt is the hash of an entry; not ok when it is not there (any more).
	HashAt(journal.Seq) (h journal.Hash, ok bool)
}

// Act is what brings a journal and the peer's copy of it together.
type Act string

// The acts.
const (
	// Ship what follows the copy's end.
	Ship Act = "ship"

	// Restore what follows the own end from the copy, before anything is appended. If
	// it does not go onto the own end, Fork.
	Restore Act = "restore"

	// Fork: the two went different ways, because the own journal lost entries and new
	// ones were written in their place. The copy is set aside and begun again from the
	// own first entry; what was set aside is then adopted.
	Fork Act = "fork"

	// Adopt what the peer set aside: append the events of it that the own journal lacks
	// (events may come twice), then ship. The peer keeps it, and offers it each time,
	// until the copy has everything that was adopted: the owner may lose its disk in
	// between.
	Adopt Act = "adopt"
)

// Plan is an act and the first sequence that it concerns.
type Plan struct {
	Act  Act
	From journal.Seq
}

// Reconcile says how the own journal and the peer's copy of it, which ends with copied,
// come together; aside says whether the peer has set a copy aside that is not adopted.
// Of the two the longer one has the truth: the peer acknowledged only what its copy
// has, and the own journal is what its server knows. After each act but Ship all is
// asked anew.
func Reconcile(own Chain, copied End, aside bool) Plan {
	end := own.End()
	if copied.Seq > end.Seq {
		return Plan{Restore, end.Seq + 1}
	}
	hash, ok := own.HashAt(copied.Seq)
	switch same := copied.Seq == 0 || ok && hash == copied.Hash; {
	case !same:
		return Plan{Fork, 1}
	case aside:
		return Plan{Adopt, copied.Seq + 1}
	}
	return Plan{Ship, copied.Seq + 1}
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
