package node

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// Status is how the node stands, for people.
type Status struct {
	pair.Status
	Shipped   journal.Seq   `json:"shipped"` // of the own journal; 0 while unknown
	Lag       uint64        `json:"lag"`     // events that the peer does not have, as far as is known
	LastHeard time.Time     `json:"lastHeard,omitzero"`
	Skew      time.Duration `json:"skew"`   // the peer's clock is so far ahead
	Events    []Event       `json:"events"` // the latest, the newest last
}

// Event is something that happened to the pair.
type Event struct {
	At     time.Time  `json:"at"`
	Name   string     `json:"name"` // constant text
	Cause  pair.Cause `json:"cause,omitempty"`
	Epoch  int        `json:"epoch,omitempty"`
	Job    core.JobID `json:"job,omitempty"`
	Code   string     `json:"code,omitempty"` // of a refusal
	Detail string     `json:"detail,omitempty"`
	Remedy string     `json:"remedy,omitempty"`
}

// Metrics are the counters of a node since its start, and how it stands.
type Metrics struct {
	Takeovers   map[pair.Cause]uint64 // of the peer's jobs, as they were written
	HandBacks   uint64                // of the peer's jobs
	Refusals    map[string]uint64     // by code
	FirstJobs   uint64
	Epoch       int
	Linked      bool
	Lag         uint64
	Unprotected time.Duration // in all; nothing was sure to reach the peer
	Healed      uint64        // blobs that were missing here and fetched
}

// Status gives the node's status.
func (n *Node) Status() Status {
	n.mu.Lock()
	s := Status{Shipped: n.shipped, LastHeard: n.heard}
	if n.m != nil {
		s.Status = n.status()
	} else {
		s.Status = pair.Status{Mode: pair.ModeStandby, Role: n.cfg.Pair.Role, Phase: pair.Meeting, Stand: pair.Standby}
	}
	n.mu.Unlock()
	s.Lag, s.Skew, s.Events = n.lag(s.Shipped), n.cfg.Skew(), n.log.latest()
	return s
}

// status is the machine's. mu is held.
func (n *Node) status() pair.Status {
	s := n.m.Status()
	if s.UnprotectedSince.IsZero() {
		s.UnprotectedSince = n.stuck
	}
	return s
}

// lag counts the own events that the peer does not have.
func (n *Node) lag(shipped journal.Seq) uint64 {
	first, last := n.cfg.Journal.Bounds()
	return uint64(last - min(last, max(shipped, first-1)))
}

// Metrics gives the node's counters.
func (n *Node) Metrics() Metrics {
	s := n.Status()
	m := n.log.counters()
	m.Epoch, m.Linked, m.Lag = s.Epoch, s.Linked, s.Lag
	return m
}

// keepEvents is how many events the status shows.
const keepEvents = 100

// record keeps what happened.
type record struct {
	mu     sync.Mutex // guards the fields below
	events []Event
	counts Metrics
}

func (r *record) keep(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.events) == keepEvents {
		r.events = r.events[1:]
	}
	r.events = append(r.events, e)
}

func (r *record) latest() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

func (r *record) counters() Metrics {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.counts
	m.Takeovers, m.Refusals = maps.Clone(m.Takeovers), maps.Clone(m.Refusals)
	return m
}

// count changes the counters.
func (r *record) count(change func(*Metrics)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
}

func (r *record) takeover(cause pair.Cause) {
	r.count(func(m *Metrics) {
		if m.Takeovers == nil {
			m.Takeovers = map[pair.Cause]uint64{}
		}
		m.Takeovers[cause]++
	})
}

func (r *record) unprotected(d time.Duration) {
	r.count(func(m *Metrics) { m.Unprotected += max(d, 0) })
}

func (n *Node) note(o pair.Note) {
	n.cfg.Log.Info("pair: "+o.Name, "cause", string(o.Cause), "epoch", o.Epoch)
	n.log.keep(Event{At: n.now(), Name: o.Name, Cause: o.Cause, Epoch: o.Epoch})
}

func (n *Node) firstJob(o pair.FirstJob) {
	n.cfg.Log.Info("pair: the first job since the primary was last well", "job", string(o.Job), "cause", string(o.Cause))
	n.log.keep(Event{At: n.now(), Name: "the first job since the primary was last well", Cause: o.Cause, Job: o.Job})
	n.log.count(func(m *Metrics) { m.FirstJobs++ })
}

func (n *Node) refused(why *core.Failure) {
	n.cfg.Log.Warn("pair: refused", "code", why.Code, "cause", why.Detail, "remedy", why.Remedy)
	n.log.keep(Event{At: n.now(), Name: "refused", Code: why.Code, Detail: why.Detail, Remedy: why.Remedy})
	n.log.count(func(m *Metrics) {
		if m.Refusals == nil {
			m.Refusals = map[string]uint64{}
		}
		m.Refusals[why.Code]++
	})
}
