package core_test

import (
	"slices"
	"testing"
	"time"

	. "github.com/twinleaf-scan/twinleaf/core"
)

const j1 JobID = "A-1"

func TestJobGoesThroughItsStages(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x", "y")
	s.wantState(t, j1, Queued)
	s.wantReady(t, "ingest")
	s.do(s.ready()[0])
	s.wantState(t, j1, Running)
	s.wantReady(t, "rasterize 1", "rasterize 2", "rasterize 3")
	s.do(s.ready()[0])
	s.wantReady(t, "clean 1", "rasterize 2", "rasterize 3")
	s.do(s.ready()[0])
	s.wantReady(t, "recognize 1", "rasterize 2", "rasterize 3")
	s.do(s.ready()[1])
	s.wantReady(t, "recognize 1", "clean 2", "rasterize 3")
	for range 6 {
		s.do(s.ready()[0])
	}
	s.wantReady(t, "assemble")
	s.do(s.ready()[0])
	s.wantReady(t, "deliver x", "deliver y")
	s.do(s.ready()[1])
	s.wantReady(t, "deliver x")
	s.do(s.ready()[0])
	s.wantState(t, j1, Completed)
	s.wantReady(t)
	v := s.view(t, j1)
	if want := (PageCounts{Total: 3, Done: 3}); v.Pages != want {
		t.Errorf("pages: got %+v, want %+v", v.Pages, want)
	}
	if v.Finished != s.at || v.Destinations[0].State != DeliveryDone || v.Destinations[1].Receipt.Location != "there" || len(v.Outputs) != 1 {
		t.Errorf("finished at %v with %+v, outputs %v", v.Finished, v.Destinations, v.Outputs)
	}
}

func TestHowJobsEnd(t *testing.T) {
	for _, c := range []struct {
		name   string
		fails  func(Task) bool
		want   JobState
		counts PageCounts
		code   string
	}{
		{"all well", nil, Completed, PageCounts{Total: 3, Done: 3}, ""},
		{"ingest fails", atStage(Ingest, 0), Failed, PageCounts{}, CodePlugin},
		{"a page fails at rasterize", atStage(Rasterize, 2), Partial, PageCounts{Total: 3, Done: 3, Failed: 1}, ""},
		{"a page fails at clean", atStage(Clean, 2), Partial, PageCounts{Total: 3, Done: 3, Failed: 1}, ""},
		{"a page fails at recognize", atStage(Recognize, 2), Partial, PageCounts{Total: 3, Done: 3, Failed: 1}, ""},
		{"no page can be drawn", atStage(Rasterize, 0), Failed, PageCounts{Total: 3, Done: 3, Failed: 3}, CodePlugin},
		{"no page is recognised", atStage(Recognize, 0), Partial, PageCounts{Total: 3, Done: 3, Failed: 3}, ""},
		{"assemble fails", atStage(Assemble, 0), Failed, PageCounts{Total: 3, Done: 3}, CodePlugin},
		{"one destination fails", func(t Task) bool { return t.Destination == "x" }, Failed, PageCounts{Total: 3, Done: 3}, CodePlugin},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory()
			s.submit(j1, 1, "x", "y")
			s.run(c.fails)
			v := s.view(t, j1)
			if v.State != c.want || v.Pages != c.counts || v.Finished != s.at {
				t.Errorf("got %s %+v at %v, want %s %+v at %v", v.State, v.Pages, v.Finished, c.want, c.counts, s.at)
			}
			if (v.Error == nil) != (c.code == "") || v.Error != nil && v.Error.Code != c.code {
				t.Errorf("error: got %v, want code %q", v.Error, c.code)
			}
			if len(v.Failures) != c.counts.Failed {
				t.Errorf("page failures: got %v", v.Failures)
			}
		})
	}
}

