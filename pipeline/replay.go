package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
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
			if p.state, err = p.load(snap); err != nil {
				return fmt.Errorf("start from the snapshot at %d: %w", entry.Seq, err)
			}
			p.leave(p.state)
			p.begun(entry.Seq, p.state)
		case entry.Seq == first && first > 1:
			return fmt.Errorf("it begins with entry %d, which is no snapshot", first)
		default:
			p.apply(entry.Event)
		}
		p.noteOwn(entry.Seq, entry.Event)
	}
	if p.last != last {
		return fmt.Errorf("it ends at entry %d instead of %d", p.last, last)
	}
	return nil
}

// begun notes whose jobs stand in the snapshot that the own journal begins with: the peer
// has those of this server when it has what stood before it.
func (p *Pipeline) begun(seq journal.Seq, state *core.State) {
	for id, server := range state.Submitted() {
		if p.whose(server) == Own {
			p.proofs.submittedAt(id, max(seq-1, 1))
		}
	}
}

// load reads the state from the blob that a snapshot names.
func (p *Pipeline) load(snap core.Snapshot) (*core.State, error) {
	f, err := p.blobs.Open(snap.State)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	read := sha256.New()
	state, err := core.DecodeState(io.TeeReader(f, read))
	if err != nil {
		return nil, err
	}
	if core.Ref(hex.EncodeToString(read.Sum(nil))) == snap.Digest {
		return state, nil // the digest is that of the snapshot's bytes, and these are they
	}
	if got := state.Digest(); got != snap.Digest {
		return nil, fmt.Errorf("its digest is %s instead of %s", got, snap.Digest)
	}
	return state, nil
}
