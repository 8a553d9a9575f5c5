package pipeline

import (
	"context"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
)

// replay folds the journal from its first entry. When older entries were
// compacted away, the first is a snapshot.
func (p *Pipeline) replay(ctx context.Context) error {
	first, last := p.log.Bounds()
	p.last = first - 1
	for entry, err := range p.log.Read(ctx, 0) {
		if err != nil {
			return err
		}
		snap, is := entry.Event.Body.(core.Snapshot)
		switch {
		case is && entry.Seq == first:
			if err := p.restore(snap); err != nil {
				return fmt.Errorf("start from the snapshot at %d: %w", entry.Seq, err)
			}
		case entry.Seq == first && first > 1:
			return fmt.Errorf("it begins with entry %d, which is no snapshot", first)
		default:
			p.apply(entry.Event)
		}
		if is {
			p.snapshots = append(p.snapshots, snap.State)
		}
		p.last = entry.Seq
	}
	if p.last != last {
		return fmt.Errorf("it ends at entry %d instead of %d", p.last, last)
	}
	return nil
}

// restore takes the state from the blob that a snapshot names.
func (p *Pipeline) restore(snap core.Snapshot) error {
	f, err := p.blobs.Open(snap.State)
	if err != nil {
		return err
	}
	defer f.Close()
	state, err := core.DecodeState(f)
	if err != nil {
		return err
	}
	if got := state.Digest(); got != snap.Digest {
		return fmt.Errorf("its digest is %s instead of %s", got, snap.Digest)
	}
	p.state = state
	return nil
}
