package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// live is the data service as the web service and the watched folders see it:
// absent while the server starts or its disk is away, and then there. What needs
// it while it is absent gets a failure with code data-down.
type live struct {
	mu     sync.RWMutex // guards what follows
	engine *engine      // nil while absent
	cause  string       // why it is absent
	since  time.Time
	drain  bool // the server is stopping
	pages  int  // worked on at once at most; 0: as many as there are workers

	disk probe
	web  func() core.Item // health of the web service
}

func newLive() *live {
	return &live{cause: "the server is starting", since: time.Now(), web: func() core.Item { return core.Item{State: "up"} }}
}

// arrive makes the data service available.
func (l *live) arrive(e *engine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.engine, l.cause, l.since = e, "", time.Now()
	e.pipe.Limit(l.pages)
}

// limit bounds the pages that are worked on at once; 0 takes the bound away.
func (l *live) limit(pages int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages = pages
	if l.engine != nil {
		l.engine.pipe.Limit(pages)
	}
}

// absent says why there is no data service.
func (l *live) absent(cause string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.engine != nil {
		l.since = time.Now()
	}
	l.engine, l.cause = nil, cause
}

// draining takes no new jobs from now on.
func (l *live) draining() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drain = true
	if l.engine != nil {
		l.engine.pipe.Drain()
	}
}

func (l *live) get() (*engine, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.engine == nil {
		return nil, &core.Failure{Code: core.CodeDataDown, Detail: "the data service is not there: " + l.cause, Remedy: "try again in a moment; see /readyz"}
	}
	return l.engine, nil
}

// health is what the pipeline says, or why there is none. The web service answers,
// or nobody would ask.
func (l *live) health() core.Health {
	e, err := l.get()
	l.mu.RLock()
	defer l.mu.RUnlock()
	if err != nil {
		h := core.Health{
			Web:  l.web(),
			Data: core.Item{State: "down", Cause: l.cause, Since: l.since},
			Mode: core.Item{State: pipeline.ModeActive, Since: l.since},
		}
		if l.drain {
			h.Mode.State = pipeline.ModeDraining
		}
		return h
	}
	h := e.pipe.Health()
	h.Web = l.web()
	h.Data = l.disk.item(h.Data, time.Now())
	if e.member != nil {
		h.Mode = e.member.mode(h.Mode)
	}
	return h
}

// store is what the probe writes to.
func (l *live) store() (putter, error) {
	e, err := l.get()
	if err != nil {
		return nil, err
	}
	return e.blobs, nil
}

// Submit, Put and Open are what the console and the watched folders submit with.
func (l *live) Submit(ctx context.Context, s core.Submission) (core.Accepted, error) {
	e, err := l.get()
	if err != nil {
		return core.Accepted{}, err
	}
	a, err := e.pipe.Submit(ctx, s)
	switch {
	case e.member == nil:
	case err != nil:
		err = e.member.unsure(err)
	case !a.Duplicate:
		e.member.accepted(a, s.Origin)
	}
	return a, err
}

func (l *live) Put(ctx context.Context, r io.Reader) (core.Ref, int64, error) {
	e, err := l.get()
	if err != nil {
		return "", 0, err
	}
	ref, size, err := e.blobs.Put(ctx, r, 0) // the receivers have limits of their own
	if err != nil {
		l.disk.note(err, time.Now()) // a full disk is known at once; only the probe says that it is well again
	} else if e.member != nil {
		e.member.node.Offer(ref)
	}
	return ref, size, err
}

func (l *live) Open(ref core.Ref) (io.ReadSeekCloser, error) {
	e, err := l.get()
	if err != nil {
		return nil, err
	}
	f, err := e.blobs.Open(ref)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, core.Refuse(core.CodeUnknown, "files of finished jobs are kept for a while only", "the file is not kept any more")
	}
	return f, err
}

// jobs answers the console's questions.
type jobs struct{ *live }

func (j jobs) Jobs(_ context.Context, q api.Query) (api.List, error) {
	e, err := j.get()
	if err != nil {
		return api.List{}, err
	}
	list := api.List{Jobs: e.pipe.Jobs(core.Filter{State: q.State, After: q.After, Limit: q.Limit, User: q.User})}
	if n := len(list.Jobs); n == q.Limit && n > 0 {
		list.Next = list.Jobs[n-1].ID
	}
	return list, nil
}

func (j jobs) Job(_ context.Context, id core.JobID) (api.Job, error) {
	e, err := j.get()
	if err != nil {
		return api.Job{}, err
	}
	return e.pipe.Job(id)
}

func (j jobs) Output(_ context.Context, id core.JobID, kind string, part int) (core.File, error) {
	e, err := j.get()
	if err != nil {
		return core.File{}, err
	}
	return e.pipe.Output(id, kind, part)
}

func (j jobs) Watch(ctx context.Context, id core.JobID, after uint64) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		e, err := j.get()
		if err != nil {
			yield(api.Event{}, err)
			return
		}
		for u, err := range e.pipe.Watch(ctx, id, after) {
			if !yield(api.Event(u), err) {
				return
			}
		}
	}
}

// do runs an action on a job if there is a data service.
func (l *live) do(act func(*pipeline.Pipeline) error) error {
	e, err := l.get()
	if err != nil {
		return err
	}
	return act(e.pipe)
}

func (j jobs) Retry(ctx context.Context, id core.JobID) error {
	return j.do(func(p *pipeline.Pipeline) error { return p.Retry(ctx, id) })
}

func (j jobs) Cancel(ctx context.Context, id core.JobID) error {
	return j.do(func(p *pipeline.Pipeline) error { return p.Cancel(ctx, id) })
}

func (j jobs) Hold(ctx context.Context, id core.JobID) error {
	return j.do(func(p *pipeline.Pipeline) error { return p.Hold(ctx, id) })
}

func (j jobs) Release(ctx context.Context, id core.JobID) error {
	return j.do(func(p *pipeline.Pipeline) error { return p.Release(ctx, id) })
}

func (l *live) SetSetting(ctx context.Context, key string, value []byte, user string) error {
	return l.do(func(p *pipeline.Pipeline) error { return p.SetSetting(ctx, key, value, user) })
}

func (l *live) plugins(context.Context) ([]api.Plugin, error) {
	e, err := l.get()
	if err != nil {
		return nil, err
	}
	var list []api.Plugin
	for _, s := range e.host.List() {
		list = append(list, pluginView(s))
	}
	return list, nil
}

// watched answers the watched folders, for which an unknown job is no error.
type watched struct{ *live }

func (w watched) Job(_ context.Context, id core.JobID) (core.JobView, bool, error) {
	e, err := w.get()
	if err != nil {
		return core.JobView{}, false, err
	}
	v, err := e.pipe.Job(id)
	var f *core.Failure
	if errors.As(err, &f) && f.Code == core.CodeUnknown {
		return v, false, nil
	}
	return v, err == nil, err
}
