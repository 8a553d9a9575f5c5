package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Compact implements Log.
func (s *store) Compact(ctx context.Context, before Seq) error {
	_, err := s.ask(ctx, &request{before: before, done: make(chan answer, 1)})
	return err
}

// compact drops the entries below before. The watermark knows of it first: then
// what a crash leaves undone is finished by the next start.
func (w *writer) compact(before Seq) error {
	first, last := w.tail.bounds()
	if before > last+1 {
		return fmt.Errorf("compact below %d: the last entry is %d", before, last)
	}
	if before <= first {
		return nil
	}
	if err := w.running(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Timeout)
	defer cancel()
	frames, err := w.engine.raw(ctx, before-1, before-1)
	if err != nil {
		return err
	}
	m := w.mark.get()
	m.base = chain{before - 1, frames[0].hash}
	if err := errors.Join(w.mark.set(m), w.mark.sync()); err != nil {
		return core.DataDown("compact the journal", err)
	}
	w.tail.setBase(m.base)
	if err := w.engine.purge(ctx, before); err != nil {
		return core.DataDown("compact the journal", err)
	}
	return nil
}
