package core

// Task is one piece of work, complete in itself: a stage needs nothing else.
// Tasks are values; the slices and pointers in them are never written to.
type Task struct {
	Job         JobID
	Stage       Stage
	Page        int    // 1-based page of the document; 0 for ingest, assemble, deliver
	Destination string // deliver only
	Round       int    // of JobRetried
	Attempt     int    // 1 for the first of the round
	Failures    int    // attempts of this round that ended with a failure
	Interrupted int    // attempts of this round that never ended: the server went down
	Last        bool   // no attempt of this round follows if this one fails

	Name    string
	Options Options // with defaults filled in

	Input     File      // rasterize: the input that holds the page; ingest: unused, see Document
	InputPage int       // rasterize: 1-based page inside Input
	Info      PageInfo  // rasterize, clean, recognize
	Born      bool      // recognize: the page keeps its own text, which the reader gives
	Graft     bool      // the document keeps its own pages, see Document.Graft
	Image     PageImage // clean, recognize
	Clean     PageClean // recognize

	Document *Document // ingest, assemble and deliver (without its pages): a copy of what is known of the whole job
}

// TaskKey is a piece of work whatever the attempt.
type TaskKey struct {
	Job         JobID
	Stage       Stage
	Page        int
	Destination string
}

// Key identifies the work of the task whatever the attempt.
func (t Task) Key() TaskKey { return TaskKey{t.Job, t.Stage, t.Page, t.Destination} }
