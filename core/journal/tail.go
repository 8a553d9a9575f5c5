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
	base   chain      // the entry before the first
	end    chain
	moved  chan struct{} // closed and renewed when end moves or the log closes
	closed error         // why, once it is
}

// source gives runs of entries, in order and proven.
type source interface {
	// fetch gives at least the entry from and at most those up to to.
	fetch(ctx context.Context, from, to Seq) ([]Entry, error)
	stop()
}

// opener makes the source of one iteration.
type opener func() (source, error)

func newTail(base, end chain) tail {
	return tail{base: base, end: end, moved: make(chan struct{})}
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

// begin makes the log one that begins and ends behind base.
func (t *tail) begin(base chain) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base = base
	t.moveLocked(base)
}

func (t *tail) setBase(base chain) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.base = base
}

func (t *tail) close(why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed == nil {
		t.closed = why
		t.moveLocked(t.end)
	}
}

// err is why the log is closed; nil while it is open.
func (t *tail) err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

func (t *tail) bounds() (first, last Seq) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base.last + 1, t.end.last
}

// ends gives both ends of the chain.
func (t *tail) ends() (base, end chain) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.base, t.end
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
	if t.closed != nil {
		return 0, 0, nil, t.closed
	}
	first := t.base.last + 1
	if from == 0 {
		from = first
	}
	if from < first {
		return 0, 0, nil, compacted(from, first)
	}
	return from, t.end.last, t.moved, nil
}

// await waits until the entry from is there; 0 means the first. It gives from and
// the last there is.
func (t *tail) await(ctx context.Context, from Seq) (Seq, Seq, error) {
	for {
		next, last, moved, err := t.start(from)
		switch {
		case err != nil:
			return 0, 0, err
		case next <= last:
			return next, last, ctx.Err()
		case next > last+1:
			return 0, 0, &Gap{Want: last + 1, Got: next}
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
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
