package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Read implements Log.
func (j *Journal) Read(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return j.tail.read(ctx, from, j.open)
}

// Follow implements Log.
func (j *Journal) Follow(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return j.tail.follow(ctx, from, j.open)
}

// Bounds implements Log.
func (j *Journal) Bounds() (first, last Seq) { return j.tail.bounds() }

// open implements opener.
func (j *Journal) open() (source, error) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	if j.tail.isClosed() {
		return nil, ErrClosed
	}
	if j.engine == nil {
		return nil, core.DataDown("read the journal", errors.New("its engine could not be started"))
	}
	return openStream(j.engine, j.cfg.Timeout, j.unreadable)
}

// unreadable is the error of an entry that was there and cannot be read back.
// The next Open says more: it looks at the files themselves.
func (j *Journal) unreadable(at Seq, why string) error {
	if first, _ := j.tail.bounds(); at < first {
		return compacted(at, first)
	}
	return &Damage{
		Dir: j.cfg.Dir, Kind: ChangedBytes, Last: at - 1,
		Found: []string{fmt.Sprintf("entry %d cannot be read: %s", at, why)},
	}
}
