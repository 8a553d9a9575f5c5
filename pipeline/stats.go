package pipeline

import (
	"maps"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Stats are the numbers of a pipeline since its start.
type Stats struct {
	Jobs         map[core.JobState]int // now
	Submitted    int
	Duplicates   int // submissions that were seen before
	AppendErrors int
	Stages       map[core.Stage]StageStats
	Events       uint64 // in the journal's life
	Unsaved      int    // results that wait for the journal
}

// StageStats are the numbers of one stage.
type StageStats struct {
	Running int
	Done    int
	Retried int // failures that are tried again
	Failed  int // for good
	Busy    time.Duration
}

// stats counts. Its zero value is ready.
type stats struct {
	mu sync.Mutex // guards n
	n  Stats
}

func (s *stats) stage(stage core.Stage, change func(*StageStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n.Stages == nil {
		s.n.Stages = map[core.Stage]StageStats{}
	}
	v := s.n.Stages[stage]
	change(&v)
	s.n.Stages[stage] = v
}

func (s *stats) begun(stage core.Stage) {
	s.stage(stage, func(v *StageStats) { v.Running++ })
}

// stopped counts an attempt that ended, however it did.
func (s *stats) stopped(stage core.Stage, took time.Duration) {
	s.stage(stage, func(v *StageStats) {
		v.Running--
		v.Busy += took
	})
}

func (s *stats) done(stage core.Stage) { s.stage(stage, func(v *StageStats) { v.Done++ }) }

func (s *stats) failed(stage core.Stage, final bool) {
	s.stage(stage, func(v *StageStats) {
		if final {
			v.Failed++
		} else {
			v.Retried++
		}
	})
}

func (s *stats) submitted(duplicate bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if duplicate {
		s.n.Duplicates++
	} else {
		s.n.Submitted++
	}
}

func (s *stats) appendFailed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n.AppendErrors++
}

func (s *stats) get() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.n
	n.Stages = maps.Clone(n.Stages)
	return n
}

// Stats gives the numbers as they are now.
func (p *Pipeline) Stats() Stats {
	n := p.stats.get()
	p.mu.RLock()
	defer p.mu.RUnlock()
	n.Jobs, n.Events, n.Unsaved = p.state.Count(), uint64(p.last), len(p.unsaved)
	return n
}
