package node

import (
	"context"
	"slices"
	"sync"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// writer appends what the machine asks for, in order.
type writer struct {
	wake chan struct{}

	mu      sync.Mutex  // guards the field below
	waiting []core.Body // the first may be under way; none is there twice
}

// append asks for an event. One that waits already is not written twice: its answer
// is the answer to both.
func (w *writer) append(b core.Body) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.waiting, b) {
		return
	}
	w.waiting = append(w.waiting, b)
	wake(w.wake)
}

func (w *writer) first() (core.Body, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		return nil, false
	}
	return w.waiting[0], true
}

func (w *writer) done() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = w.waiting[1:]
}

// write is the goroutine of the writer. It does not give up an append because it takes
// long: the machine must not be told that an event is not there which comes later.
func (n *Node) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.writer.wake:
		}
		for b, more := n.writer.first(); more && ctx.Err() == nil; b, more = n.writer.first() {
			err := n.cfg.Work.Append(ctx, b)
			n.writer.done()
			if ctx.Err() != nil {
				return // its fate is unknown; the next start finds out
			}
			n.written(ctx, b, err)
		}
	}
}

func (n *Node) written(ctx context.Context, b core.Body, err error) {
	if err != nil {
		n.cfg.Log.Warn("an event of the pair could not be written", "event", b.Type(), "err", err)
		n.feed(ctx, pair.AppendFailed{Body: b})
		return
	}
	switch b := b.(type) {
	case core.TakeoverBegan:
		n.log.takeover(pair.Cause(b.Cause))
	case core.HandedBack:
		n.log.count(func(m *Metrics) { m.HandBacks++ })
	}
	n.feed(ctx, pair.Appended{Body: b})
}
