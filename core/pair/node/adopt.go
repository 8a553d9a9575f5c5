package node

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// So much is read of what was set aside before it is taken in.
const (
	batchFrames = journal.MaxBatch
	batchBytes  = 8 << 20
)

// adopt takes in what the peer set aside of its copy and this run has not taken in yet.
func (r *round) adopt(ctx context.Context, asides []string) error {
	for _, name := range asides {
		if _, done := r.shipper.adopted[name]; done {
			continue
		}
		err := r.takeIn(ctx, name, func() iter.Seq2[[]byte, error] { return r.cfg.Link.Aside(ctx, name) })
		if errors.Is(err, ErrStale) {
			return r.stale(ctx)
		}
		if err != nil {
			return fmt.Errorf("adopt what the peer set aside: %w", err)
		}
		if r.shipper.adopted == nil {
			r.shipper.adopted = map[string]journal.Seq{}
		}
		_, r.shipper.adopted[name] = r.cfg.Journal.Bounds()
	}
	return nil
}

// takeIn brings what was set aside of the own history back into the own journal: as it
// was, where it goes onto the own end; else the events that are missing are appended.
func (n *Node) takeIn(ctx context.Context, name string, frames func() iter.Seq2[[]byte, error]) error {
	t := taking{Node: n}
	for raw, err := range frames() {
		if err != nil {
			return err
		}
		e, err := journal.ParseFrame(raw)
		if err != nil {
			return err
		}
		if t.seen == 0 {
			if err := t.begin(ctx, e, frames); err != nil {
				return err
			}
		}
		if err := t.add(ctx, e, raw); err != nil {
			return err
		}
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	n.cfg.Log.Info("what was set aside of the own journal is taken back", "aside", name, "entries", t.seen, "restored", t.restored, "adopted", t.adopted)
	return nil
}

// taking is one takeIn.
type taking struct {
	*Node
	from  journal.Seq // entries before are known to be there
	batch [][]byte    // entries that follow each other
	bytes int
	next  journal.Seq // after the batch

	seen, restored, adopted int
}

// begin looks at the first entry e. What both histories have before the own first entry
// is left out. A snapshot that the own journal does not have goes into none that begins
// with its first event: that one has to be set aside for it.
func (t *taking) begin(ctx context.Context, e journal.Entry, frames func() iter.Seq2[[]byte, error]) error {
	first, last := t.cfg.Journal.Bounds()
	if last == 0 {
		return nil
	}
	if e.Seq < first {
		agree, err := t.agree(ctx, first-1, frames())
		if err != nil || agree {
			t.from = first
			return err
		}
	}
	s, is := e.Event.Body.(core.Snapshot)
	if !is || e.Seq == 1 {
		return nil
	}
	if has, err := t.has(ctx, e); has || err != nil {
		return err
	}
	if first == 1 {
		return ErrStale
	}
	if err := t.Heal(ctx, s.State); err != nil {
		return fmt.Errorf("get the state with which it begins: %w", err)
	}
	_, err := t.cfg.Work.Adopt(ctx, []core.Event{e.Event})
	return err
}

// has reports whether the own journal has an entry.
func (t *taking) has(ctx context.Context, e journal.Entry) (bool, error) {
	hash, err := t.cfg.Journal.HashAt(ctx, e.Seq)
	if gap := (*journal.Gap)(nil); errors.As(err, &gap) || errors.Is(err, journal.ErrCompacted) {
		return false, nil
	}
	return hash == e.Hash, err
}

// agree reports whether the frames have the same entry at as the own journal.
func (t *taking) agree(ctx context.Context, at journal.Seq, frames iter.Seq2[[]byte, error]) (bool, error) {
	own, err := t.cfg.Journal.HashAt(ctx, at)
	if err != nil {
		return false, err
	}
	for raw, err := range frames {
		if err != nil {
			return false, err
		}
		e, err := journal.ParseFrame(raw)
		if err != nil || e.Seq >= at {
			return err == nil && e.Seq == at && e.Hash == own, err
		}
	}
	return false, nil
}

func (t *taking) add(ctx context.Context, e journal.Entry, raw []byte) error {
	t.seen++
	if e.Seq < t.from {
		return nil
	}
	full := len(t.batch) == batchFrames || t.bytes+len(raw) > batchBytes
	if len(t.batch) > 0 && (full || e.Seq != t.next) {
		if err := t.flush(ctx); err != nil {
			return err
		}
	}
	t.batch, t.bytes, t.next = append(t.batch, raw), t.bytes+len(raw), e.Seq+1
	return nil
}

// flush takes the batch in.
func (t *taking) flush(ctx context.Context) error {
	if len(t.batch) == 0 {
		return nil
	}
	batch := t.batch
	t.batch, t.bytes = nil, 0
	onto, err := t.goesOnto(batch[0])
	if err != nil {
		return err
	}
	if onto {
		_, last := t.cfg.Journal.Bounds()
		if err := t.fetchStates(ctx, batch, last == 0); err != nil {
			return err
		}
		if _, err := t.cfg.Work.Restore(ctx, batch); err == nil {
			t.restored += len(batch)
			return nil
		} else if !apart(err) {
			return err
		}
	}
	events, err := journal.Missing(ctx, t.cfg.Journal, batch)
	if err != nil || len(events) == 0 {
		return err
	}
	t.adopted += len(events)
	_, err = t.cfg.Work.Adopt(ctx, events)
	return err
}

// goesOnto reports whether the own journal goes on, or can begin, with the frame.
func (t *taking) goesOnto(raw []byte) (bool, error) {
	e, err := journal.ParseFrame(raw)
	if err != nil {
		return false, err
	}
	seq, hash := t.cfg.Journal.End()
	_, state := e.Event.Body.(core.Snapshot)
	if seq == 0 {
		return e.Seq == 1 || state, nil
	}
	return e.Seq == seq+1 && e.Prev == hash, nil
}

// apart reports whether entries were refused because the journal has gone on meanwhile.
func apart(err error) bool {
	gap := (*journal.Gap)(nil)
	return errors.As(err, &gap) || errors.Is(err, journal.ErrForked) || errors.Is(err, journal.ErrFrame)
}

// salvage is what was set aside of an own journal, in a folder each.
type salvage struct {
	mu   sync.Mutex // held while it is taken back; guards dir
	dir  string
	left atomic.Bool
	now  atomic.Bool // it is being taken back before the own jobs are worked on
}

func (s *salvage) pending() bool { return s.left.Load() }

func (s *salvage) busy() bool { return s.now.Load() }

// takeBackTries is how often it is tried to take a salvage back before the own jobs are
// worked on without it.
const takeBackTries = 5

// takeBackFirst takes the salvage back before the own jobs are worked on: that is the
// last moment, when there is no peer to restore the journal from.
func (n *Node) takeBackFirst(ctx context.Context) {
	if !n.salvage.pending() {
		return
	}
	n.salvage.now.Store(true)
	defer n.salvage.now.Store(false)
	wait := retryFirst
	for range takeBackTries {
		err := n.takeBack(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		n.cfg.Log.Warn("what was set aside of the own journal is not taken back", "err", err)
		if !pause(ctx, wait) {
			return
		}
		wait *= 2
	}
}

// takeBack takes in what was set aside of the own journal, once. What cannot be read
// stays where it is, for people.
func (n *Node) takeBack(ctx context.Context) error {
	n.salvage.mu.Lock()
	defer n.salvage.mu.Unlock()
	for n.salvage.pending() {
		dir := n.salvage.dir
		err := n.takeIn(ctx, dir, func() iter.Seq2[[]byte, error] { return journal.Salvage(ctx, dir) })
		if errors.Is(err, ErrStale) {
			n.fail(ErrStale)
		}
		if err != nil {
			return fmt.Errorf("take back what was set aside in %s: %w", dir, err)
		}
		next, err := takenBack(dir)
		if err != nil {
			return core.DataDown("mark what was set aside as taken back", err)
		}
		n.salvage.dir = next
		n.salvage.left.Store(next != "")
	}
	return nil
}

func dataDown(err error) bool { return err != nil && core.AsFailure(err).Code == core.CodeDataDown }
