package core

import "iter"

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

// Refs gives the blobs that the stage will read.
func (t Task) Refs() iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for _, f := range t.reads() {
			if f != nil && f.Ref != "" && !yield(f.Ref) {
				return
			}
		}
	}
}

func (t Task) reads() []*File {
	switch {
	case t.Stage == Rasterize || t.Stage == Recognize && t.Born:
		return []*File{&t.Input}
	case t.Stage == Clean, t.Stage == Recognize && t.Clean.Image == nil:
		return []*File{&t.Image.Image}
	case t.Stage == Recognize:
		return []*File{t.Clean.Image}
	case t.Document == nil:
		return nil
	case t.Stage == Deliver:
		return t.Document.made()
	case t.Stage == Ingest:
		return t.Document.given()
	}
	return append(t.Document.given(), t.Document.drawn()...)
}

// given are the inputs, made the outputs, drawn what was made of the pages.
func (d *Document) given() (files []*File) {
	for i := range d.Inputs {
		files = append(files, &d.Inputs[i])
	}
	return files
}

func (d *Document) made() (files []*File) {
	for i := range d.Outputs {
		files = append(files, &d.Outputs[i].File)
	}
	return files
}

func (d *Document) drawn() (files []*File) {
	for _, p := range d.Pages {
		if p.Image != nil && !d.Graft() {
			files = append(files, &p.Image.Image, p.Image.Shown)
		}
		if p.Clean != nil && !d.Graft() {
			files = append(files, p.Clean.Shown)
		}
		if p.Text != nil {
			files = append(files, &p.Text.Text)
		}
	}
	return files
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
