package host

import (
	"slices"
	"time"
)

// Process is one process of a plug-in, for people.
type Process struct {
	PID      int       `json:"pid,omitempty"`
	State    State     `json:"state"`
	Started  time.Time `json:"started"`
	Since    time.Time `json:"since"` // of the state
	Calls    int       `json:"calls"`
	MemoryMB int64     `json:"memoryMB"`         // resident, with its children
	Writes   []string  `json:"writes,omitempty"` // folders that settings let it write to
}

// State is what a process does.
type State string

// The states of a process.
const (
	Starting State = "starting"
	Idle     State = "idle"
	Busy     State = "busy"
)

// processes tells of all processes: those that work, those that wait, those that are
// being started, each by age.
func (p *pool) processes() []Process {
	all := p.snapshot()
	for i := range all {
		if all[i].PID != 0 {
			all[i].MemoryMB = residentKB(all[i].PID) >> 10
		}
	}
	return all
}

func (p *pool) snapshot() []Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	var busy, idle, starting []Process
	for w := range p.busy {
		busy = append(busy, w.tell(Busy))
	}
	for _, w := range p.idle {
		idle = append(idle, w.tell(Idle))
	}
	for _, at := range p.starting {
		starting = append(starting, Process{State: Starting, Started: at, Since: at})
	}
	byAge := func(a, b Process) int { return a.Started.Compare(b.Started) }
	slices.SortFunc(busy, byAge)
	slices.SortFunc(idle, byAge)
	return slices.Concat(busy, idle, starting)
}

// tell describes w. The caller holds its pool's mu.
func (w *worker) tell(s State) Process {
	return Process{
		PID: int(w.pid.Load()), State: s, Started: w.started, Since: w.since, Calls: w.calls, Writes: w.writes,
	}
}
