package core

import "time"

// Stage is one step of the pipeline.
type Stage string

// The stages in the order in which data passes them.
const (
	Ingest    Stage = "ingest"
	Rasterize Stage = "rasterize"
	Clean     Stage = "clean"
	Recognize Stage = "recognize"
	Assemble  Stage = "assemble"
	Deliver   Stage = "deliver"
)

// Event is one line of a journal.
type Event struct {
	At   time.Time // when the writer wrote it
	Job  JobID     // empty for events about the server
	Body Body
}

// Body is what happened. The set is closed: see the types below.
type Body interface{ Type() string }

// Result is a Body that a stage gives back.
type Result interface {
	Body
	result()
}

// JobSubmitted begins a job. Its inputs are durable before it is written.
type JobSubmitted struct {
	Name         string   `json:"name"` // of the document, without extension
	Profile      string   `json:"profile"`
	Options      Options  `json:"options"`
	Inputs       []File   `json:"inputs"` // in page order
	Destinations []string `json:"destinations,omitempty"`
	Key          string   `json:"key,omitempty"`    // Idempotency-Key
	Digest       Ref      `json:"digest,omitempty"` // of key-relevant content: a second submit with Key must match
	Server       string   `json:"server"`
	User         string   `json:"user,omitempty"`
	Held         bool     `json:"held,omitempty"`
}

// StageStarted is written before work that could take the server down with it,
// so that a poison page is counted when the server comes back.
type StageStarted struct {
	Stage       Stage  `json:"stage"`
	Page        int    `json:"page,omitempty"` // 1-based; 0 where the stage works on the document
	Destination string `json:"destination,omitempty"`
	Round       int    `json:"round,omitempty"`
	Attempt     int    `json:"attempt"`
}

// DocumentIngested is the result of ingest.
type DocumentIngested struct {
	Inputs []Inspection  `json:"inputs"` // one for each input
	Took   time.Duration `json:"took,omitempty"`
}

// PageRasterized is the result of rasterize.
type PageRasterized struct {
	Page  int           `json:"page"`
	Image PageImage     `json:"image"`
	Took  time.Duration `json:"took,omitempty"`
}

// PageCleaned is the result of clean.
type PageCleaned struct {
	Page  int           `json:"page"`
	Clean PageClean     `json:"clean"`
	Took  time.Duration `json:"took,omitempty"`
}

// PageRecognized is the result of recognize.
type PageRecognized struct {
	Page int           `json:"page"`
	Text PageText      `json:"text"`
	Took time.Duration `json:"took,omitempty"`
}

// DocumentAssembled is the result of assemble.
type DocumentAssembled struct {
	Outputs []Output      `json:"outputs"`
	Round   int           `json:"round,omitempty"`  // of JobRetried in which it was made
	Pages   int           `json:"pages,omitempty"`  // of the document
	Blank   int           `json:"blank,omitempty"`  // of them
	Failed  []int         `json:"failed,omitempty"` // pages that are in it as images only, ascending
	Took    time.Duration `json:"took,omitempty"`

	Parts     []PartInfo        `json:"parts,omitempty"`     // of a job that was split, in order
	Fields    map[string]string `json:"fields,omitempty"`    // what indexers found, of a job that is one document
	Unindexed []IndexFailure    `json:"unindexed,omitempty"` // indexers whose fields are missing
}

// Delivered is the result of deliver.
type Delivered struct {
	Destination string        `json:"destination"`
	Receipt     Receipt       `json:"receipt"`
	Round       int           `json:"round,omitempty"` // of the DocumentAssembled that was delivered
	Took        time.Duration `json:"took,omitempty"`
}

// StageFailed says that one attempt failed.
type StageFailed struct {
	Stage       Stage     `json:"stage"`
	Page        int       `json:"page,omitempty"`
	Destination string    `json:"destination,omitempty"`
	Round       int       `json:"round,omitempty"`
	Attempt     int       `json:"attempt"`
	Failures    int       `json:"failures,omitempty"` // failed attempts of this round, this one included; interrupted ones are not
	Failure     Failure   `json:"failure"`
	Final       bool      `json:"final,omitempty"`  // no further attempt: the page becomes an image, or the job fails
	RetryAt     time.Time `json:"retryAt,omitzero"` // when not Final
}

// JobHeld stops new work on a job. JobReleased undoes it.
type JobHeld struct {
	Reason string `json:"reason"`
	Count  int    `json:"count"` // holds and releases are numbered; the highest counts
}

// JobReleased lets a held job go on.
type JobReleased struct {
	Count int `json:"count"`
}

// JobCancelled ends a job for good.
type JobCancelled struct {
	Reason string     `json:"reason,omitempty"`
	Pages  PageCounts `json:"pages,omitzero"` // how far it was; the pages themselves are forgotten
}

// JobRetried gives a failed or partial job another round: what failed is tried
// again, what was finished stays finished.
type JobRetried struct {
	Round int `json:"round"`
}

// SettingChanged sets a shared setting. Value is JSON; empty removes it.
type SettingChanged struct {
	Key      string `json:"key"` // e.g. profile/invoices, destination/archive
	Value    []byte `json:"value,omitempty"`
	Revision int    `json:"revision"` // the highest counts
	User     string `json:"user,omitempty"`
}

// TakeoverBegan says that the writer works on the jobs of the server Of from here on.
type TakeoverBegan struct {
	Epoch int    `json:"epoch"` // counts takeovers; higher than every one the writer knows of
	Of    string `json:"of"`    // the peer's server id
	Cause string `json:"cause"` // network, web, data, maintenance or operator
}

// HandedBack says that the writer has stopped working on the jobs of the server Of:
// the takeover of that epoch, and every one before it, is over.
type HandedBack struct {
	Epoch int    `json:"epoch"`
	Of    string `json:"of"`
}

// ModeChanged puts a server into a mode that outlasts a restart.
type ModeChanged struct {
	Server string `json:"server"`
	Mode   string `json:"mode"` // active or maintenance
	Cause  string `json:"cause,omitempty"`
	Count  int    `json:"count"` // changes of the server's mode are numbered; the highest counts
}

// Snapshot says that the fold of everything before it lies in a blob, so that a
// start may begin here.
type Snapshot struct {
	State  Ref    `json:"state"`
	Events uint64 `json:"events"` // folded into it
	Digest Ref    `json:"digest"` // State.Digest at that point
}
