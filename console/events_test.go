package console

import (
	"bufio"
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// listener reads an event stream line by line.
type listener struct {
	t    *testing.T
	resp *http.Response
	sc   *bufio.Scanner
}

func listen(t *testing.T, url, last string) *listener {
	t.Helper()
	rq, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if last != "" {
		rq.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return &listener{t, resp, bufio.NewScanner(resp.Body)}
}

// until reads up to a line with prefix and gives it; "" at the end.
func (l *listener) until(prefix string) string {
	for l.sc.Scan() {
		if strings.HasPrefix(l.sc.Text(), prefix) {
			return l.sc.Text()
		}
	}
	return ""
}

func TestEventsFollowAJobToItsEnd(t *testing.T) {
	b := newBackend()
	b.add(api.Job{ID: "a-1", State: core.Queued})
	url := serve(t, b, Config{}) + "/v1/jobs/a-1/events"
	l := listen(t, url, "")
	if got := l.until("event:"); got != "event: job" {
		t.Fatalf("first event: got %q, want the job as it is", got)
	}
	b.happen(api.Event{Type: "PageRecognized", Page: 1, Job: api.Job{ID: "a-1", State: core.Running, Pages: core.PageCounts{Total: 2, Done: 1}}})
	if got := l.until("id:"); got != "id: 1" {
		t.Errorf("got %q, want id: 1", got)
	}
	if got := l.until("data:"); !strings.Contains(got, `"done":1`) {
		t.Errorf("got %s, want one page done", got)
	}
	b.happen(api.Event{Type: "Delivered", Job: api.Job{ID: "a-1", State: core.Completed}})
	if got := l.until("event:"); got != "event: Delivered" {
		t.Errorf("got %q, want event: Delivered", got)
	}
	if got := l.until("event:"); got != "" {
		t.Errorf("after the end came %q", got)
	}

	l = listen(t, url, "1")
	if got := l.until("event:"); got != "event: job" {
		t.Errorf("resumed after 1: got %q, want a sum of what was missed", got)
	}
	if l = listen(t, url, "2"); l.resp.StatusCode != 204 {
		t.Errorf("resumed after the last event: got %d, want 204", l.resp.StatusCode)
	}
}

func TestQuietStreamSendsHeartbeats(t *testing.T) {
	b := newBackend()
	b.add(api.Job{ID: "a-1", State: core.Queued})
	l := listen(t, serve(t, b, Config{Heartbeat: 5 * time.Millisecond})+"/v1/jobs/a-1/events", "")
	for range 2 {
		if got := l.until(":"); got != ": still here" {
			t.Fatalf("got %q, want a comment", got)
		}
	}
}

// cut is a backend whose watchers are told of nothing, as when its data service is opened anew.
type cut struct{ *backend }

func (cut) Watch(context.Context, core.JobID, uint64) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		yield(api.Event{}, &core.Failure{Code: core.CodeDataDown, Detail: "the data service is not there"})
	}
}

func TestAStreamThatIsCutIsNoEndOfTheJob(t *testing.T) {
	b := newBackend()
	b.add(api.Job{ID: "a-1", State: core.Running})
	parts := b.parts()
	parts.Jobs = cut{b}
	s, err := New(Config{}, parts)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	for _, last := range []string{"", "5"} {
		l := listen(t, server.URL+"/v1/jobs/a-1/events", last)
		if got := l.until("retry:"); l.resp.StatusCode != 200 || got != "retry: 2000" {
			t.Errorf("after %q: got %d, %q, want a stream that says when to come again", last, l.resp.StatusCode, got)
		}
	}
}
