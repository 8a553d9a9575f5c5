package link

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// wires are a network in memory, in which time stands still while something is on its way:
// a test in a synctest bubble sees how long is waited, and nothing else.
type wires struct {
	mu    sync.Mutex // guards ends
	ends  map[string]*end
	tried []string // addresses, in order
}

// end is an address of wires at which somebody listens.
type end struct {
	at    string
	calls chan net.Conn
	gone  chan struct{}
	close func()
}

func (e *end) Accept() (net.Conn, error) {
	select {
	case conn := <-e.calls:
		return conn, nil
	case <-e.gone:
		return nil, net.ErrClosed
	}
}

func (e *end) Close() error   { e.close(); return nil }
func (e *end) Addr() net.Addr { return e }

func (*end) Network() string  { return "wires" }
func (e *end) String() string { return e.at }

func (w *wires) listen(at string) *end {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := &end{at: at, calls: make(chan net.Conn), gone: make(chan struct{})}
	e.close = sync.OnceFunc(func() { close(e.gone) })
	w.ends[at] = e
	return e
}

// mute takes connections and never says anything, as a frozen server does.
func (w *wires) mute(t *testing.T, at string) {
	e := w.listen(at)
	var all sync.WaitGroup
	all.Go(func() {
		for conn, err := e.Accept(); err == nil; conn, err = e.Accept() {
			all.Go(func() { _, _ = io.Copy(io.Discard, conn); _ = conn.Close() })
		}
	})
	t.Cleanup(func() { _ = e.Close(); all.Wait() })
}

func (w *wires) connect(ctx context.Context, _, at string) (net.Conn, error) {
	w.mu.Lock()
	w.tried = append(w.tried, at)
	e := w.ends[at]
	w.mu.Unlock()
	if e == nil {
		return nil, syscall.ECONNREFUSED
	}
	out, back := newWay(), newWay()
	here, there := &wire{in: back, out: out, end: e}, &wire{in: out, out: back, end: e}
	select {
	case e.calls <- there:
		return here, nil
	case <-e.gone:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// way is one direction of a connection. What is written never waits, as with a system
// that has room for it.
type way struct {
	mu    sync.Mutex // guards the fields below
	text  bytes.Buffer
	over  bool
	until time.Time     // for who reads; zero: without end
	news  chan struct{} // closed at the next change
}

func newWay() *way { return &way{news: make(chan struct{})} }

func (w *way) change(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do()
	close(w.news)
	w.news = make(chan struct{})
}

func (w *way) Read(p []byte) (int, error) {
	for {
		n, until, news, err := w.now(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		var late <-chan time.Time
		if !until.IsZero() {
			late = time.After(time.Until(until))
		}
		select {
		case <-news:
		case <-late:
		}
	}
}

// now is what can be read without waiting, or else what to wait for.
func (w *way) now(p []byte) (n int, until time.Time, news chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !w.until.IsZero() && !time.Now().Before(w.until):
		err = os.ErrDeadlineExceeded
	case w.text.Len() > 0:
		n, err = w.text.Read(p)
	case w.over:
		err = io.EOF
	}
	return n, w.until, w.news, err
}

func (w *way) Write(p []byte) (n int, err error) {
	w.change(func() {
		if err = io.ErrClosedPipe; !w.over {
			n, err = w.text.Write(p)
		}
	})
	return n, err
}

// wire is one end of a connection.
type wire struct {
	in, out *way
	end     *end
}

func (w *wire) Read(p []byte) (int, error)  { return w.in.Read(p) }
func (w *wire) Write(p []byte) (int, error) { return w.out.Write(p) }

func (w *wire) Close() error {
	for _, one := range []*way{w.in, w.out} {
		one.change(func() { one.over = true })
	}
	return nil
}

func (w *wire) LocalAddr() net.Addr  { return w.end }
func (w *wire) RemoteAddr() net.Addr { return w.end }

func (w *wire) SetDeadline(t time.Time) error { return w.SetReadDeadline(t) }
func (w *wire) SetReadDeadline(t time.Time) error {
	w.in.change(func() { w.in.until = t })
	return nil
}
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// onWires has a test in a bubble, with a rig whose server is at "peer" of its wires.
func onWires(t *testing.T, change func(*ServerConfig, *ClientConfig), f func(*testing.T, *rig, *wires)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &wires{ends: map[string]*end{}}
		f(t, newRigAt(t, w.listen("peer"), func(s *ServerConfig, c *ClientConfig) {
			c.connect = w.connect
			if change != nil {
				change(s, c)
			}
		}), w)
	})
}
