package node

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// wire is a link in memory: it calls the other's handler. It can be cut and slow.
type wire struct {
	from, to *site

	mu     sync.Mutex // guards the fields below
	node   *Node      // that answers; nil: nobody does, and the caller knows at once
	cut    bool       // what is said is not heard, without a word
	slow   time.Duration
	calls  []string                // of journals and blobs, in order
	broken func(what string) error // makes a call fail
}

// other is the wire in the other direction.
func (w *wire) other() *wire { return w.to.wire }

func (w *wire) lets(n *Node) { w.change(func() { w.node = n }) }

func (w *wire) change(how func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	how()
}

// silence cuts what is said on this wire, or mends it.
func (w *wire) silence(cut bool) { w.change(func() { w.cut = cut }) }

func (w *wire) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// reach gives the handler when the way to it is there.
func (w *wire) reach(ctx context.Context, what string) (link.Handler, error) {
	w.mu.Lock()
	n, slow, fail := w.node, w.slow, w.broken
	if what != "" {
		w.calls = append(w.calls, what)
	}
	w.mu.Unlock()
	if n == nil {
		return nil, fmt.Errorf("connection refused: %w", link.ErrUnreachable)
	}
	if err := w.pass(ctx, slow); err != nil {
		return nil, err
	}
	if fail != nil {
		if err := fail(what); err != nil {
			return nil, err
		}
	}
	return n.Handler(), nil
}

// pass carries something one way.
func (w *wire) pass(ctx context.Context, slow time.Duration) error {
	w.mu.Lock()
	cut := w.cut
	w.mu.Unlock()
	if cut {
		<-ctx.Done()
		return fmt.Errorf("nothing comes: %w: %w", link.ErrUnreachable, ctx.Err())
	}
	if slow > 0 && !pause(ctx, slow) {
		return ctx.Err()
	}
	return ctx.Err()
}

// call asks about journals.
func call[T any](ctx context.Context, w *wire, what string, ask func(link.Handler) (T, error)) (T, error) {
	var none T
	h, err := w.reach(ctx, what)
	if err != nil {
		return none, err
	}
	if !h.Hears(uint64(w.from.run)) {
		return none, link.ErrUnheard
	}
	answer, failed := ask(h)
	if err := w.other().pass(ctx, 0); err != nil {
		return none, err
	}
	return answer, failed
}

func (w *wire) Send(ctx context.Context, m pair.Message) error {
	h, err := w.reach(ctx, "")
	if err == nil {
		failed := h.Receive(m)
		if err = w.other().pass(ctx, 0); err == nil {
			err = failed
		}
	}
	return err
}

func (w *wire) Copied(ctx context.Context) (link.Copied, error) {
	return call(ctx, w, "copied", func(h link.Handler) (link.Copied, error) { return h.Copied(ctx) })
}

func (w *wire) HashAt(ctx context.Context, seq journal.Seq) (journal.Hash, error) {
	return call(ctx, w, "hash", func(h link.Handler) (journal.Hash, error) { return h.HashAt(ctx, seq) })
}

func (w *wire) Ship(ctx context.Context, frames [][]byte) (link.Copied, error) {
	return call(ctx, w, fmt.Sprintf("ship %d", len(frames)), func(h link.Handler) (link.Copied, error) { return h.Ship(ctx, frames) })
}

func (w *wire) Lost(ctx context.Context, from journal.Seq) ([][]byte, error) {
	return call(ctx, w, fmt.Sprintf("lost %d", from), func(h link.Handler) ([][]byte, error) { return h.Lost(ctx, from) })
}

func (w *wire) SetAside(ctx context.Context, end pair.End) error {
	_, err := call(ctx, w, "set aside", func(h link.Handler) (bool, error) { return true, h.SetAside(ctx, end) })
	return err
}

func (w *wire) Aside(ctx context.Context, name string) iter.Seq2[[]byte, error] {
	seq, err := call(ctx, w, "aside", func(h link.Handler) (iter.Seq2[[]byte, error], error) { return h.Aside(ctx, name), nil })
	if err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	return seq
}

func (w *wire) Discard(ctx context.Context, name string) error {
	_, err := call(ctx, w, "discard", func(h link.Handler) (bool, error) { return true, h.Discard(ctx, name) })
	return err
}

func (w *wire) Compact(ctx context.Context, before journal.Seq) error {
	_, err := call(ctx, w, "compact", func(h link.Handler) (bool, error) { return true, h.Compact(ctx, before) })
	return err
}

func (w *wire) Lacks(ctx context.Context, refs []core.Ref) ([]core.Ref, error) {
	h, err := w.reach(ctx, "lacks")
	if err != nil {
		return nil, err
	}
	return h.Lacks(ctx, refs)
}

func (w *wire) PutBlob(ctx context.Context, ref core.Ref, r io.Reader, size int64) error {
	h, err := w.reach(ctx, "put")
	if err != nil {
		return err
	}
	return h.PutBlob(ctx, ref, r, size)
}

func (w *wire) Blob(ctx context.Context, ref core.Ref) (io.ReadCloser, error) {
	h, err := w.reach(ctx, "blob")
	if err != nil {
		return nil, err
	}
	return h.Blob(ctx, ref)
}
