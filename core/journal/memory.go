package journal

import (
	"context"
	"fmt"
	"iter"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Memory is a Log that forgets everything when the process ends. It encodes,
// chains and limits as Journal does.
type Memory struct {
	cfg  Config
	tail tail

	frames [][]byte // guarded by tail.mu; frames[0] has sequence tail.first
}

// NewMemory makes an empty log. Of the Config it uses Writer and Epoch.
func NewMemory(cfg Config) *Memory {
	return &Memory{cfg: cfg.withDefaults(), tail: newTail(1, chain{})}
}

// Append implements Log.
func (m *Memory) Append(ctx context.Context, events ...core.Event) (Seq, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	lines, err := encodeAll(events)
	if err != nil {
		return 0, err
	}
	m.tail.mu.Lock()
	defer m.tail.mu.Unlock()
	if m.tail.closed {
		return 0, ErrClosed
	}
	frames, end := m.tail.end.next(lines, m.cfg.Writer, m.cfg.Epoch)
	m.frames = append(m.frames, frames...)
	m.tail.moveLocked(end)
	return end.last, nil
}

// Read implements Log.
func (m *Memory) Read(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return m.tail.read(ctx, from, m.open)
}

// Follow implements Log.
func (m *Memory) Follow(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return m.tail.follow(ctx, from, m.open)
}

// open implements opener.
func (m *Memory) open() (source, error) { return m, nil }

// fetch implements source.
func (m *Memory) fetch(_ context.Context, from, to Seq) ([]Entry, error) {
	m.tail.mu.Lock()
	defer m.tail.mu.Unlock()
	if from < m.tail.first {
		return nil, compacted(from, m.tail.first)
	}
	var entries []Entry
	for _, raw := range m.frames[from-m.tail.first:][:min(to-from+1, 256)] {
		f, err := parseFrame(raw)
		if err != nil {
			return nil, err
		}
		e, err := f.entry()
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (m *Memory) stop() {}

// Bounds implements Log.
func (m *Memory) Bounds() (first, last Seq) { return m.tail.bounds() }

// Compact implements Log.
func (m *Memory) Compact(_ context.Context, before Seq) error {
	m.tail.mu.Lock()
	defer m.tail.mu.Unlock()
	if m.tail.closed {
		return ErrClosed
	}
	if before > m.tail.end.last+1 {
		return fmt.Errorf("compact below %d: the last entry is %d", before, m.tail.end.last)
	}
	if before > m.tail.first {
		m.frames = append([][]byte(nil), m.frames[before-m.tail.first:]...)
		m.tail.first = before
	}
	return nil
}

// Close implements Log.
func (m *Memory) Close() error {
	m.tail.close()
	return nil
}
