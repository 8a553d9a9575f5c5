package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
)

// give hands frames from outside to the writer.
func (s *store) give(ctx context.Context, frames [][]byte) (Seq, error) {
	gs, err := parseGiven(frames)
	if err != nil {
		return 0, err
	}
	if len(gs) == 0 {
		return s.tail.chain().last, ctx.Err()
	}
	return s.ask(ctx, &request{given: gs, done: make(chan answer, 1)})
}

// take writes those of the entries that are not there yet. When it fails the
// store has none of them, or a beginning of them that ends where an append ended.
func (w *writer) take(gs []given) (Seq, error) {
	if err := w.running(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Timeout)
	defer cancel()
	fresh, err := w.chained().fresh(ctx, gs)
	if err != nil || len(fresh) == 0 {
		return w.tail.chain().last, err
	}
	if err := w.cfg.checkSpace(bytesOf(fresh)); err != nil {
		return 0, err
	}
	first, last := fresh[0], fresh[len(fresh)-1]
	if at := w.tail.chain(); at.last == 0 && first.seq > 1 {
		if err := w.begin(ctx, chain{first.seq - 1, first.prev}); err != nil {
			return 0, err
		}
	}
	end := chain{last.seq, last.hash}
	if err := w.put(ctx, first.seq-1, raws(fresh)); err != nil {
		if err := w.settle(err, end); err != nil {
			return 0, err
		}
	} else {
		w.advance(end)
	}
	return end.last, w.keepPart(last)
}

// keepPart makes sure that a part of an append is not taken for a write that was
// never finished: it was given like this, because its rest is lost.
func (w *writer) keepPart(last given) error {
	if last.left == 0 {
		return nil
	}
	err := w.mark.sync()
	if known := w.mark.get().end.last; err == nil && known < last.seq {
		err = fmt.Errorf("its watermark stands at %d, not at %d", known, last.seq)
	}
	if err != nil {
		return core.DataDown("write to the journal", err)
	}
	return nil
}

// begin makes the empty store one that begins behind base. The watermark knows
// of it first: then what a crash leaves undone is finished by the next start.
func (w *writer) begin(ctx context.Context, base chain) error {
	if err := errors.Join(w.mark.set(mark{end: base, base: base}), w.mark.sync()); err != nil {
		return core.DataDown("begin the journal", err)
	}
	if err := w.engine.purge(ctx, base.last+1); err != nil {
		return w.settle(err, base)
	}
	w.tail.begin(base)
	return nil
}

func bytesOf(gs []given) int64 {
	n := int64(0)
	for _, g := range gs {
		n += int64(len(g.raw)) + recordOverhead
	}
	return n
}

func raws(gs []given) [][]byte {
	frames := make([][]byte, len(gs))
	for i, g := range gs {
		frames[i] = g.raw
	}
	return frames
}
