package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/ports"
)

// dead is the address of a server that is not there.
func dead(t *testing.T) string {
	t.Helper()
	return "http://" + ports.Keep(t)
}

func start(t *testing.T, h http.HandlerFunc, more ...string) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(Config{Servers: append(more, s.URL), Token: "secret", Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func answer(w http.ResponseWriter, status int, media string, v any) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func text(name, content string) File {
	return File{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func TestSubmitSendsOneFileAsItIs(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := fmt.Sprint(r.Method, r.URL, " ", string(body), " ", r.Header.Get("X-Filename"), " ", r.Header.Get("Idempotency-Key"), " ", r.Header.Get("Authorization"), " ", r.ContentLength)
		if want := "POST/v1/jobs?lang=eng%2Bdeu&profile=p scan caf%C3%A9.tif k Bearer secret 4"; got != want {
			t.Errorf("request: got %s, want %s", got, want)
		}
		answer(w, 201, "application/json", api.Accepted{ID: "a-1"})
	})
	acc, err := c.Submit(t.Context(), Submission{Files: []File{text("café.tif", "scan")}, Profile: "p", Languages: []string{"eng", "deu"}, Key: "k"})
	if err != nil || acc.ID != "a-1" {
		t.Errorf("got %+v, %v; want a-1", acc, err)
	}
}

func TestSubmitSendsSeveralFilesInOrder(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		m, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		var got []string
		for {
			p, err := m.NextPart()
			if err != nil {
				break
			}
			data, _ := io.ReadAll(p)
			got = append(got, p.FileName()+"="+string(data))
		}
		if want := []string{`b "x".tif=1`, "a.tif=2"}; !slices.Equal(got, want) {
			t.Errorf("parts: got %q, want %q", got, want)
		}
		if r.Header.Get("Idempotency-Key") == "" {
			t.Error("the submission has no key of its own")
		}
		answer(w, 201, "application/json", api.Accepted{ID: "a-1"})
	})
	if _, err := c.Submit(t.Context(), Submission{Files: []File{text(`b "x".tif`, "1"), text("a.tif", "2")}}); err != nil {
		t.Error(err)
	}
}

func TestNextServerIsAskedWhenOneIsGone(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != "scan" {
			t.Errorf("the second server got %q, want the whole scan", body)
		}
		answer(w, 201, "application/json", api.Accepted{ID: "b-1"})
	}, dead(t))
	acc, err := c.Submit(t.Context(), Submission{Files: []File{text("a.tif", "scan")}})
	if err != nil || acc.ID != "b-1" {
		t.Errorf("got %+v, %v; want b-1", acc, err)
	}
}

func TestNoServerIsItsOwnError(t *testing.T) {
	addr := dead(t)
	c, err := New(Config{Servers: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Job(t.Context(), "a-1")
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want ErrUnreachable with address and cause", err)
	}
}

// A file that cannot be read is not the server's fault.
func TestUnreadableFileIsNotTakenForADeadServer(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	gone := errors.New("disk gone")
	f := File{Name: "a", Size: -1, Open: func() (io.ReadCloser, error) { return nil, gone }}
	for _, files := range [][]File{{f}, {text("b", "x"), f}} {
		if _, err := c.Submit(t.Context(), Submission{Files: files}); !errors.Is(err, gone) || errors.Is(err, ErrUnreachable) {
			t.Errorf("%d files: got %v, want %v", len(files), err, gone)
		}
	}
}

func TestProblemsComeBackAsTheyAre(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/a-2") {
			answer(w, 502, "text/html", "proxy")
			return
		}
		answer(w, 404, api.ProblemMedia, api.NewProblem(404, core.CodeUnknown, "look again", "there is no job a-1"))
	})
	_, err := c.Job(t.Context(), "a-1")
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != core.CodeUnknown || p.Error() != "there is no job a-1\nhint: look again" {
		t.Errorf("got %v, want the server's problem", err)
	}
	if _, err = c.Job(t.Context(), "a-2"); !errors.As(err, &p) || p.Status != 502 {
		t.Errorf("got %v, want a problem of status 502", err)
	}
}

