package client

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// seen is a request as a fake server got it.
type seen struct {
	method, path, cause, session, key, token, body, last string
}

// fake is a server that does what the test says and remembers what it was asked.
// Questions for /healthz are answered unless it is frozen, and not remembered.
type fake struct {
	*httptest.Server
	frozen chan struct{} // not nil: nothing is answered until it is closed

	mu  sync.Mutex // guards the fields below
	do  http.HandlerFunc
	got []seen
}

func newFake(t *testing.T, do http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{do: do}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

// newFrozen is a server whose system takes connections while it does nothing itself.
func newFrozen(t *testing.T) *fake {
	t.Helper()
	f := newFake(t, nil)
	f.frozen = make(chan struct{})
	t.Cleanup(func() { close(f.frozen) })
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	if f.frozen != nil {
		select {
		case <-f.frozen:
		case <-r.Context().Done():
		}
		return
	}
	if r.URL.Path == "/healthz" {
		return
	}
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.got = append(f.got, seen{
		method: r.Method, path: r.URL.Path, cause: r.Header.Get(api.FailoverHeader), session: r.Header.Get(api.SessionHeader),
		key: r.Header.Get("Idempotency-Key"), token: r.Header.Get("Authorization"), body: string(body), last: r.Header.Get("Last-Event-ID"),
	})
	do := f.do
	f.mu.Unlock()
	do(w, r)
}

func (f *fake) set(do http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.do = do
}

// asked is what the server was asked since the last call.
func (f *fake) asked() []seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

func accepts(id core.JobID) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusCreated, "application/json", api.Accepted{ID: id})
	}
}

func job(state core.JobState) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "application/json", api.Job{ID: "a-1", State: state})
	}
}

func problem(status int, code string, head ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(head); i += 2 {
			w.Header().Set(head[i], head[i+1])
		}
		answer(w, status, api.ProblemMedia, api.NewProblem(status, code, "do as the remedy says", "the detail of %s", code))
	}
}

func page(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { answer(w, status, "text/html", "a page of somebody's") }
}

// cut breaks the connection after part of the answer.
func cut(part string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = buf.WriteString(part)
		_ = buf.Flush()
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

// moves collects what a client tells of its goings.
type moves struct {
	mu   sync.Mutex // guards list
	list []Move
}

func (m *moves) add(v Move) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, v)
}

func (m *moves) causes() []Cause {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Cause
	for _, v := range m.list {
		out = append(out, v.Cause)
	}
	return out
}

// fast is a client whose bounds are short.
func fast(t *testing.T, servers ...string) (*Client, *moves) {
	t.Helper()
	m := &moves{}
	c, err := New(Config{
		Servers: servers, Token: "secret", Moved: m.add,
		Connect: 500 * time.Millisecond, Patience: 50 * time.Millisecond, Answer: 5 * time.Second, Poll: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, m
}

// overPipes is a client in a synctest bubble, whose servers it reaches in memory; nil is one
// that is not there.
func overPipes(t *testing.T, servers ...*fake) *Client {
	t.Helper()
	var c Config
	doors := map[string]door{}
	for i, f := range servers {
		at := fmt.Sprintf("127.0.0.1:%d", i+1)
		c.Servers = append(c.Servers, "http://"+at)
		if f == nil {
			continue
		}
		d, s := make(door), &http.Server{Handler: http.HandlerFunc(f.serve)}
		doors[at] = d
		go func() { _ = s.Serve(d) }()
		t.Cleanup(func() { _ = s.Close() })
	}
	cl, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	for _, h := range []*http.Client{cl.http, cl.probe} {
		h.Transport.(*http.Transport).DialContext = func(_ context.Context, _, at string) (net.Conn, error) {
			d, there := doors[at]
			if !there {
				return nil, syscall.ECONNREFUSED
			}
			here, other := net.Pipe()
			d <- other
			return here, nil
		}
	}
	return cl
}

// door is a listener for pipes, until it is closed.
type door chan net.Conn

func (d door) Accept() (net.Conn, error) {
	if conn, open := <-d; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (d door) Close() error   { close(d); return nil }
func (d door) Addr() net.Addr { return &net.TCPAddr{} }

func submit(t *testing.T, c *Client) (api.Accepted, error) {
	t.Helper()
	return c.Submit(t.Context(), Submission{Files: []File{text("a.tif", "the whole scan")}})
}

// unknown is a server that no job was ever known to.
func unknown(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusNotFound, api.ProblemMedia, api.NewProblem(http.StatusNotFound, core.CodeUnknown, "", "there is no job a-1"))
}

func causesOf(got []seen) string {
	var out []string
	for _, s := range got {
		out = append(out, s.method+" "+s.cause)
	}
	return strings.Join(out, ", ")
}

func same(t *testing.T, what string, got, want []Cause) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}
