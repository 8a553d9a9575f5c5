package sdk

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// call is what a handler's context carries.
type call struct {
	out, tmp string
	log      *slog.Logger
	progress func(float64)

	http      sync.Once // guards transport's making
	connected *http.Transport
}

// transport is the call's own, made when it is first wanted.
func (c *call) transport() *http.Transport {
	c.http.Do(func() { c.connected = newTransport() })
	return c.connected
}

// hangUp closes the connections that nobody uses any more.
func (c *call) hangUp() {
	c.http.Do(func() {})
	if c.connected != nil {
		c.connected.CloseIdleConnections()
	}
}

type callKey struct{}

func withCall(ctx context.Context, c *call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

func callOf(ctx context.Context, asked string) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		panic("sdk." + asked + ": the context is not the one that the handler was given")
	}
	return c
}

// Out is the path of a new output file; a File of an answer has Path: Out(ctx, name), Name: name.
// Only the last element of name counts. Outputs are regular files: the host takes
// no links, pipes or folders. An answer may also name an input by its path, unchanged.
func Out(ctx context.Context, name string) string {
	return filepath.Join(callOf(ctx, "Out").out, filepath.Base(filepath.Clean("/"+name)))
}

// TempDir is a scratch folder that is emptied after the call.
func TempDir(ctx context.Context) string { return callOf(ctx, "TempDir").tmp }

// Log writes to the server's log. Outside a call it is the process's logger.
func Log(ctx context.Context) *slog.Logger {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c.log
	}
	return slog.Default()
}

// Progress tells how far the call is, 0 to 1. It may be called as often as one
// likes; the host hears of it some times a second.
func Progress(ctx context.Context, fraction float64) {
	if c, ok := ctx.Value(callKey{}).(*call); ok && c.progress != nil {
		c.progress(min(max(fraction, 0), 1))
	}
}

// progressEvery is the least time between two progress events of one call.
const progressEvery = 100 * time.Millisecond

// throttle passes on what send is told, but rarely, and never after stop.
type throttle struct {
	send func(float64)

	mu      sync.Mutex // guards what follows, and is held while sending
	last    time.Time
	stopped bool
}

func (t *throttle) progress(fraction float64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); !t.stopped && now.Sub(t.last) >= progressEvery {
		t.last = now
		t.send(fraction)
	}
}

func (t *throttle) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
}