func TestMissingLanguageFailsTheJobInsteadOfDeliveringImages(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.because = CodeNoLanguage
	s.run(atStage(Recognize, 0))
	if v := s.view(t, j1); v.State != Failed || v.Error == nil || v.Error.Code != CodeNoLanguage {
		t.Errorf("got %s, %v", v.State, v.Error)
	}
}

func TestDeliveredPartOfFailedJobStays(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x", "y")
	s.run(func(t Task) bool { return t.Destination == "x" })
	d := s.view(t, j1).Destinations
	if d[0].State != DeliveryFailed || d[1].State != DeliveryDone {
		t.Fatalf("destinations: %+v", d)
	}
	s.tell(j1, JobRetried{Round: 1})
	s.wantReady(t, "deliver x")
	if key := s.ready()[0].Document.DeliveryKey("x"); key != "A-1/x" {
		t.Errorf("the same outputs are delivered under key %q, want A-1/x", key)
	}
	s.run(nil)
	s.wantState(t, j1, Completed)
}

func TestRetryOfPartialJobDoesOnlyWhatFailed(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.run(atStage(Recognize, 2))
	s.tell(j1, JobRetried{Round: 1})
	s.wantReady(t, "recognize 2")
	if n := s.ready()[0].Attempt; n != 1 {
		t.Errorf("attempt of a new round: got %d, want 1", n)
	}
	s.do(s.ready()[0])
	s.wantReady(t, "assemble")
	s.do(s.ready()[0])
	s.wantReady(t, "deliver x")
	if key := s.ready()[0].Document.DeliveryKey("x"); key != "A-1/x/1" {
		t.Errorf("better outputs are delivered under key %q, want A-1/x/1", key)
	}
	s.do(s.ready()[0])
	s.wantState(t, j1, Completed)
	if n := s.view(t, j1).Attempts; n != 2 {
		t.Errorf("attempts: got %d, want 2", n)
	}
}

func TestRetryThatChangesNothingDeliversNothing(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.run(atStage(Recognize, 2))
	s.tell(j1, JobRetried{Round: 1})
	told := len(s.events)
	s.run(atStage(Recognize, 2))
	s.wantState(t, j1, Partial)
	if n := len(s.events) - told; n != 2 {
		t.Errorf("%d events after the retry, want the start and the failure of page 2: %v", n, s.events[told:])
	}
}

func TestRetryAfterIngestFailed(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.run(atStage(Ingest, 0))
	s.tell(j1, JobRetried{Round: 1})
	s.run(nil)
	s.wantState(t, j1, Completed)
}

func TestFailedAttemptWaitsAndIsCounted(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.do(s.ready()[0])
	s.fail(s.ready()[0], false, time.Minute)
	s.wantReady(t, "rasterize 2", "rasterize 3")
	wake, ok := s.NextWake(s.at)
	if want := s.at.Add(time.Minute - time.Second); !ok || wake != want {
		t.Fatalf("wakes at %v, want %v", wake, want)
	}
	s.at = wake
	s.wantReady(t, "rasterize 1", "rasterize 2", "rasterize 3")
	if got := s.ready()[0]; got.Attempt != 2 || got.Failures != 1 || got.Interrupted != 0 {
		t.Errorf("attempt %d, %d failures, %d interrupted; want 2, 1, 0", got.Attempt, got.Failures, got.Interrupted)
	}
}

func TestPoisonPageWaitsBehindTheOthers(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.do(s.ready()[0])
	s.start(s.ready()[0])
	s.wantReady(t, "rasterize 1", "rasterize 2", "rasterize 3")
	s.start(s.ready()[0])
	s.wantReady(t, "rasterize 2", "rasterize 3", "rasterize 1")
	if got := s.ready()[2]; got.Interrupted != 2 || got.Attempt != 3 {
		t.Errorf("interrupted %d, attempt %d; want 2, 3", got.Interrupted, got.Attempt)
	}
}

