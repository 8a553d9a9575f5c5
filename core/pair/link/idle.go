package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// errIdle ends a transfer that does not get on.
var errIdle = errors.New("the transfer does not get on")

// watch ends a transfer during which nothing moves for some time.
type watch struct {
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// newWatch begins to watch. stop ends that and the context.
func newWatch(ctx context.Context, limit time.Duration) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{limit: limit, cancel: cancel}
	w.timer = time.AfterFunc(limit, func() { cancel(fmt.Errorf("%w: nothing moved for %v", errIdle, limit)) })
	return ctx, w
}

func (w *watch) moved() { w.timer.Reset(w.limit) }
func (w *watch) pause() { w.timer.Stop() }
func (w *watch) stop()  { w.timer.Stop(); w.cancel(context.Canceled) }

// sent is what a transfer sends: each time that more of it is taken, it has moved.
type sent struct {
	io.Reader
	watch *watch
}

func (s sent) Read(p []byte) (int, error) {
	s.watch.moved()
	return s.Reader.Read(p)
}

// received is what a transfer brings. Time counts only while somebody waits for more.
type received struct {
	ctx   context.Context
	body  io.ReadCloser
	watch *watch
}

func (r *received) Read(p []byte) (int, error) {
	r.watch.moved()
	n, err := r.body.Read(p)
	r.watch.pause()
	if err != nil && err != io.EOF {
		err = r.why(err)
	}
	return n, err
}

// why is what ended the transfer rather than what it looked like.
func (r *received) why(err error) error { return unreachable(r.ctx, err) }

func (r *received) Close() error {
	r.watch.stop()
	return r.body.Close()
}
