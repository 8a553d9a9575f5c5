package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// slow is how much longer than others may take what is read bit by bit, or is large.
const slow = 3

// looks is how often the vigil looks in the time after which it asks.
const looks = 4

// vigil watches over one try. As long as bytes move it does nothing. When nothing has
// moved for a while it asks the server, over another connection, whether it is there:
// a dead line or a process that hangs would else be waited for until the system gives
// up, which takes minutes.
type vigil struct {
	ctx    context.Context // the try's
	stop   context.CancelCauseFunc
	moved  atomic.Int64
	rests  atomic.Bool // it is the caller's turn: stillness is not the server's
	ended  chan struct{}
	client *Client
	server *server
	after  time.Duration // of stillness the server is asked, and again and again
	limit  time.Duration // of stillness of a server that is there
}

// errDone ends a try whose answer was read.
var errDone = errors.New("the answer was read")

func (c *Client) watch(ctx context.Context, s *server, rq request) *vigil {
	v := &vigil{client: c, server: s, after: c.config.Patience, limit: c.config.Answer, ended: make(chan struct{})}
	if rq.stream || rq.large {
		v.limit *= slow
	}
	if rq.stream {
		v.after *= slow
	}
	v.ctx, v.stop = context.WithCancelCause(ctx)
	go v.run()
	return v
}

func (v *vigil) move()  { v.moved.Add(1) }
func (v *vigil) pause() { v.rests.Store(true) }
func (v *vigil) resume() {
	v.move()
	v.rests.Store(false)
}

// end ends the vigil and waits until nothing is left of it. It may be called twice.
func (v *vigil) end() {
	v.stop(errDone)
	<-v.ended
}

// run ends the try when the server is not there any more, or is and does not move.
func (v *vigil) run() {
	defer close(v.ended)
	every := max(v.after/looks, 1)
	t := time.NewTicker(every)
	defer t.Stop()
	var seen int64
	var still, asked time.Duration
	for {
		select {
		case <-v.ctx.Done():
			return
		case <-t.C:
		}
		if now := v.moved.Load(); now != seen || v.rests.Load() {
			seen, still, asked = now, 0, 0
			continue
		}
		if still += every; still < asked+v.after {
			continue
		}
		asked = still
		f := v.ask()
		if f == nil && still >= v.limit {
			f = v.silent(fmt.Errorf("nothing came for %s", still))
		}
		if f != nil {
			v.stop(f)
			return
		}
	}
}

// ask finds out whether the server is there. Any answer will do.
func (v *vigil) ask() *fault {
	hr, err := http.NewRequestWithContext(v.ctx, http.MethodGet, v.server.url.JoinPath("/healthz").String(), nil)
	if err != nil {
		return nil
	}
	var reached atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { reached.Store(true) }}
	resp, err := v.client.probe.Do(hr.WithContext(httptrace.WithClientTrace(hr.Context(), trace)))
	switch {
	case err == nil:
		_ = resp.Body.Close() // read only
		return nil
	case reached.Load():
		return v.silent(err)
	}
	return broken(v.server, err)
}

// silent is the fault of a server that takes connections and does not answer.
func (v *vigil) silent(err error) *fault {
	return &fault{server: v.server, cause: Web, state: "takes connections and does not answer", err: err, at: time.Now()}
}

// sent is a request's body under way.
type sent struct {
	body       io.ReadCloser
	size, left int64 // bytes; -1: unknown
	vigil      *vigil
}

func (b *sent) Close() error { return b.body.Close() }

// Read counts what is sent. A file that is not what it was when its size was told must
// not become half a scan.
func (b *sent) Read(p []byte) (int, error) {
	b.vigil.pause()
	n, err := b.body.Read(p)
	b.vigil.resume()
	if err != nil && !errors.Is(err, io.EOF) {
		return n, &localError{err}
	}
	if b.size < 0 {
		return n, err
	}
	b.left -= int64(n)
	if b.left < 0 || b.left > 0 && err != nil || b.left == 0 && b.goesOn() {
		return 0, &localError{fmt.Errorf("the file had %d bytes and was changed while it was sent\nhint: wait until it is written, then submit it again", b.size)}
	}
	return n, err
}

// goesOn reports whether the file is longer than it was. That is found out before its
// last bytes leave, for then the server would have a whole scan.
func (b *sent) goesOn() bool {
	n, _ := b.body.Read(make([]byte, 1)) // an error shows at the next read
	return n > 0
}

// watched is an answer's body under way.
type watched struct {
	body   io.ReadCloser
	vigil  *vigil
	stream bool // the caller reads it: who asks next goes elsewhere first
}

// Read reads on. When the answer breaks off, the error is the server's fault.
func (b *watched) Read(p []byte) (int, error) {
	b.vigil.resume()
	n, err := b.body.Read(p)
	b.vigil.pause()
	var f *fault
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case errors.As(context.Cause(b.vigil.ctx), &f):
	case b.vigil.ctx.Err() != nil:
		return n, err
	default:
		f = broken(b.vigil.server, err)
	}
	if b.stream {
		f.server.suspect.Store(f)
	}
	return n, f
}

func (b *watched) Close() error {
	err := b.body.Close()
	b.vigil.end()
	return err
}

// whole is an answer's body that has been read.
type whole struct {
	*bytes.Reader
	data []byte
}

func (*whole) Close() error { return nil }
