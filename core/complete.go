package core

import (
	"fmt"
	"time"
)

// Complete makes the event's body out of what a stage gave back for the task: it
// fills in which work it is the result of and how long it took. A result of
// another stage is an error.
func (t Task) Complete(r Result, took time.Duration) (Result, error) {
	switch b := r.(type) {
	case DocumentIngested:
		b.Took = took
		return b, t.must(Ingest)
	case PageRasterized:
		b.Page, b.Took = t.Page, took
		return b, t.must(Rasterize)
	case PageCleaned:
		b.Page, b.Took = t.Page, took
		return b, t.must(Clean)
	case PageRecognized:
		b.Page, b.Took = t.Page, took
		return b, t.must(Recognize)
	case DocumentAssembled:
		b.Took, b.Round = took, t.Round
		b.Pages, b.Blank, b.Failed = t.tally()
		return b, t.must(Assemble)
	case Delivered:
		b.Took, b.Destination = took, t.Destination
		if t.Document != nil {
			b.Round = t.Document.Round
		}
		return b, t.must(Deliver)
	}
	return nil, fmt.Errorf("stage %s gave a result of type %T", t.Stage, r)
}

func (t Task) must(stage Stage) error {
	if t.Stage != stage {
		return fmt.Errorf("stage %s gave the result of stage %s", t.Stage, stage)
	}
	return nil
}

// tally counts the pages of a document that is ready to be assembled. A separator
// sheet that is left out is missed by nobody, even if it failed.
func (t Task) tally() (pages, blank int, failed []int) {
	if t.Document == nil {
		return 0, 0, nil
	}
	for _, p := range t.Document.Pages {
		if p.Failure == nil && p.Blank() {
			blank++
		}
	}
	for _, part := range t.Options.Parts(t.Document.Pages) {
		for _, p := range part.Pages {
			if p.Failure != nil {
				failed = append(failed, p.Number)
			}
		}
	}
	return len(t.Document.Pages), blank, failed
}
