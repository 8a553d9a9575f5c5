package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Read implements Log.
func (s *store) Read(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return s.tail.read(ctx, from, s.open)
}

// Follow implements Log.
func (s *store) Follow(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return s.tail.follow(ctx, from, s.open)
}

// Bounds implements Log.
func (s *store) Bounds() (first, last Seq) { return s.tail.bounds() }

// open implements opener.
func (s *store) open() (source, error) { return s.openStream() }

func (s *store) openStream() (*stream, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.tail.err(); err != nil {
		return nil, err
	}
	if s.engine == nil {
		return nil, core.DataDown("read the journal", errors.New("its engine could not be started"))
	}
	return openStream(s.engine, s.cfg.Timeout, s.unreadable)
}

// unreadable is the error of an entry that was there and cannot be read back.
// The next Open says more: it looks at the files themselves.
func (s *store) unreadable(at Seq, why string) error {
	if first, _ := s.tail.bounds(); at < first {
		return compacted(at, first)
	}
	return &Damage{
		Dir: s.cfg.Dir, Kind: ChangedBytes, Last: at - 1,
		Found: []string{fmt.Sprintf("entry %d cannot be read: %s", at, why)},
	}
}
