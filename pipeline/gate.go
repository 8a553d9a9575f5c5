package pipeline

import (
	"reflect"

	"github.com/twinleaf-scan/twinleaf/core"
)

// GateJob is a job that may be worked on here, with what it needs.
type GateJob = core.Needs

// Gate decides which jobs may be worked on here in a pair: those for which allow gives a
// failure are withheld, with that as their error. It is asked for each open job of a side
// that is worked on, now and whenever what the job needs may have become clearer;
// otherwise no job is withheld. It runs in the dispatcher: it must be quick and must not
// wait for the pipeline. Nil: none is withheld.
func (p *Pipeline) Gate(allow func(GateJob) *core.Failure) {
	p.sides.change(func() {
		p.sides.gate = allow
		p.sides.gates++
	})
}

// gated reports whether an event may change what the gate says.
func gated(b core.Body) bool {
	switch b.(type) {
	case core.JobSubmitted, core.DocumentIngested, core.JobRetried:
		return true
	}
	return false
}

func (d *dispatcher) regateAll() {
	if d.cfg.Peer == "" {
		return
	}
	var ids []core.JobID
	for id := range d.state.Open() {
		ids = append(ids, id)
	}
	d.regate(ids)
}

// regate asks the gate about jobs and withholds or lifts.
func (d *dispatcher) regate(ids []core.JobID) {
	if d.cfg.Peer == "" || len(ids) == 0 {
		return
	}
	d.sides.mu.Lock()
	gate, works := d.sides.gate, d.sides.works
	d.sides.mu.Unlock()
	changed := map[core.JobID]*core.Failure{}
	for _, id := range ids {
		var why *core.Failure
		if gate != nil && works[d.sideOf(id)] {
			if needs, open := d.state.Needs(id); open {
				why = gate(needs)
			}
		}
		if !reflect.DeepEqual(why, d.state.Withheld(id)) {
			changed[d.state.Own(id)] = why
		}
	}
	d.withhold(changed)
}

// withhold changes marks and tells those who watch the jobs.
func (d *dispatcher) withhold(changed map[core.JobID]*core.Failure) {
	if len(changed) == 0 {
		return
	}
	shipped := d.shipped()
	var updates []Update
	d.mu.Lock()
	for id, why := range changed {
		d.state.Withhold(id, why)
		d.ticks++
		d.seqs[id] = d.ticks
		if d.watchers.watched(id, d.state.Aliases(id)...) {
			updates = append(updates, d.sum(id, shipped))
		}
	}
	d.mu.Unlock()
	for _, u := range updates {
		d.watchers.publish(u)
	}
}
