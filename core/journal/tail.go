package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
)

// tail is where a log ends, and wakes those who wait there.
type tail struct {
	mu     sync.Mutex // guards the fields below
	first  Seq
	end    chain
	moved  chan struct{} // closed and renewed when end moves or the log closes
	closed bool
}

// source gives runs of entries, in order and proven.
type source interface {
	// fetch gives at least the entry from and at most those up to to.
	fetch(ctx context.Context, from, to Seq) ([]Entry, error)
	stop()
}

// opener makes the source of one iteration.
type opener func() (source, error)

func newTail(first Seq, end chain) tail {
	return tail{first: first, end: end, moved: make(chan struct{})}
}

func (t *tail) moveLocked(end chain) {
	t.end = end
	close(t.moved)
	t.moved = make(chan struct{})
}

func (t *tail) move(end chain) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moveLocked(end)
}

func (t *tail) setFirst(first Seq) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.first = first
}

func (t *tail) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		t.moveLocked(t.end)
	}
}

func (t *tail) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

func (t *tail) bounds() (first, last Seq) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.first, t.end.last
}

func (t *tail) chain() chain {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.end
}

// start checks where an iteration may begin and gives the last sequence and a
// channel that is closed when there may be more.
func (t *tail) start(from Seq) (Seq, Seq, <-chan struct{}, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, 0, nil, ErrClosed
	}
	if from == 0 {
		from = t.first
	}
	if from < t.first {
		return 0, 0, nil, compacted(from, t.first)
	}
	return from, t.end.last, t.moved, nil
}

func compacted(from, first Seq) error {
	return fmt.Errorf("read from %d, the first entry is %d: %w", from, first, ErrCompacted)
}

// errStale says that a source has died and another may be opened in its place.
var errStale = errors.New("the journal's engine was started again")

func (t *tail) read(ctx context.Context, from Seq, open opener) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		c := cursor{open: open, yield: yield}
		defer c.stop()
		next, last, _, err := t.start(from)
		if err == nil {
			_, err = c.give(ctx, next, last)
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

func (t *tail) follow(ctx context.Context, from Seq, open opener) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		c := cursor{open: open, yield: yield}
		defer c.stop()
		for {
			next, last, moved, err := t.start(from)
			more := err == nil
			if err == nil {
				more, err = c.give(ctx, next, last)
			}
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				yield(Entry{}, err)
				return
			case !more:
				return
			}
			from = max(next, last+1)
			select {
			case <-moved:
			case <-ctx.Done():
				return
			}
		}
	}
}

// cursor is one iteration: it keeps its source until that dies.
type cursor struct {
	open  opener
	yield func(Entry, error) bool
	src   source // nil before the first entry is wanted
}

func (c *cursor) stop() {
	if c.src != nil {
		c.src.stop()
		c.src = nil
	}
}

// give yields the entries from..to; more is false when nobody wants more.
func (c *cursor) give(ctx context.Context, from, to Seq) (more bool, err error) {
	for from <= to {
		entries, err := c.fetch(ctx, from, to)
		if err != nil {
			return false, err
		}
		for _, e := range entries {
			if !c.yield(e, nil) {
				return false, nil
			}
		}
		from += Seq(len(entries))
	}
	return true, nil
}

// fetch gets the next entries, from a new source when the old one is stale.
func (c *cursor) fetch(ctx context.Context, from, to Seq) ([]Entry, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c.src == nil {
			src, err := c.open()
			if err != nil {
				return nil, err
			}
			c.src = src
		}
		entries, err := c.src.fetch(ctx, from, to)
		if !errors.Is(err, errStale) {
			return entries, err
		}
		c.stop()
	}
}
