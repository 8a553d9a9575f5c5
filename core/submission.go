package core

import "time"

// Submission asks for a job. Its files lie in the blob store already.
type Submission struct {
	Name         string         // of the document; default: the first file's name without extension
	Profile      string         // default "default"
	Languages    []string       // instead of the profile's
	Override     func(*Options) `json:"-"` // last word on the resolved options; nil: none
	Files        []File
	Destinations []string // instead of the profile's
	Key          string   // Idempotency-Key
	User         string
	Held         bool
	Origin       Origin `json:"-"`
}

// Origin is how a submission came, which decides in a pair where it is taken.
type Origin struct {
	Failover string // why the client did not submit to the other server: network, web, data, maintenance; empty: it did not try
	Session  string // of the client process or the person; empty: none
	Device   bool   // it came through a receiver, which knows one address only
}

// Accepted answers a Submission. The job is durable when it is given.
type Accepted struct {
	ID        JobID    `json:"id"`
	State     JobState `json:"state"`
	Protected bool     `json:"protected"` // the peer has it too
	Server    string   `json:"server"`
	Duplicate bool     `json:"duplicate,omitempty"` // the key was seen before: this is that job
}

// JobState is where a job stands.
type JobState string

// The states of contract.md. Queued, running and held jobs are open.
const (
	Queued    JobState = "queued"
	Running   JobState = "running"
	Held      JobState = "held"
	Completed JobState = "completed"
	Partial   JobState = "partial"
	Failed    JobState = "failed"
	Cancelled JobState = "cancelled"
)

// Open reports whether work on the job may still happen by itself.
func (s JobState) Open() bool { return s == Queued || s == Running || s == Held }

// Profile is a named set of choices that a submission refers to; a shared setting.
type Profile struct {
	Options
	Destinations []string `json:"destinations,omitempty"` // default: the built-in destination "delivered"
}

// Destination is where documents go; a shared setting.
type Destination struct {
	Plugin   string `json:"plugin"`             // a deliverer, e.g. folder
	Settings any    `json:"settings,omitempty"` // as the plug-in's schema says
}

// Health is what the server says of itself, item by item (GS31).
type Health struct {
	Web  Item `json:"web"`
	Data Item `json:"data"`
	Mode Item `json:"mode"`
}

// Item is one health item.
type Item struct {
	State string    `json:"state"` // up, down; for mode: active, standby, maintenance, draining
	Cause string    `json:"cause,omitempty"`
	Since time.Time `json:"since,omitzero"`
}