func event(seq int, state core.JobState, done int) string {
	data, _ := json.Marshal(api.Event{Seq: uint64(seq), Type: "x", Job: api.Job{ID: "a-1", State: state, Pages: core.PageCounts{Total: 3, Done: done}}})
	return fmt.Sprintf(": a comment\nid: %d\nevent: x\ndata: %s\n\n", seq, data)
}

func TestWaitFollowsEventsAndGoesOnAfterABreak(t *testing.T) {
	var streams atomic.Int32
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			state := core.Running
			if streams.Load() > 1 {
				state = core.Partial
			}
			answer(w, 200, "application/json", api.Job{ID: "a-1", State: state})
			return
		}
		if streams.Add(1) == 1 {
			io.WriteString(w, "retry: 2000\n\n"+event(7, core.Running, 1)+"data: {\"cut")
			return
		}
		if got := r.Header.Get("Last-Event-ID"); got != "7" {
			t.Errorf("Last-Event-ID: got %q, want 7", got)
		}
		io.WriteString(w, event(9, core.Running, 2)+event(10, core.Partial, 3))
	})
	var seen []int
	j, err := c.Wait(t.Context(), "a-1", func(j api.Job) { seen = append(seen, j.Pages.Done) })
	if err != nil || j.State != core.Partial {
		t.Errorf("got %+v, %v; want the job, partial", j, err)
	}
	if !slices.Contains(seen, 1) || !slices.Contains(seen, 2) || !slices.Contains(seen, 3) {
		t.Errorf("seen: got %v, want 1, 2 and 3 pages", seen)
	}
}

func TestWaitLooksAtTheJobWhereThereAreNoEvents(t *testing.T) {
	var looks atomic.Int32
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/events") {
			answer(w, 200, "text/event-stream", "no event")
			return
		}
		n := int(looks.Add(1))
		state := core.Running
		if n == 30 {
			state = core.Completed
		}
		answer(w, 200, "application/json", api.Job{ID: "a-1", State: state, Pages: core.PageCounts{Done: n}})
	})
	if j, err := c.Wait(t.Context(), "a-1", nil); err != nil || j.State != core.Completed {
		t.Errorf("got %+v, %v; want the job, completed", j, err)
	}
}

func TestWaitGivesUp(t *testing.T) {
	unknown := start(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 404, api.ProblemMedia, api.NewProblem(404, core.CodeUnknown, "", "there is no job"))
	})
	var p *api.Problem
	if _, err := unknown.Wait(t.Context(), "a-1", nil); !errors.As(err, &p) || p.Status != 404 {
		t.Errorf("unknown job: got %v, want the problem at once", err)
	}
	gone, err := New(Config{Servers: []string{dead(t)}, Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Wait(t.Context(), "a-1", nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("dead server: got %v, want ErrUnreachable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gone.Wait(ctx, "a-1", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want context.Canceled", err)
	}
}

func TestAddressesAreChecked(t *testing.T) {
	for addr, ok := range map[string]bool{"http://a:1": true, "a:1": true, "https://a/": true, "ftp://a": false, "http://": false, ":::": false} {
		if _, err := New(Config{Servers: []string{addr}}); (err == nil) != ok {
			t.Errorf("%q: got %v, want ok %v", addr, err, ok)
		}
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add(event(1, core.Running, 1) + event(2, core.Completed, 3))
	f.Add("data: a\ndata: b\n\ndata\n\n:\n")
	f.Fuzz(func(t *testing.T, stream string) {
		err := readEvents(strings.NewReader(stream), func(data []byte) error {
			if len(data) > len(stream) {
				t.Errorf("an event of %d bytes out of a stream of %d", len(data), len(stream))
			}
			return nil
		})
		if err != nil && len(stream) < 1000 {
			t.Errorf("got %v", err)
		}
	})
}
