package host

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Status is one program of the plug-in folder, for people.
type Status struct {
	Name       string      `json:"name"`
	Version    string      `json:"version,omitempty"`
	Summary    string      `json:"summary,omitempty"`
	Engine     string      `json:"engine,omitempty"`
	Kinds      []sdk.Kind  `json:"kinds,omitempty"`
	Components []Component `json:"components,omitempty"`
	Path       string      `json:"path"`
	SHA256     string      `json:"sha256,omitempty"` // of the program
	Protocol   int         `json:"protocol,omitempty"`
	Problem    string      `json:"problem,omitempty"` // why it cannot be used
	Identity

	Native *Native `json:"native,omitempty"` // nil: nothing was built for this processor, or it is not looked for

	Sandbox     string    `json:"sandbox,omitempty"` // level at which its processes are confined
	Size        int       `json:"size"`              // calls that may run at once
	Idle        int       `json:"idle"`
	Busy        int       `json:"busy"`
	Processes   []Process `json:"processes,omitempty"`
	MemoryMB    int64     `json:"memoryMB,omitempty"` // resident, of all processes
	LimitMB     int64     `json:"limitMB,omitempty"`  // that a process may hold
	Counts                // since the host was opened
	Refused     int64     `json:"refused"`            // connections that were not granted
	Starting    bool      `json:"starting,omitempty"` // for the first time: what it is is not known yet
	Quarantined bool      `json:"quarantined,omitempty"`
	Until       time.Time `json:"until,omitzero"`  // of the quarantine
	Cause       string    `json:"cause,omitempty"` // of the quarantine

	LastProblem   string    `json:"lastProblem,omitempty"` // what went wrong last with a process, though all may be well again
	LastProblemAt time.Time `json:"lastProblemAt,omitzero"`
}

// Component is one component of a plug-in.
type Component struct {
	ID       string          `json:"id"`
	Kind     sdk.Kind        `json:"kind"`
	Media    []string        `json:"media,omitempty"`
	Settings json.RawMessage `json:"settings"` // JSON Schema
}

// List tells of all programs in the plug-in folder, by name. The first call
// hashes the programs.
func (h *Host) List() []Status {
	all := make([]Status, 0, len(h.plugins))
	for _, p := range h.plugins {
		all = append(all, h.status(p))
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (h *Host) status(p *plugin) Status {
	s := p.status()
	s.Sandbox = h.sandbox.Level.String()
	return s
}

func (p *plugin) status() Status {
	pool, problem := p.ready()
	s := Status{Name: p.file(), Path: p.path, Identity: p.identity(pool != nil)}
	sum, err := p.sum()
	s.SHA256 = sum
	if problem = cmp.Or(problem, err); problem != nil {
		s.Problem = problem.Error()
	}
	s.Refused, s.Starting, s.Native = p.denied.Load(), p.starting(), p.faster.status()
	if pool == nil {
		return s
	}
	s.Processes = pool.processes()
	for _, process := range s.Processes {
		s.MemoryMB += process.MemoryMB
	}
	s.LimitMB = p.limitKB >> 10
	s.Name, s.Version, s.Summary, s.Engine = p.about.Name, p.about.Version, p.about.Summary, p.about.Engine
	s.Kinds, s.Protocol, s.Size = p.kinds(), p.about.Protocol, cap(pool.turns)
	for _, c := range p.about.Components {
		s.Components = append(s.Components, Component{c.ID, c.Kind, c.Media, c.Schema})
	}
	pool.mu.Lock()
	defer pool.mu.Unlock()
	s.Idle, s.Busy, s.Counts = len(pool.idle), len(pool.busy), pool.counts
	s.LastProblem, s.LastProblemAt = pool.problem, pool.at
	if s.Quarantined = !pool.health.until.IsZero(); s.Quarantined {
		s.Until, s.Cause = pool.health.until, pool.health.cause
	}
	return s
}
