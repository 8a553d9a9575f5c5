package core_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	. "github.com/twinleaf-scan/twinleaf/core"
)

// story tells events one by one, a second apart, and folds them.
type story struct {
	State
	at     time.Time
	events []Event
	salt   string // makes the refs of two tellers differ

	because string // code of failures; default plugin-failed
}

func newStory() *story { return &story{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// tell folds a body of job j.
func (s *story) tell(j JobID, bodies ...Body) {
	for _, b := range bodies {
		s.at = s.at.Add(time.Second)
		e := Event{At: s.at, Job: j, Body: b}
		s.events = append(s.events, e)
		s.Apply(e)
	}
}

// ref makes a blob's name out of words.
func (s *story) ref(words ...any) Ref { return Ref(s.salt + fmt.Sprint(words...)) }

// submit tells of a job with the number of inputs and the destinations.
func (s *story) submit(j JobID, inputs int, destinations ...string) {
	s.tell(j, s.submission(j, inputs, destinations...))
}

func (s *story) submission(j JobID, inputs int, destinations ...string) JobSubmitted {
	sub := JobSubmitted{Name: "scan", Profile: "default", Destinations: destinations, Server: "A"}
	for i := range inputs {
		sub.Inputs = append(sub.Inputs, File{Name: "in", Ref: Ref(fmt.Sprint("input", j, i)), Size: 1})
	}
	return sub
}

// pages is the inspection of an image file of n pages.
func pages(n int) Inspection {
	in := Inspection{Media: "image/tiff"}
	for range n {
		in.Pages = append(in.Pages, PageInfo{Width: 100, Height: 200})
	}
	return in
}

// result is what a stage that goes well makes of a task. Page numbers that
// divide by blankEvery are blank.
func (s *story) result(t Task, blankEvery int) Result {
	switch t.Stage {
	case Ingest:
		in := DocumentIngested{}
		for range t.Document.Inputs {
			in.Inputs = append(in.Inputs, pages(3))
		}
		return in
	case Rasterize:
		return PageRasterized{Image: PageImage{Image: File{Ref: s.ref("image", t.Page)}, Width: 1, Height: 1}}
	case Clean:
		return PageCleaned{Clean: PageClean{Blank: blankEvery > 0 && t.Page%blankEvery == 0}}
	case Recognize:
		return PageRecognized{Text: PageText{Text: File{Ref: s.ref("text", t.Page)}, Words: 5}}
	case Assemble:
		return DocumentAssembled{Outputs: []Output{{Kind: OutputPDF, File: File{Ref: s.ref("pdf", t.Round)}}}}
	}
	return Delivered{Receipt: Receipt{Location: "there"}}
}

// do tells that a task was begun and went well.
func (s *story) do(t Task) {
	s.start(t)
	r, err := t.Complete(s.result(t, 0), time.Second)
	if err != nil {
		panic(err)
	}
	s.tell(t.Job, r)
}

func (s *story) start(t Task) {
	s.tell(t.Job, StageStarted{Stage: t.Stage, Page: t.Page, Destination: t.Destination, Round: t.Round, Attempt: t.Attempt})
}

// fail tells that a task was begun and failed.
func (s *story) fail(t Task, final bool, retry time.Duration) {
	s.start(t)
	f := StageFailed{Stage: t.Stage, Page: t.Page, Destination: t.Destination, Round: t.Round, Attempt: t.Attempt,
		Failures: t.Failures + 1, Final: final, Failure: Failure{Code: cmp.Or(s.because, CodePlugin), Detail: "it crashed"}}
	if !final {
		f.RetryAt = s.at.Add(retry)
	}
	s.tell(t.Job, f)
}

// ready gives the tasks that may be done now.
func (s *story) ready() []Task { return slices.Collect(s.Ready(s.at)) }

// run does every task, failing for good those that fails chooses, until none is left.
func (s *story) run(fails func(Task) bool) {
	for range 10_000 {
		tasks := s.ready()
		if len(tasks) == 0 {
			return
		}
		if fails != nil && fails(tasks[0]) {
			s.fail(tasks[0], true, 0)
		} else {
			s.do(tasks[0])
		}
	}
	panic("the story never ends")
}

// at stage is a shorthand for run.
func atStage(stage Stage, page int) func(Task) bool {
	return func(t Task) bool { return t.Stage == stage && (page == 0 || t.Page == page) }
}

func (s *story) view(t *testing.T, j JobID) JobView {
	t.Helper()
	v, ok := s.Job(j)
	if !ok {
		t.Fatalf("job %s: unknown", j)
	}
	return v
}

func (s *story) wantState(t *testing.T, j JobID, want JobState) {
	t.Helper()
	if got := s.view(t, j).State; got != want {
		t.Fatalf("job %s is %s, want %s", j, got, want)
	}
}

// names gives tasks as words like "rasterize 2".
func names(tasks []Task) []string {
	var out []string
	for _, t := range tasks {
		name := string(t.Stage)
		if t.Page > 0 {
			name += fmt.Sprint(" ", t.Page)
		}
		if t.Destination != "" {
			name += " " + t.Destination
		}
		out = append(out, name)
	}
	return out
}

func (s *story) wantReady(t *testing.T, want ...string) {
	t.Helper()
	if got := names(s.ready()); !slices.Equal(got, want) {
		t.Fatalf("ready:\n got %q\nwant %q", got, want)
	}
}
