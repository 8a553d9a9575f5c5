package pipeline

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// pool is a set of slots. Pages have one slot a worker; documents and deliveries
// have their own, so that a small job can begin while pages fill every worker.
type pool int

const (
	pages pool = iota
	documents
	deliveries
)

func poolOf(s core.Stage) pool {
	switch s {
	case core.Ingest, core.Assemble:
		return documents
	case core.Deliver:
		return deliveries
	}
	return pages
}

// free is how many slots of a pool may be taken now.
func (d *dispatcher) free(p pool) int {
	n := d.pools[p]
	if p != pages {
		return n
	}
	if limit := int(d.allowed.Load()); limit > 0 {
		return n - max(d.cfg.Workers-limit, 0)
	}
	return n + int(d.more.Load())
}

// service is what a job gets from a pool.
type service struct {
	job  core.JobID
	pool pool
}

// claim is what decides between jobs, in this order: the work that was cut short
// least often goes first, so that none is at hand at every crash, then the job
// with the fewest running tasks, then the one that was served longest ago, then
// the one submitted first.
type claim struct {
	cut     int // how often the task was cut short, the first time not counted
	running int
	served  uint64
}

func (c claim) before(o claim) bool {
	switch {
	case c.cut != o.cut:
		return c.cut < o.cut
	case c.running != o.running:
		return c.running < o.running
	}
	return c.served < o.served
}

// pick finds the next task for a free slot (P9).
func (d *dispatcher) pick(p pool) (core.Task, bool) {
	var best core.Task
	var bestClaim claim
	found := false
	now := d.now()
	works := d.working()
	wanted := func(server string) bool { return works[d.whose(server)] }
	for id, stage := range d.state.Waiting(wanted) {
		if poolOf(stage) != p {
			continue
		}
		c := claim{running: d.perJob[id], served: d.served[service{id, p}]}
		if found && !c.before(bestClaim) {
			continue
		}
		t, ok := d.firstFree(id, now)
		if !ok {
			continue
		}
		if c.cut = max(t.Interrupted-1, 0); !found || c.before(bestClaim) {
			best, bestClaim, found = t, c, true
		}
		if bestClaim == (claim{}) {
			break // no other can be better
		}
	}
	return best, found
}

// firstFree is the most urgent task of a job that nobody works on.
func (d *dispatcher) firstFree(id core.JobID, now time.Time) (core.Task, bool) {
	for t := range d.state.Tasks(id, now) {
		if !d.busy(t.Key()) {
			return d.withDefaults(t), true
		}
	}
	return core.Task{}, false
}

// busy reports whether a task is under way, perhaps under another id of its job: it was
// begun before the job turned out to be one of the peer's.
func (d *dispatcher) busy(key core.TaskKey) bool {
	if d.running[key] != nil {
		return true
	}
	for _, id := range d.state.Aliases(key.Job) {
		key.Job = id
		if d.running[key] != nil {
			return true
		}
	}
	return false
}

// withDefaults says whether a task is tried again, and gives a delivery the settings of
// a built-in destination.
func (d *dispatcher) withDefaults(t core.Task) core.Task {
	t.Last = d.cfg.Retry.last(t)
	if t.Stage != core.Deliver || len(t.Document.Settings) > 0 {
		return t
	}
	if dest, ok := d.cfg.Defaults.Destinations[t.Destination]; ok {
		if value, err := json.Marshal(dest); err == nil {
			t.Document.Settings = map[string][]byte{core.DestinationKey(t.Destination): value}
		}
	}
	return t
}

// tidyServed drops the memory of jobs that are not open any more.
func (d *dispatcher) tidyServed() {
	if len(d.served) < 1000 || len(d.served) < 8*d.state.CountOpen() {
		return
	}
	open := map[core.JobID]bool{}
	for id := range d.state.Open() {
		open[id] = true
	}
	maps.DeleteFunc(d.served, func(s service, _ uint64) bool { return !open[s.job] })
}
