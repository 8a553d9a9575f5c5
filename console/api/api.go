// Package api is the form of what a Twinleaf server says over HTTP: jobs, events,
// problems, profiles. The server writes these types and the Go client reads them,
// so the two cannot drift apart. Times are RFC 3339 in UTC.
package api

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Job is where a job stands, as the journal's fold tells it.
type Job = core.JobView

// Query selects jobs of a listing. The newest job comes first.
type Query struct {
	State core.JobState // empty: every state
	Limit int           // 1..1000
	After core.JobID    // only jobs that come after this one in the listing
	User  string        // only jobs that they submitted; empty: everybody's
}

// List is one page of a listing.
type List struct {
	Jobs []Job      `json:"jobs"`
	Next core.JobID `json:"next,omitempty" doc:"Give it as after for the next page; empty at the end"`
}

// Event is one thing that happened to a job, with the job as it was afterwards.
type Event struct {
	Seq    uint64     `json:"seq" doc:"Grows with time; give it as Last-Event-ID to go on after it"`
	Type   string     `json:"type" doc:"Name of the journal's event, e.g. PageRecognized"`
	At     time.Time  `json:"at"`
	Stage  core.Stage `json:"stage,omitempty"`
	Page   int        `json:"page,omitempty"`
	Detail string     `json:"detail,omitempty" doc:"Why an attempt failed"`
	Job    Job        `json:"job"`
}

// Accepted answers a submission: the job is durable.
type Accepted struct {
	ID        core.JobID    `json:"id"`
	State     core.JobState `json:"state"`
	Protected bool          `json:"protected" doc:"The peer has the job too"`
	Server    string        `json:"server"`
	Duplicate bool          `json:"duplicate,omitempty" doc:"The Idempotency-Key was seen before: this is that job"`
}

// Health is the answer of /readyz.
type Health struct {
	Ready bool      `json:"ready"`
	Web   core.Item `json:"web"`
	Data  core.Item `json:"data"`
	Mode  core.Item `json:"mode"`
	Cause string    `json:"cause,omitempty" doc:"Why new jobs are not taken"`
}
