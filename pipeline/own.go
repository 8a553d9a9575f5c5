package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Restorer is a journal whose lost end can be given back; journal.Journal is one.
type Restorer interface {
	Restore(ctx context.Context, frames [][]byte) (journal.Seq, error)
}

// Append makes an event about the server durable, such as TakeoverBegan.
func (p *Pipeline) Append(ctx context.Context, body core.Body) error {
	_, err := p.change(ctx, "server/"+body.Type(), func(*core.State) ([]core.Event, error) {
		return []core.Event{{At: p.now(), Body: body}}, nil
	})
	return err
}

// Restore gives the journal what it lost back, as the peer's copy has it, folds it, and
// gives the sequence of the journal's last entry. A Snapshot that becomes the journal's first
// entry is merged from its blob, which must be there before. It refuses while results wait for the journal (core.CodeConflict: ask
// again); further errors are those of [journal.Journal.Restore].
func (p *Pipeline) Restore(ctx context.Context, frames [][]byte) (journal.Seq, error) {
	log, can := p.log.(Restorer)
	if !can {
		return 0, fmt.Errorf("restore: a journal of type %T takes nothing back", p.log)
	}
	var last journal.Seq
	err := p.ask(ctx, func(ctx context.Context, d *dispatcher) error {
		err := d.restoreFrames(ctx, log, frames)
		last = d.last
		return err
	})
	return last, err
}

func (d *dispatcher) restoreFrames(ctx context.Context, log Restorer, frames [][]byte) error {
	if err := d.catchUp(ctx); err != nil {
		return err
	}
	if len(d.unsaved)+len(d.starting) > 0 {
		return core.Refuse(core.CodeConflict, "ask again", "results wait for the journal, which cannot be restored meanwhile")
	}
	if err := d.checkBeginning(frames); err != nil {
		return err
	}
	_, err := log.Restore(ctx, frames)
	d.suspect = true // after an error it may have a beginning of them
	return errors.Join(err, d.catchUp(ctx))
}

// checkBeginning makes sure that a journal which is to begin with these frames can be folded.
func (d *dispatcher) checkBeginning(frames [][]byte) error {
	if first, last := d.log.Bounds(); len(frames) == 0 || first <= last {
		return nil
	}
	entry, err := journal.ParseFrame(frames[0])
	if err != nil {
		return err
	}
	snap, is := entry.Event.Body.(core.Snapshot)
	switch {
	case is:
		_, err = d.load(snap)
		if err != nil {
			return fmt.Errorf("restore from the snapshot at %d: %w", entry.Seq, err)
		}
	case entry.Seq > 1:
		return fmt.Errorf("restore: it would begin with entry %d, which is no snapshot", entry.Seq)
	}
	return nil
}

// Adopt appends events as they are, which an earlier journal of this server had, and gives
// the sequence of the last. A Snapshot among them is merged instead, when its blob is there,
// and stands in a new one.
func (p *Pipeline) Adopt(ctx context.Context, events []core.Event) (journal.Seq, error) {
	var last journal.Seq
	snapshots := 0
	for len(events) > 0 {
		if snap, is := events[0].Body.(core.Snapshot); is {
			snapshots++
			if err := p.adoptSnapshot(ctx, snap); err != nil {
				p.cfg.Log.Warn("a snapshot of the earlier journal is left out", "state", snap.State, "err", err)
			}
			events = events[1:]
			continue
		}
		seq, n, err := p.adoptSome(ctx, events)
		if err != nil {
			return last, err
		}
		last, events = max(last, seq), events[n:]
	}
	if snapshots > 0 {
		if err := p.ask(ctx, func(ctx context.Context, d *dispatcher) error {
			err := d.takeSnapshot(ctx)
			last = d.last
			return err
		}); err != nil {
			return last, err
		}
	}
	if last == 0 {
		_, last = p.log.Bounds()
	}
	return last, nil
}

// adoptSome appends as many of the events as the journal takes at once.
func (p *Pipeline) adoptSome(ctx context.Context, events []core.Event) (journal.Seq, int, error) {
	isSnapshot := func(e core.Event) bool { _, is := e.Body.(core.Snapshot); return is }
	n := min(len(events), maxBatch)
	if at := slices.IndexFunc(events[:n], isSnapshot); at >= 0 {
		n = at
	}
	for {
		seq, err := p.change(ctx, "adopt", func(*core.State) ([]core.Event, error) { return events[:n], nil })
		if err == nil || n == 1 || core.AsFailure(err).Code != core.CodeOverLimit {
			return seq, n, err
		}
		n /= 2
	}
}

func (p *Pipeline) adoptSnapshot(ctx context.Context, snap core.Snapshot) error {
	state, err := p.load(snap)
	if err != nil {
		return err
	}
	return p.ask(ctx, func(_ context.Context, d *dispatcher) error {
		d.leave(state)
		d.merge(state, func() {})
		return nil
	})
}

// Overrule makes the settings of this server count over those of a server that joins it:
// where they differ it writes its own once more with a higher revision, and takes away
// what only the other has. Foreign are all settings of the other, those that were removed
// included if they are known; see [Pipeline.Revised].
func (p *Pipeline) Overrule(ctx context.Context, foreign []core.Setting, user string) error {
	for len(foreign) > 0 {
		n := min(len(foreign), maxBatch)
		_, err := p.change(ctx, "overrule", func(s *core.State) ([]core.Event, error) {
			var events []core.Event
			for _, f := range foreign[:n] {
				own, _ := s.Setting(f.Key)
				if string(own.Value) == string(f.Value) {
					continue
				}
				events = append(events, core.Event{At: p.now(), Body: core.SettingChanged{
					Key: f.Key, Value: own.Value, Revision: max(s.Revision(f.Key), f.Revision) + 1, User: user,
				}})
			}
			return events, nil
		})
		if err != nil {
			return fmt.Errorf("let the settings of this server count: %w", err)
		}
		foreign = foreign[n:]
	}
	return nil
}

// Revised gives every setting that was ever set, as the journal has it, by key; those that
// were removed have no value.
func (p *Pipeline) Revised() []core.Setting {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Collect(p.state.Revised())
}