func TestHoldReleaseAndCancel(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.tell(j1, JobHeld{Reason: "wait", Count: 1})
	s.wantState(t, j1, Held)
	s.wantReady(t)
	if r := s.view(t, j1).Reason; r != "wait" {
		t.Errorf("reason %q", r)
	}
	s.tell(j1, JobReleased{Count: s.NextHold(j1)})
	s.wantState(t, j1, Queued)
	s.tell(j1, JobHeld{Count: 1}) // comes late
	s.wantState(t, j1, Queued)
	s.tell(j1, JobCancelled{Reason: "wrong", Pages: PageCounts{Total: 9}})
	s.wantState(t, j1, Cancelled)
	s.tell(j1, JobRetried{Round: 1}, JobReleased{Count: 7})
	s.wantState(t, j1, Cancelled)
	if v := s.view(t, j1); v.Reason != "wrong" || v.Pages.Total != 9 {
		t.Errorf("got %+v", v)
	}
}

func TestJobSubmittedHeldWaitsForRelease(t *testing.T) {
	s := newStory()
	sub := s.submission(j1, 1, "x")
	sub.Held = true
	s.tell(j1, sub)
	s.wantState(t, j1, Held)
	s.tell(j1, JobReleased{Count: s.NextHold(j1)})
	s.wantState(t, j1, Queued)
}

func TestBlankPageIsNotRecognised(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	for len(s.ready()) > 0 {
		next := s.ready()[0]
		if next.Stage == Recognize && next.Page == 2 {
			t.Fatal("the blank page is to be recognised")
		}
		r, err := next.Complete(s.result(next, 2), 0)
		if err != nil {
			t.Fatal(err)
		}
		s.tell(j1, r)
	}
	s.wantState(t, j1, Completed)
	if got, want := s.view(t, j1).Pages, (PageCounts{Total: 3, Done: 3, Blank: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestBornDigitalPages(t *testing.T) {
	mixed := Inspection{PDF: &PDFInfo{}, Pages: []PageInfo{{Text: true}, {}, {Hidden: true}}}
	rebuild := Inspection{PDF: &PDFInfo{Rebuild: true}, Pages: mixed.Pages}
	for _, c := range []struct {
		name   string
		mode   Mode
		inputs []Inspection
		want   []string
		graft  bool
	}{
		{"skip", ModeSkip, []Inspection{mixed}, []string{"recognize 1", "rasterize 2", "rasterize 3"}, true},
		{"redo", ModeRedo, []Inspection{mixed}, []string{"rasterize 1", "rasterize 2", "rasterize 3"}, true},
		{"force", ModeForce, []Inspection{mixed}, []string{"rasterize 1", "rasterize 2", "rasterize 3"}, false},
		{"rebuild", ModeSkip, []Inspection{rebuild}, []string{"rasterize 1", "rasterize 2", "rasterize 3"}, false},
		{"beside another input", ModeSkip, []Inspection{mixed, pages(1)},
			[]string{"rasterize 1", "rasterize 2", "rasterize 3", "rasterize 4"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory()
			sub := s.submission(j1, len(c.inputs), "x")
			sub.Options.Mode = c.mode
			s.tell(j1, sub, DocumentIngested{Inputs: c.inputs})
			s.wantReady(t, c.want...)
			first := s.ready()[0]
			if first.Graft != c.graft || first.Born != (first.Stage == Recognize) {
				t.Errorf("graft %v, born %v", first.Graft, first.Born)
			}
			last := s.ready()[len(c.want)-1]
			if in := last.Input.Ref; in != sub.Inputs[len(c.inputs)-1].Ref {
				t.Errorf("last page is of input %s", in)
			}
		})
	}
}

func TestEventsBeforeTheirCause(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.run(atStage(Clean, 3))
	var back State
	for _, e := range slices.Backward(s.events) {
		back.Apply(e)
	}
	if got, want := back.String(), s.State.String(); got != want {
		t.Errorf("backwards:\n%s\nforwards:\n%s", got, want)
	}
}
