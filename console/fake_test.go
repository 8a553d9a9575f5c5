package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// backend is all parts of a server, in memory.
type backend struct {
	mu       sync.Mutex // guards the fields below
	jobs     map[core.JobID]api.Job
	order    []core.JobID
	keys     map[string]core.Submission
	settings map[string][]byte
	blobs    map[core.Ref][]byte
	received []core.Submission
	health   core.Health
	events   []api.Event   // of every job
	more     chan struct{} // closed when events grew
	submit   error
	discard  bool // Put counts bytes and keeps none
}

func newBackend() *backend {
	return &backend{
		jobs: map[core.JobID]api.Job{}, keys: map[string]core.Submission{}, settings: map[string][]byte{},
		blobs: map[core.Ref][]byte{}, more: make(chan struct{}),
		health: core.Health{Web: core.Item{State: "up"}, Data: core.Item{State: "up"}, Mode: core.Item{State: "active"}},
	}
}

func (b *backend) parts() Parts {
	return Parts{Submit: b, Blobs: b, Jobs: b, Actions: b, Settings: b, Version: "test", Health: func() core.Health {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.health
	}, Plugins: func(context.Context) ([]api.Plugin, error) { return []api.Plugin{{Name: "image", Version: "1"}}, nil }}
}

func (b *backend) Submit(_ context.Context, s core.Submission) (core.Accepted, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.submit != nil {
		return core.Accepted{}, b.submit
	}
	if s.Key != "" {
		if old, ok := b.keys[s.Key]; ok {
			if !slices.Equal(old.Files, s.Files) {
				return core.Accepted{}, &core.Failure{Code: core.CodeKeyReused, Detail: "the key was used for another scan", Remedy: "use a new key"}
			}
			return core.Accepted{ID: "a-1", State: core.Queued, Server: "a", Duplicate: true}, nil
		}
		b.keys[s.Key] = s
	}
	b.received = append(b.received, s)
	id := core.JobID(fmt.Sprintf("a-%d", len(b.received)))
	b.add(api.Job{ID: id, State: core.Queued, Name: s.Name, User: s.User})
	return core.Accepted{ID: id, State: core.Queued, Server: "a"}, nil
}

func (b *backend) add(j api.Job) {
	b.jobs[j.ID] = j
	b.order = append([]core.JobID{j.ID}, b.order...)
}

func (b *backend) Put(_ context.Context, r io.Reader) (core.Ref, int64, error) {
	h := sha256.New()
	var buf bytes.Buffer
	w := io.MultiWriter(h, &buf)
	if b.discard {
		w = h
	}
	n, err := io.Copy(w, r)
	if err != nil {
		return "", n, fmt.Errorf("store: %w", err)
	}
	ref := core.Ref(hex.EncodeToString(h.Sum(nil)))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blobs[ref] = buf.Bytes()
	return ref, n, nil
}

type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

func (b *backend) Open(ref core.Ref) (io.ReadSeekCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return closer{bytes.NewReader(b.blobs[ref])}, nil
}

func (b *backend) Jobs(_ context.Context, q api.Query) (api.List, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var l api.List
	past := q.After == ""
	for _, id := range b.order {
		if past && (q.State == "" || b.jobs[id].State == q.State) && (q.User == "" || b.jobs[id].User == q.User) {
			if len(l.Jobs) == q.Limit {
				l.Next = l.Jobs[len(l.Jobs)-1].ID
				break
			}
			l.Jobs = append(l.Jobs, b.jobs[id])
		}
		past = past || id == q.After
	}
	return l, nil
}

func (b *backend) Job(_ context.Context, id core.JobID) (api.Job, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	j, ok := b.jobs[id]
	if !ok {
		return j, core.Refuse(core.CodeUnknown, "r", "there is no job %s", id)
	}
	return j, nil
}

func (b *backend) Output(ctx context.Context, id core.JobID, _ string, part int) (core.File, error) {
	if _, err := b.Job(ctx, id); err != nil {
		return core.File{}, err
	}
	content := "%PDF-1.7 whole"
	if part > 0 {
		content = fmt.Sprint("%PDF-1.7 part ", part)
	}
	ref, n, err := b.Put(ctx, strings.NewReader(content))
	return core.File{Name: "Prüfung.pdf", Ref: ref, Size: n}, err
}

func (b *backend) Watch(ctx context.Context, id core.JobID, after uint64) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		for first := true; ; first = false {
			b.mu.Lock()
			events, more, job := slices.Clone(b.events), b.more, b.jobs[id]
			b.mu.Unlock()
			if seq := uint64(len(events)); first && (seq > after || after == 0) {
				if after = seq; !yield(api.Event{Seq: seq, Type: "job", Job: job}, nil) {
					return
				}
			}
			for _, e := range events[min(int(after), len(events)):] {
				if after = e.Seq; !yield(e, nil) {
					return
				}
			}
			if !job.State.Open() {
				return
			}
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	}
}

// happen adds an event.
func (b *backend) happen(e api.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e.Seq = uint64(len(b.events) + 1)
	b.events = append(b.events, e)
	b.jobs[e.Job.ID] = e.Job
	close(b.more)
	b.more = make(chan struct{})
}

func (b *backend) act(id core.JobID, to core.JobState) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	j, ok := b.jobs[id]
	if !ok {
		return core.Refuse(core.CodeUnknown, "r", "there is no job %s", id)
	}
	if j.State == core.Completed {
		return core.Refuse(core.CodeConflict, "r", "job %s is completed", id)
	}
	j.State = to
	b.jobs[id] = j
	return nil
}

func (b *backend) Retry(_ context.Context, id core.JobID) error   { return b.act(id, core.Queued) }
func (b *backend) Cancel(_ context.Context, id core.JobID) error  { return b.act(id, core.Cancelled) }
func (b *backend) Hold(_ context.Context, id core.JobID) error    { return b.act(id, core.Held) }
func (b *backend) Release(_ context.Context, id core.JobID) error { return b.act(id, core.Queued) }

func (b *backend) Settings(context.Context) (map[string][]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string][]byte{}
	for k, v := range b.settings {
		out[k] = v
	}
	return out, nil
}

// CheckSettings refuses destinations of a plug-in called pigeon.
func (b *backend) CheckSettings(_ context.Context, values map[string][]byte) error {
	for key, value := range values {
		if strings.Contains(string(value), "pigeon") {
			return core.Refuse(core.CodeBadRequest, "r", "no plug-in can be %s", key)
		}
	}
	return nil
}

func (b *backend) SetSetting(_ context.Context, key string, value []byte, _ string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.settings[key]; value == nil && !known {
		return core.Refuse(core.CodeUnknown, "r", "there is no setting %q", key)
	}
	if value == nil {
		delete(b.settings, key)
		return nil
	}
	b.settings[key] = value
	return nil
}

// serve runs a server over b and gives its address.
func serve(t *testing.T, b *backend, c Config) string {
	t.Helper()
	s, err := New(c, b.parts())
	if err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(s.Handler())
	t.Cleanup(hs.Close)
	return hs.URL
}

// ask makes a request and gives status, head and body of the answer.
func ask(t *testing.T, method, url, body string, head ...string) (int, http.Header, string) {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(head); i += 2 {
		rq.Header.Set(head[i], head[i+1])
		if head[i] == "Host" {
			rq.Host = head[i+1]
		}
	}
	cl := &http.Client{Timeout: 20 * time.Second}
	resp, err := cl.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(data)
}
