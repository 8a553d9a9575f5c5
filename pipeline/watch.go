package pipeline

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Update is one thing that happened to a job, with the job as it was afterwards.
type Update struct {
	Seq    uint64 // grows from update to update, also from run to run while the clock does not go back; no sequence of a journal
	Type   string // of the event; "job" for one that sums up what went before
	At     time.Time
	Stage  core.Stage
	Page   int
	Detail string // why an attempt failed
	Job    core.JobView
}

// watchBuffer is how many updates a watcher may lag behind.
const watchBuffer = 256

// Watch gives what happens to a job after the update of that number, until the job
// ends or ctx does. It begins with a sum of what the caller has missed. A caller
// that is too slow is dropped: the last error has core.CodeTimeout, and it may
// watch again. For an unknown job the error has core.CodeUnknown.
func (p *Pipeline) Watch(ctx context.Context, id core.JobID, after uint64) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		v, err := p.Job(id)
		if err != nil {
			yield(Update{}, err)
			return
		}
		w := p.watchers.add(v.ID)
		defer p.watchers.remove(w)
		now := p.present(v.ID)
		if now.Seq > after || after == 0 || after > p.latest() {
			if !yield(now, nil) {
				return
			}
		}
		if now.Job.State.Open() {
			w.follow(ctx, now.Seq, yield)
		}
	}
}

// present is the update that sums up a job.
func (p *Pipeline) present(id core.JobID) Update {
	shipped := p.shipped()
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.sum(id, shipped)
}

// sum is present for who holds mu, or is the dispatcher.
func (p *Pipeline) sum(id core.JobID, shipped journal.Seq) Update {
	v, _ := p.state.Job(id)
	return Update{Seq: max(p.seqs[v.ID], p.since), Type: "job", At: p.now(), Job: p.seen(v, shipped)}
}

// latest is the number of the latest update. A higher one is another server's.
func (p *Pipeline) latest() uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.ticks
}

// update describes an event that was just folded.
func (d *dispatcher) update(e core.Event, shipped journal.Seq) Update {
	v, _ := d.state.Job(e.Job)
	u := Update{Seq: d.ticks, Type: e.Body.Type(), At: e.At, Job: d.seen(v, shipped)}
	switch b := e.Body.(type) {
	case core.StageStarted:
		u.Stage, u.Page = b.Stage, b.Page
	case core.StageFailed:
		u.Stage, u.Page, u.Detail = b.Stage, b.Page, b.Failure.Detail
	case core.PageRasterized:
		u.Stage, u.Page = core.Rasterize, b.Page
	case core.PageCleaned:
		u.Stage, u.Page = core.Clean, b.Page
	case core.PageRecognized:
		u.Stage, u.Page = core.Recognize, b.Page
	case core.DocumentIngested:
		u.Stage = core.Ingest
	case core.DocumentAssembled:
		u.Stage = core.Assemble
	case core.Delivered:
		u.Stage = core.Deliver
	}
	return u
}

// watchers are those who wait for updates.
type watchers struct {
	mu     sync.Mutex // guards what follows
	byJob  map[core.JobID]map[*watcher]bool
	closed bool
}

type watcher struct {
	job     core.JobID
	updates chan Update // closed when the watcher is dropped or the pipeline stops
	slow    bool        // why it was closed; written before
}

func (ws *watchers) add(id core.JobID) *watcher {
	w := &watcher{job: id, updates: make(chan Update, watchBuffer)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		close(w.updates)
		return w
	}
	if ws.byJob == nil {
		ws.byJob = map[core.JobID]map[*watcher]bool{}
	}
	if ws.byJob[id] == nil {
		ws.byJob[id] = map[*watcher]bool{}
	}
	ws.byJob[id][w] = true
	return w
}

func (ws *watchers) remove(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.byJob[w.job], w)
	if len(ws.byJob[w.job]) == 0 {
		delete(ws.byJob, w.job)
	}
}

// watched reports whether anybody watches the job, under whichever id. Who begins to watch
// right after gets a sum of what was folded before.
func (ws *watchers) watched(id core.JobID, aliases ...core.JobID) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	watched := len(ws.byJob[id]) > 0
	for _, id := range aliases {
		watched = watched || len(ws.byJob[id]) > 0
	}
	return watched
}

// jobs are those that somebody watches.
func (ws *watchers) jobs() []core.JobID {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return slices.Collect(maps.Keys(ws.byJob))
}

// publish never waits: a watcher whose buffer is full is dropped.
func (ws *watchers) publish(u Update) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.tell(u.Job.ID, u)
	for _, id := range u.Job.Aliases {
		ws.tell(id, u)
	}
}

func (ws *watchers) tell(id core.JobID, u Update) {
	for w := range ws.byJob[id] {
		select {
		case w.updates <- u:
		default:
			w.slow = true
			close(w.updates)
			delete(ws.byJob[w.job], w)
		}
	}
}

func (ws *watchers) close() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.closed = true
	for _, byJob := range ws.byJob {
		for w := range byJob {
			close(w.updates)
		}
	}
	ws.byJob = nil
}

// follow yields updates until the job ends.
func (w *watcher) follow(ctx context.Context, seen uint64, yield func(Update, error) bool) {
	for {
		select {
		case <-ctx.Done():
			return
		case u, ok := <-w.updates:
			switch {
			case !ok && w.slow:
				yield(Update{}, &core.Failure{Code: core.CodeTimeout, Detail: "the watcher was too slow and missed events", Remedy: "watch again"})
				return
			case !ok:
				return
			case u.Seq <= seen:
				continue
			case !yield(u, nil) || !u.Job.State.Open():
				return
			}
		}
	}
}
