package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// maxSeq is the last sequence that can be: the engine is told of it in JSON.
const maxSeq = 1 << 53

// given is an entry from outside: its bytes, and what they say.
type given struct {
	frame
	raw []byte
}

// parseGiven proves every frame, and that they follow each other.
func parseGiven(frames [][]byte) ([]given, error) {
	if err := checkGiven(frames); err != nil {
		return nil, err
	}
	gs := make([]given, len(frames))
	err := spread(len(frames), func(from, to int) error {
		for i := from; i < to; i++ {
			var err error
			if gs[i], err = parseOne(frames[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, g := range gs {
		switch {
		case g.seq == 0 || g.seq > maxSeq:
			return nil, fmt.Errorf("there is no entry %d: %w", g.seq, ErrFrame)
		case g.seq == 1 && g.prev != (Hash{}):
			return nil, fmt.Errorf("the first entry has one before it: %w", ErrFrame)
		case i > 0 && (g.seq != gs[i-1].seq+1 || g.prev != gs[i-1].hash):
			return nil, fmt.Errorf("entry %d does not follow entry %d, which was given before it: %w", g.seq, gs[i-1].seq, ErrFrame)
		}
	}
	return gs, nil
}

// checkGiven holds the frames to the limits.
func checkGiven(frames [][]byte) error {
	if len(frames) > MaxBatch {
		return fmt.Errorf("%d entries at once, limit %d: %w", len(frames), MaxBatch, ErrTooLarge)
	}
	sum := 0
	for _, raw := range frames {
		sum += len(raw)
	}
	if sum > MaxFrames {
		return fmt.Errorf("entries of %d bytes at once, limit %d: %w", sum, MaxFrames, ErrTooLarge)
	}
	return nil
}

func parseOne(raw []byte) (given, error) {
	f, err := parseFrame(raw)
	if err != nil {
		return given{}, err
	}
	return given{f, raw}, f.decodes()
}

// ParseFrame gives the entry that raw is the frame of. The error is ErrFrame, or
// core.ErrUnknownEvent when a newer version wrote it.
func ParseFrame(raw []byte) (Entry, error) {
	f, err := parseFrame(raw)
	if err != nil {
		return Entry{}, err
	}
	return f.entry()
}

// chained is what can be asked about a chain that entries are to go onto.
type chained struct {
	base, end chain
	writers   []string // who may have written the first entry; none: anybody
	frame     func(context.Context, Seq) (frame, error)
}

// fresh gives those of the entries that are not there yet, once it is sure that
// all others are there just so. The empty chain takes a beginning with any sequence.
func (c chained) fresh(ctx context.Context, gs []given) ([]given, error) {
	first, last := gs[0], gs[len(gs)-1]
	switch {
	case c.end.last == 0:
		return gs, c.known(first)
	case first.seq > c.end.last+1:
		return nil, &Gap{Want: c.end.last + 1, Got: first.seq}
	case first.seq == c.end.last+1:
		if first.prev != c.end.hash {
			return nil, c.fork(ctx, c.end.last, c.end.hash, first.prev, first)
		}
		return gs, nil
	}
	// The hash of an entry proves all before it: one comparison will do.
	at := last
	if last.seq > c.end.last {
		at = gs[c.end.last-first.seq]
	}
	have, err := c.hashAt(ctx, at.seq)
	if err != nil {
		return nil, err
	}
	if have != at.hash {
		return nil, c.parted(ctx, gs)
	}
	return gs[at.seq-first.seq+1:], nil
}

// known refuses the first entry of a stranger.
func (c chained) known(g given) error {
	if len(c.writers) == 0 || slices.Contains(c.writers, string(g.writer)) {
		return nil
	}
	return &Stranger{Want: c.writers[0], Got: string(g.writer)}
}

// parted finds the first of the entries that is not the one that is there.
func (c chained) parted(ctx context.Context, gs []given) error {
	for _, g := range gs {
		have, err := c.hashAt(ctx, g.seq)
		if errors.Is(err, ErrCompacted) {
			continue
		}
		if err != nil {
			return err
		}
		if have != g.hash {
			return c.fork(ctx, g.seq, have, g.hash, g)
		}
	}
	return fmt.Errorf("compare entries %d-%d: they cannot differ at their end only", gs[0].seq, gs[len(gs)-1].seq)
}

// fork is the error for two histories: another's, when its name says so.
func (c chained) fork(ctx context.Context, seq Seq, have, got Hash, g given) error {
	if f, err := c.frame(ctx, seq); err == nil && string(f.writer) != string(g.writer) {
		return &Stranger{Want: string(f.writer), Got: string(g.writer)}
	}
	return &Fork{Seq: seq, Have: have, Got: got}
}

// hashAt is the hash of the entry seq, which is one of those that are there, or
// the one before them.
func (c chained) hashAt(ctx context.Context, seq Seq) (Hash, error) {
	switch {
	case seq == c.end.last:
		return c.end.hash, nil
	case seq == c.base.last:
		return c.base.hash, nil
	case seq < c.base.last:
		return Hash{}, compacted(seq, c.base.last+1)
	case seq > c.end.last:
		return Hash{}, &Gap{Want: c.end.last + 1, Got: seq}
	}
	f, err := c.frame(ctx, seq)
	return f.hash, err
}
