package client

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// twins are two servers that know the same jobs, and let in the same people.
type twins struct {
	mu     sync.Mutex            // guards the fields below
	keys   map[string]core.JobID // by Idempotency-Key
	twice  int                   // keys that came again, after their answer was lost
	logins int
}

func (w *twins) submit(key string) core.JobID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, known := w.keys[key]; known {
		w.twice++
		return id
	}
	id := core.JobID(fmt.Sprintf("j-%d", len(w.keys)+1))
	w.keys[key] = id
	return id
}

func (w *twins) serve(rw http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	switch {
	case r.URL.Path == "/v1/session":
		w.mu.Lock()
		w.logins++
		w.mu.Unlock()
		answer(rw, 200, "application/json", api.Session{User: "ada", Token: "tws_1"})
	case r.Method == http.MethodPost:
		answer(rw, 201, "application/json", api.Accepted{ID: w.submit(r.Header.Get("Idempotency-Key"))})
	case strings.HasSuffix(r.URL.Path, "/events"):
		_, _ = io.WriteString(rw, event(1, core.Running, 1)+event(2, core.Completed, 3))
	default:
		job(core.Completed)(rw, r)
	}
}

// TestNoRequestFailsWhenAServerIsKilled is EP5 to EP9 as clients see it: under a stream
// of submissions, questions and log-ins, the server that all use is killed in mid-flight.
func TestNoRequestFailsWhenAServerIsKilled(t *testing.T) {
	const callers, rounds = 8, 40
	world := &twins{keys: map[string]core.JobID{}}
	halfway := make(chan struct{})
	var served atomic.Int32
	first := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if served.Add(1) == callers*rounds/2 {
			close(halfway)
		}
		world.serve(w, r)
	}))
	second := httptest.NewServer(http.HandlerFunc(world.serve))
	defer second.Close()
	m := &moves{}
	cl, err := New(Config{Servers: []string{first.URL, second.URL}, Moved: m.add, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	killed := make(chan struct{})
	go func() { // as the system does it to a process that is killed
		defer close(killed)
		<-halfway
		_ = first.Listener.Close()
		first.CloseClientConnections()
	}()

	var failed, done atomic.Int32
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range rounds {
				if err := oneRound(t, cl); err != nil {
					failed.Add(1)
					t.Error(err)
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	<-killed
	first.Close()
	world.mu.Lock()
	defer world.mu.Unlock()
	t.Logf("%d rounds, %d failed; %d jobs, %d submitted twice and made once, %d log-ins", done.Load(), failed.Load(), len(world.keys), world.twice, world.logins)
	if len(world.keys) != callers*rounds {
		t.Errorf("%d jobs, want %d", len(world.keys), callers*rounds)
	}
	same(t, "moves", m.causes(), []Cause{Network})
}

// oneRound logs in, submits, waits, and fetches the list.
func oneRound(t *testing.T, cl *Client) error {
	if err := cl.Send(t.Context(), http.MethodPost, "session", api.LogIn{User: "ada"}, &api.Session{}); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	acc, err := cl.Submit(t.Context(), Submission{Files: []File{text("a.tif", "scan"), text("b.tif", "scan")}})
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	if j, err := cl.Wait(t.Context(), acc.ID, nil); err != nil || j.State != core.Completed {
		return fmt.Errorf("wait: %v: %w", j.State, err)
	}
	if _, err := cl.Jobs(t.Context(), api.Query{}); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	return nil
}
