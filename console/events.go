package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// events streams what happens to a job. It begins with a sum of what the client has
// missed (event "job"), which is everything, or, where Last-Event-ID tells it, what
// came after that event; it ends with the job. A client that comes back after the
// end gets 204, which tells a browser to stop asking.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	id := core.JobID(r.PathValue("id"))
	if s.parts.Jobs == nil {
		s.problem(w, r, missing("its list of jobs"))
		return
	}
	if err := s.own(r.Context(), id); err != nil {
		s.problem(w, r, s.problemOf(r.Context(), "look up job "+string(id), err))
		return
	}
	job, err := s.parts.Jobs.Job(r.Context(), id)
	if err != nil {
		s.problem(w, r, s.problemOf(r.Context(), "look up job "+string(id), err))
		return
	}
	last, resumed, p := lastEvent(r)
	if p != nil {
		s.problem(w, r, p)
		return
	}
	st := &stream{w: w, idle: s.config.Heartbeat, lazy: resumed && !job.State.Open()}
	if !st.lazy {
		st.write("")
	}
	st.follow(r.Context(), s.parts.Jobs, id, last)
	if !st.begun && st.err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
}

func lastEvent(r *http.Request) (seq uint64, resumed bool, p *api.Problem) {
	v := r.Header.Get("Last-Event-ID")
	if v == "" {
		return 0, false, nil
	}
	seq, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, false, api.NewProblem(http.StatusBadRequest, core.CodeBadRequest, "send the id of the last event, or none", "Last-Event-ID %q is no number", v)
	}
	return seq, true, nil
}

// stream writes server-sent events.
type stream struct {
	w     http.ResponseWriter
	idle  time.Duration
	lazy  bool // begin only when there is something to say
	begun bool
	err   error // of the first write that failed
}

// follow sends every event, and a comment when nothing happens for a while. Its
// goroutine, which waits for the next event, ends with it.
func (st *stream) follow(ctx context.Context, jobs Jobs, id core.JobID, after uint64) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := make(chan api.Event)
	go func() {
		defer close(events)
		for e, err := range jobs.Watch(ctx, id, after) {
			if err != nil {
				return
			}
			select {
			case events <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	tick := time.NewTicker(st.idle)
	defer tick.Stop()
	for st.err == nil {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			st.send(e.Type, e)
		case <-tick.C:
			st.comment()
		}
	}
	cancel()
	for range events { // until the goroutine is gone
	}
}

func (st *stream) send(kind string, e api.Event) {
	data, err := json.Marshal(e)
	if err != nil {
		st.err = fmt.Errorf("write event %d: %w", e.Seq, err)
		return
	}
	id := ""
	if e.Seq > 0 {
		id = fmt.Sprintf("id: %d\n", e.Seq)
	}
	st.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, kind, data))
}

func (st *stream) comment() {
	if !st.lazy || st.begun {
		st.write(": still here\n\n")
	}
}

func (st *stream) write(text string) {
	if st.err != nil {
		return
	}
	if !st.begun {
		st.begun = true
		h := st.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Accel-Buffering", "no") // proxies must not collect events
		text = "retry: 2000\n\n" + text
	}
	ctl := http.NewResponseController(st.w)
	deadline(st.w, st.idle+answerTimeout)
	if _, st.err = st.w.Write([]byte(text)); st.err == nil {
		st.err = ctl.Flush()
	}
}
