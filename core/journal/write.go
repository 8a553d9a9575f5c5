package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

const (
	// groupEvents bounds what goes to disk in one batch for several appends.
	groupEvents = 512

	// batchFrom is the number of events from which the engine's batch is quicker
	// than a write for each: a batch costs ten to twenty syncs of the disk, a write one.
	batchFrom = 16

	// recordOverhead is what the engine puts around a frame, at most.
	recordOverhead = 256

	// restartEvery is how often a failed start of the engine is tried again.
	restartEvery = 500 * time.Millisecond
)

// request is something for the writer to do, and where to answer.
type request struct {
	lines  [][]byte    // events to append
	given  []given     // or entries to take as they are
	before Seq         // or where to compact
	done   chan answer // has room for the one answer
}

type answer struct {
	seq Seq
	err error
}

func (r *request) bytes() int {
	n := 0
	for _, l := range r.lines {
		n += len(l) + frameHeader + maxName + recordOverhead
	}
	return n
}

// Append implements Log.
func (j *Journal) Append(ctx context.Context, events ...core.Event) (Seq, error) {
	lines, err := encodeAll(events)
	if err != nil {
		return 0, err
	}
	if len(lines) == 0 {
		_, last := j.Bounds()
		return last, ctx.Err()
	}
	return j.ask(ctx, &request{lines: lines, done: make(chan answer, 1)})
}

// ask hands r to the writer and waits for its answer.
func (s *store) ask(ctx context.Context, r *request) (Seq, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	select {
	case s.requests <- r:
	case <-s.stopping:
		return 0, s.tail.err()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case a := <-r.done:
		return a.seq, a.err
	case <-ctx.Done():
		return 0, fmt.Errorf("left while the journal was writing: %w", ctx.Err())
	}
}

// writer does all writing, in one goroutine.
type writer struct {
	*store
	failed   error // of the last start of the engine; nil while it runs
	failedAt time.Time
}

// run serves requests until the journal is closed.
func (w *writer) run() {
	for {
		select {
		case r := <-w.requests:
			for r != nil {
				r = w.serve(r)
			}
		case <-w.stopping:
			return
		}
	}
}

// serve does r with the appends that wait behind it. It gives back a request
// that it took but that did not fit.
func (w *writer) serve(r *request) (next *request) {
	switch {
	case r.given != nil:
		seq, err := w.take(r.given)
		r.done <- answer{seq, err}
		return nil
	case r.lines == nil:
		r.done <- answer{err: w.compact(r.before)}
		return nil
	}
	group := []*request{r}
	events, bytes := len(r.lines), r.bytes()
gather:
	for {
		select {
		case next = <-w.requests:
		default:
			break gather
		}
		if next.lines == nil || events+len(next.lines) > groupEvents || bytes+next.bytes() > maxBytes {
			break
		}
		group, events, bytes, next = append(group, next), events+len(next.lines), bytes+next.bytes(), nil
	}
	if events >= batchFrom {
		w.append(group)
		return next
	}
	for i := range group {
		w.append(group[i : i+1])
	}
	return next
}

// append writes the events of all requests, all or none, and answers.
func (w *writer) append(group []*request) {
	var lines [][]byte
	bytes := 0
	for _, r := range group {
		lines = append(lines, r.lines...)
		bytes += r.bytes()
	}
	seq := w.tail.chain().last
	err := w.appendLines(lines, bytes)
	for _, r := range group {
		seq += Seq(len(r.lines))
		if err != nil {
			seq = 0
		}
		r.done <- answer{seq, err}
	}
}

func (w *writer) appendLines(lines [][]byte, bytes int) error {
	if err := w.cfg.checkSpace(int64(bytes)); err != nil {
		return err
	}
	if err := w.running(); err != nil {
		return err
	}
	at := w.tail.chain()
	frames, end := at.next(lines, w.cfg.Writer, w.cfg.Epoch)
	ctx, cancel := context.WithTimeout(context.Background(), w.cfg.Timeout)
	defer cancel()
	if err := w.put(ctx, at.last, frames); err != nil {
		return w.settle(err, end)
	}
	w.advance(end)
	return nil
}

// put writes the frames of one batch behind last. When it fails, or the server
// dies meanwhile, the next start cuts off what is there of them.
func (w *writer) put(ctx context.Context, last Seq, frames [][]byte) error {
	if len(frames) >= batchFrom {
		return w.engine.putBatch(ctx, last, frames)
	}
	for i, raw := range frames {
		if err := w.engine.put(ctx, last+Seq(i), raw); err != nil {
			return err
		}
	}
	return nil
}

// advance makes end the end, for readers and for the watermark.
func (w *writer) advance(end chain) {
	m := w.mark.get()
	m.end = end
	if err := w.mark.set(m); err != nil {
		w.cfg.Logger.Warn("watermark not written", "err", err)
	}
	w.tail.move(end)
}

// settle finds out what became of a write that failed: the engine takes no more
// after one, so it is started again and asked.
func (w *writer) settle(err error, want chain) error {
	w.cfg.Logger.Error("journal write failed, starting its engine again", "err", err)
	if again := w.restart(); again != nil {
		return core.DataDown("append to the journal", fmt.Errorf("append to the journal: %w; whether the events are in it is unknown until it is back: %w", err, again))
	}
	if w.tail.chain() == want {
		return nil
	}
	return core.DataDown("append to the journal", err)
}

// running makes sure that there is an engine.
func (w *writer) running() error {
	if w.failed == nil {
		return nil
	}
	if w.cfg.Now().Sub(w.failedAt) < restartEvery {
		return w.failed
	}
	return w.restart()
}

// restart stops the engine and starts it again, with every check of Open.
func (w *writer) restart() error {
	w.mu.Lock()
	if w.engine != nil {
		w.engine.stop()
		w.engine = nil
	}
	w.mu.Unlock()
	e, base, end, err := startChecked(context.Background(), w.cfg, w.mark.get(), true)
	w.failed, w.failedAt = err, w.cfg.Now()
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.engine = e
	w.mu.Unlock()
	w.tail.setBase(base)
	if end != w.tail.chain() {
		w.advance(end)
	}
	w.cfg.Logger.Info("journal engine started again", "last", end.last)
	return nil
}
