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

	mu      sync.Mutex  // guards the fields below
	waiting []core.Body // the first may be under way; none is there twice
	ended   bool        // the first is written or failed, and the machine has yet to hear of it
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

// first is the event to write now, if there is one.
func (w *writer) first() (core.Body, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 || w.ended {
		return nil, false
	}
	return w.waiting[0], true
}

// end says that the first event is written or failed.
func (w *writer) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// heard lets go of the first event, since the machine hears now how it ended. Until then it
// may ask for the event again, which must not be written twice.
func (w *writer) heard() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		w.waiting, w.ended = w.waiting[1:], false
		wake(w.wake)
	}
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
			if ctx.Err() != nil {
				return // its fate is unknown; the next start finds out
			}
			n.writer.end()
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
