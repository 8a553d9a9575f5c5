package journal

import (
	"context"
	"fmt"
	"iter"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Memory is a Journal that forgets everything when the process ends. It encodes,
// chains and limits as Journal does.
type Memory struct{ *memstore }

// NewMemory makes an empty log. Of the Config it uses Writer, Formerly and Epoch.
func NewMemory(cfg Config) *Memory {
	return &Memory{newMemstore(cfg.owning())}
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
	if m.tail.closed != nil {
		return 0, m.tail.closed
	}
	frames, end := m.tail.end.next(lines, m.cfg.Writer, m.cfg.Epoch)
	m.frames = append(m.frames, frames...)
	m.tail.moveLocked(end)
	return end.last, nil
}

// Restore is Journal.Restore.
func (m *Memory) Restore(ctx context.Context, frames [][]byte) (Seq, error) {
	return m.give(ctx, frames)
}

// memstore is store in memory.
type memstore struct {
	cfg  Config
	tail tail

	frames [][]byte // guarded by tail.mu; frames[0] follows tail.base
}

func newMemstore(cfg Config) *memstore {
	return &memstore{cfg: cfg, tail: newTail(chain{}, chain{})}
}

// Read implements Log.
func (m *memstore) Read(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return m.tail.read(ctx, from, m.open)
}

// Follow implements Log.
func (m *memstore) Follow(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return m.tail.follow(ctx, from, m.open)
}

// open implements opener.
func (m *memstore) open() (source, error) { return m, nil }

// fetch implements source.
func (m *memstore) fetch(ctx context.Context, from, to Seq) ([]Entry, error) {
	frames, err := m.rawFrames(ctx, from, int(min(to-from+1, 256)), maxBytes)
	if err != nil {
		return nil, err
	}
	return decodeAll(frames)
}

func (m *memstore) stop() {}

// rawFrames is a rawReader.
func (m *memstore) rawFrames(_ context.Context, from Seq, n, max int) ([][]byte, error) {
	m.tail.mu.Lock()
	defer m.tail.mu.Unlock()
	return m.rawLocked(from, n, max)
}

func (m *memstore) rawLocked(from Seq, n, max int) ([][]byte, error) {
	base := m.tail.base.last
	if from <= base {
		return nil, compacted(from, base+1)
	}
	var frames [][]byte
	for _, raw := range m.frames[from-base-1:] {
		if frames = append(frames, raw); len(frames) == n || max <= len(raw) {
			break
		}
		max -= len(raw)
	}
	return frames, nil
}

// Bounds implements Log.
func (m *memstore) Bounds() (first, last Seq) { return m.tail.bounds() }

// End is Journal.End.
func (m *memstore) End() (Seq, Hash) {
	end := m.tail.chain()
	return end.last, end.hash
}

// HashAt is Journal.HashAt.
func (m *memstore) HashAt(ctx context.Context, seq Seq) (Hash, error) {
	m.tail.mu.Lock()
	defer m.tail.mu.Unlock()
	if m.tail.closed != nil {
		return Hash{}, m.tail.closed
	}
	return m.chainedLocked().hashAt(ctx, seq)
}

// Frames is Journal.Frames.
func (m *memstore) Frames(ctx context.Context, from Seq, max int) ([][]byte, error) {
	from, end, err := m.tail.await(ctx, from)
	if err != nil {
		return nil, err
	}
	return readWhole(ctx, m.rawFrames, from, end, max)
}

func (m *memstore) chainedLocked() chained {
	return chained{base: m.tail.base, end: m.tail.end, writers: m.cfg.writers(), frame: func(_ context.Context, seq Seq) (frame, error) {
		frames, err := m.rawLocked(seq, 1, 1)
		if err != nil {
			return frame{}, err
		}
		return parseFrame(frames[0])
	}}
}

// give takes frames from outside.
func (m *memstore) give(ctx context.Context, frames [][]byte) (Seq, error) {
	gs, err := parseGiven(frames)
	if err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.tail.mu.Lock()
	defer m.tail.mu.Unlock()
	if m.tail.closed != nil {
		return 0, m.tail.closed
	}
	if len(gs) == 0 {
		return m.tail.end.last, nil
	}
	fresh, err := m.chainedLocked().fresh(ctx, gs)
	if err != nil || len(fresh) == 0 {
		return m.tail.end.last, err
	}
	if m.tail.end.last == 0 {
		m.tail.base = chain{fresh[0].seq - 1, fresh[0].prev}
	}
	for _, g := range fresh {
		m.frames = append(m.frames, append([]byte(nil), g.raw...))
	}
	last := fresh[len(fresh)-1]
	m.tail.moveLocked(chain{last.seq, last.hash})
	return last.seq, nil
}

// Compact implements Log.
func (m *memstore) Compact(ctx context.Context, before Seq) error {
	m.tail.mu.Lock()
	defer m.tail.mu.Unlock()
	if m.tail.closed != nil {
		return m.tail.closed
	}
	if before > m.tail.end.last+1 {
		return fmt.Errorf("compact below %d: the last entry is %d", before, m.tail.end.last)
	}
	if before <= m.tail.base.last+1 {
		return nil
	}
	hash, err := m.chainedLocked().hashAt(ctx, before-1)
	if err != nil {
		return err
	}
	m.frames = append([][]byte(nil), m.frames[before-1-m.tail.base.last:]...)
	m.tail.base = chain{before - 1, hash}
	return nil
}

// Close implements Log.
func (m *memstore) Close() error {
	m.tail.close(ErrClosed)
	return nil
}
