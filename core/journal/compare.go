package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Chain is what a history is compared by. Journal and Copy are chains, and so is
// what stands for either of them on the other server.
type Chain interface {
	Bounds() (first, last Seq)
	HashAt(ctx context.Context, seq Seq) (Hash, error) // as Journal.HashAt; ErrCompacted must survive the way
}

// Standing is how a copy stands to its owner's journal.
type Standing string

// The standings, and what follows from each.
const (
	CopyBehind   Standing = "copy behind"   // a beginning of the journal, or all of it: ship what follows the copy's last, to an empty copy all
	CopyAhead    Standing = "copy ahead"    // the journal has lost its end, or everything: restore what follows its last, an empty one from the copy's first
	CopyForked   Standing = "copy forked"   // the journal has lost its end and went on without it: set the copy aside
	CopyLapsed   Standing = "copy lapsed"   // ends before what the journal still has: set the copy aside
	JournalStale Standing = "journal stale" // ends before what the copy still has: set the journal aside, then restore
)

// Compare finds out how the copy stands to own. Both hashes are taken at the last
// entry that both have: they prove all entries before.
func Compare(ctx context.Context, own, copy Chain) (Standing, error) {
	_, last := own.Bounds()
	_, copied := copy.Bounds()
	switch {
	case copied == 0:
		return CopyBehind, nil
	case last == 0:
		return CopyAhead, nil
	}
	at := min(last, copied)
	here, err := own.HashAt(ctx, at)
	if errors.Is(err, ErrCompacted) {
		return CopyLapsed, nil
	}
	if err != nil {
		return "", fmt.Errorf("compare the journal with its copy: %w", err)
	}
	there, err := copy.HashAt(ctx, at)
	if errors.Is(err, ErrCompacted) {
		return JournalStale, nil
	}
	if err != nil {
		return "", fmt.Errorf("compare the journal's copy with it: %w", err)
	}
	switch {
	case here != there:
		return CopyForked, nil
	case copied <= last:
		return CopyBehind, nil
	}
	return CopyAhead, nil
}

// Missing gives the events of the frames that own does not have in their places:
// what its owner appends again after a fork or a restore. The frames are in the
// order of their sequences; some may be missing between them.
//
// Frames below own's first entry count as missing unless a later one of these
// frames proves that they were there, so a caller who knows that both histories
// agree at first-1 begins behind it. Snapshots are left out: they speak of their
// place in the journal. Asked twice it may give an event twice; the fold minds neither.
func Missing(ctx context.Context, own Chain, frames [][]byte) ([]core.Event, error) {
	_, last := own.Bounds()
	var events []core.Event // the last first
	var proven Hash         // of an entry that own has
	for i := len(frames) - 1; i >= 0; i-- {
		f, err := parseFrame(frames[i])
		if err != nil {
			return nil, fmt.Errorf("look for missing entries: frame %d: %w", i, err)
		}
		there, err := has(ctx, own, last, f, proven)
		if err != nil {
			return nil, fmt.Errorf("look for entry %d: %w", f.seq, err)
		}
		if there {
			proven = f.prev
			continue
		}
		e, err := f.entry()
		if err != nil {
			return nil, err
		}
		if _, is := e.Event.Body.(core.Snapshot); !is {
			events = append(events, e.Event)
		}
	}
	slices.Reverse(events)
	return events, nil
}

// has reports whether own has the entry f; proven is the hash of one it has.
func has(ctx context.Context, own Chain, last Seq, f frame, proven Hash) (bool, error) {
	if f.hash == proven {
		return true, nil
	}
	if f.seq > last {
		return false, nil
	}
	hash, err := own.HashAt(ctx, f.seq)
	if errors.Is(err, ErrCompacted) {
		return false, nil
	}
	return err == nil && hash == f.hash, err
}
