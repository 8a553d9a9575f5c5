package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// maxEvent bounds one line of an event stream.
const maxEvent = 4 << 20

// errFinal ends a stream because the job has ended.
var errFinal = errors.New("the job has ended")

// Wait follows a job until it has ended and returns it as it then is. see, unless
// nil, gets the job whenever something happened. Where events cannot be had it
// looks at the job from time to time; a server that is gone for a moment is asked
// again, and the other one goes on telling.
func (c *Client) Wait(ctx context.Context, id core.JobID, see func(api.Job)) (api.Job, error) {
	if see == nil {
		see = func(api.Job) {}
	}
	w := &waiting{client: c, id: id, see: see}
	for failures := 0; ; {
		before := w.seen
		err := w.stream(ctx)
		if err == nil || errors.Is(err, errFinal) {
			err = w.look(ctx)
		}
		if err != nil && (ctx.Err() != nil || c.refused(err)) {
			return w.job, err
		}
		if err == nil && !w.job.State.Open() {
			return w.job, nil
		}
		if failures++; w.seen > before {
			failures = 0
		}
		if failures > c.config.Retries {
			return w.job, fmt.Errorf("job %s cannot be followed any more: %w", id, orStuck(err))
		}
		if err := pause(ctx, c.config.Poll); err != nil {
			return w.job, err
		}
	}
}

func orStuck(err error) error {
	if err == nil {
		return errors.New("the server ends its event stream too early")
	}
	return err
}

// refused reports whether asking again cannot help. A job that one server does not know
// may be the other's, which is away.
func (c *Client) refused(err error) bool {
	var p *api.Problem
	if !errors.As(err, &p) || p.Status >= 500 || errors.Is(err, ErrUnreachable) {
		return false
	}
	return p.Code != core.CodeUnknown || !c.someDown()
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type waiting struct {
	client *Client
	id     core.JobID
	see    func(api.Job)
	job    api.Job
	from   *server // whose event was the last one
	last   uint64  // its seq: each server counts its own way
	seen   int     // events so far
}

func (w *waiting) look(ctx context.Context) error {
	j, err := w.client.Job(ctx, w.id)
	if err != nil {
		return err
	}
	if j.State != w.job.State || j.Pages != w.job.Pages {
		w.seen++
	}
	w.job = j
	w.see(j)
	return nil
}

// stream reads events until the server ends them.
func (w *waiting) stream(ctx context.Context) error {
	rq := request{
		method: http.MethodGet, path: jobPath(w.id) + "/events", header: http.Header{"Accept": {"text/event-stream"}},
		repeatable: true, stream: true, job: true, each: w.resume,
	}
	r, err := w.client.find(ctx, rq)
	if err != nil {
		return err
	}
	defer r.Body.Close() // read only
	if err := r.problem(); err != nil {
		return err
	}
	if w.from != r.server {
		w.from, w.last = r.server, 0
	}
	return readEvents(r.Body, w.take)
}

// resume tells a server which of its events was the last that came.
func (w *waiting) resume(s *server, head http.Header) {
	if s == w.from && w.last > 0 {
		head.Set("Last-Event-ID", fmt.Sprint(w.last))
	}
}

func (w *waiting) take(data []byte) error {
	var e api.Event
	if err := json.Unmarshal(data, &e); err != nil {
		return fmt.Errorf("read an event of job %s: %w", w.id, err)
	}
	w.last = max(w.last, e.Seq)
	w.seen++
	w.job = e.Job
	w.see(e.Job)
	if !e.Job.State.Open() {
		return errFinal
	}
	return nil
}

// readEvents calls take with the data of each server-sent event.
func readEvents(r io.Reader, take func([]byte) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxEvent)
	var data []byte
	for sc.Scan() {
		line := sc.Bytes()
		if v, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if len(data) > 0 {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(v, []byte(" "))...)
			if len(data) > maxEvent {
				return errors.New("an event is too long")
			}
			continue
		}
		if len(line) > 0 || len(data) == 0 {
			continue
		}
		if err := take(data); err != nil {
			return err
		}
		data = data[:0]
	}
	return sc.Err()
}
