package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/internal/durable"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// inherited marks the copy of a journal whose server left its jobs to this one for good: a
// server that leaves the pair while it works on the other's jobs keeps them.
const inherited = "inherited"

// settle makes this server ready to be alone: the settings that only the other one's journal
// has are written into its own, and jobs that were taken over stay. Both servers must not
// go on with the same jobs, so taken ones go back first if the other can have them.
func (m *paired) settle(ctx context.Context) error {
	s := m.node.Status()
	if err := m.mayLeave(s); err != nil {
		return err
	}
	if err := m.keepSettings(ctx); err != nil {
		return fmt.Errorf("keep the settings of the pair: %w", err)
	}
	if s.Stand == pair.Standby || s.Refused == link.CodeNoPair { // then it works on them itself
		return nil
	}
	mark := filepath.Join(m.part.config.Data, peerFolder, m.formed.Peer.ID, inherited)
	if err := durable.Write(mark, []byte("the jobs of this server are worked on here\n"), 0o600); err != nil {
		return core.DataDown("keep the other server's jobs", err)
	}
	return nil
}

// mayLeave says what would be done twice, or by nobody, if this server left now.
func (m *paired) mayLeave(s node.Status) error {
	peer := m.formed.Peer.Name
	switch {
	case s.Linked && s.Stand != pair.Standby:
		return core.Refuse(core.CodeConflict, `run "twinleaf pair handback" first, or stop the other server if it is to be no more`,
			"this server works on the jobs of %s, which is there", peer)
	case s.Linked && s.Peer.Taken > 0 && s.Phase != pair.Working:
		return core.Refuse(core.CodeConflict, `let it give them back first: end maintenance here, or run "twinleaf pair handback" there`,
			"%s works on the jobs of this server", peer)
	case !s.Linked && s.Stand == pair.Standby && s.Refused != link.CodeNoPair && m.waiting() > 0:
		return core.Refuse(core.CodeConflict, `start it, or run "twinleaf pair takeover" here first if it is to be no more`,
			"%s is not heard, and %d of its jobs would be worked on by nobody", peer, m.waiting())
	}
	return nil
}

// waiting counts the open jobs of the peer.
func (m *paired) waiting() (n int) {
	m.pipe.Look(func(s *core.State) {
		for id := range s.Open() {
			if s.Server(id) == m.formed.Peer.ID {
				n++
			}
		}
	})
	return n
}

// keepSettings writes all settings into the own journal as they are. What was written twice
// counts once.
func (m *paired) keepSettings(ctx context.Context) error {
	now := m.now().UTC().Round(0)
	var events []core.Event
	m.pipe.Look(func(s *core.State) {
		for v := range s.Revised() {
			events = append(events, core.Event{At: now, Body: core.SettingChanged(v)})
		}
	})
	for len(events) > 0 {
		n := min(len(events), journal.MaxBatch)
		if _, err := m.pipe.Adopt(ctx, events[:n]); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// former are the servers that were in a pair with this one and are not now: those that left
// their jobs to it, and those that kept them.
func former(data, present string) (heir, left []string, err error) {
	folders, err := os.ReadDir(filepath.Join(data, peerFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, core.DataDown("look for former peers", err)
	}
	for _, f := range folders {
		if !f.IsDir() || f.Name() == present {
			continue
		}
		if _, err := os.Stat(filepath.Join(data, peerFolder, f.Name(), inherited)); err == nil {
			heir = append(heir, f.Name())
		} else {
			left = append(left, f.Name())
		}
	}
	return heir, left, nil
}

// inherit folds what other servers left to this one. It comes before the copy of the
// present peer is folded.
func inherit(ctx context.Context, data, present string, p *pipeline.Pipeline, at journal.Config) error {
	marks, err := filepath.Glob(filepath.Join(data, peerFolder, "*", inherited))
	if err != nil {
		return err
	}
	for _, mark := range marks {
		at.Dir = filepath.Dir(mark)
		at.Writer = filepath.Base(at.Dir)
		if at.Writer == present {
			if err := os.Remove(mark); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("give the jobs of %s back: %w", present, err)
			}
			continue
		}
		if err := foldLeft(ctx, p, at); err != nil {
			return fmt.Errorf("read what %s left: %w", at.Writer, err)
		}
	}
	return nil
}

// foldLeft folds one copy to its end.
func foldLeft(ctx context.Context, p *pipeline.Pipeline, at journal.Config) (err error) {
	at.Formerly = nil
	c, err := node.OpenCopy(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	asides, err := c.Asides()
	if err != nil {
		return err
	}
	for _, name := range asides {
		if err := foldAll(ctx, p, func(yield func(journal.Entry, error) bool) {
			for raw, err := range c.Aside(ctx, name) {
				var e journal.Entry
				if err == nil {
					e, err = journal.ParseFrame(raw)
				}
				if !yield(e, err) {
					return
				}
			}
		}); err != nil {
			return err
		}
	}
	return foldAll(ctx, p, c.Read(ctx, 0))
}

// foldAll folds entries a few at once.
func foldAll(ctx context.Context, p *pipeline.Pipeline, entries func(func(journal.Entry, error) bool)) error {
	var batch []journal.Entry
	for e, err := range entries {
		if err != nil {
			return err
		}
		if batch = append(batch, e); len(batch) < journal.MaxBatch {
			continue
		}
		if err := p.FoldPeer(ctx, batch); err != nil {
			return err
		}
		batch = nil
	}
	if len(batch) == 0 {
		return nil // no entries would mean that the present peer has none
	}
	return p.FoldPeer(ctx, batch)
}
