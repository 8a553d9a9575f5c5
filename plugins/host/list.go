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

	Size        int       `json:"size"` // calls that may run at once
	Idle        int       `json:"idle"`
	Busy        int       `json:"busy"`
	Counts                // since the host was opened
	Quarantined bool      `json:"quarantined,omitempty"`
	Until       time.Time `json:"until,omitzero"` // of the quarantine
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
		all = append(all, p.status())
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

func (p *plugin) status() Status {
	pool, problem := p.ready()
	s := Status{Name: p.file(), Path: p.path}
	sum, err := p.sum()
	s.SHA256 = sum
	if problem = cmp.Or(problem, err); problem != nil {
		s.Problem = problem.Error()
	}
	if pool == nil {
		return s
	}
	s.Name, s.Version, s.Summary, s.Engine = p.about.Name, p.about.Version, p.about.Summary, p.about.Engine
	s.Kinds, s.Protocol, s.Size = p.kinds(), p.about.Protocol, cap(pool.turns)
	for _, c := range p.about.Components {
		s.Components = append(s.Components, Component{c.ID, c.Kind, c.Media, c.Schema})
	}
	pool.mu.Lock()
	defer pool.mu.Unlock()
	s.Idle, s.Busy, s.Counts = len(pool.idle), len(pool.busy), pool.counts
	s.Quarantined, s.Until = !pool.health.until.IsZero(), pool.health.until
	return s
}
