package core_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	. "github.com/twinleaf-scan/twinleaf/core"
)

var why = &Failure{Code: "parity", Detail: "the filter is another one there"}

func TestWithheldJobHasNoTasksAndSaysWhy(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	before := s.Digest()
	s.Withhold(j1, why)
	s.Withhold("nobody", why)
	s.wantState(t, j1, Held)
	s.wantReady(t)
	if v := s.view(t, j1); v.Error != why || v.Reason != why.Detail {
		t.Errorf("it is shown as %+v", v)
	}
	if s.Digest() != before || strings.Contains(s.String(), "parity") {
		t.Error("the mark is in the snapshot")
	}
	for range s.Waiting(nil) {
		t.Error("a withheld job waits for a slot")
	}

	s.tell(j1, DocumentIngested{Inputs: []Inspection{pages(1)}}) // of the other server
	s.wantState(t, j1, Held)
	s.tell(j1, JobHeld{Reason: "a person", Count: 1})
	if v := s.view(t, j1); v.Reason != "a person" || v.Error != why || !s.Holding(j1) {
		t.Errorf("held by a person too: %+v", v)
	}
	s.tell(j1, JobReleased{Count: 2})
	if s.Holding(j1) || s.Withheld(j1) != why {
		t.Error("releasing what a person held lifted the mark")
	}
	s.wantReady(t)
	s.Withhold(j1, nil)
	s.wantReady(t, "rasterize 1")
	if v := s.view(t, j1); v.Error != nil || v.Reason != "" {
		t.Errorf("after it was lifted: %+v", v)
	}
}

func TestTwinOfAWithheldJobIsWithheld(t *testing.T) {
	for _, marked := range []int{0, 1} {
		s := newStory()
		sub := s.submission("A-1", 1, "x")
		sub.Key, sub.Digest = "key", "digest"
		other := newStory()
		s.tell("A-1", sub)
		other.tell("B-1", sub)
		both := []*story{s, other}
		both[marked].Withhold([]JobID{"A-1", "B-1"}[marked], why)
		s.Merge(&other.State)
		if v := s.view(t, "B-1"); v.ID != "A-1" || v.State != Held || v.Error != why {
			t.Errorf("marked on %d: %+v", marked, v)
		}
	}
}

func TestMarkOfAnEndedJobIsGone(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.Withhold(j1, why)
	s.tell(j1, JobCancelled{})
	if v := s.view(t, j1); v.State != Cancelled || v.Error != nil || s.Withheld(j1) != nil {
		t.Errorf("%+v", v)
	}
}

func TestNeedsShrinkAsWorkGoesOn(t *testing.T) {
	s := newStory()
	sub := s.submission(j1, 1, "x", "y")
	sub.Options.Indexers = []Step{{Plugin: "fields"}}
	s.tell(j1, sub)
	for _, c := range []struct {
		stage Stage // the next one
		want  []StepKind
	}{
		{Ingest, []StepKind{StepReader, StepFilter, StepRecognizer, StepIndexer, StepAssembler, StepDeliverer}},
		{Rasterize, []StepKind{StepReader, StepFilter, StepRecognizer, StepIndexer, StepAssembler, StepDeliverer}},
		{Assemble, []StepKind{StepIndexer, StepAssembler, StepDeliverer}},
		{Deliver, []StepKind{StepDeliverer}},
	} {
		for s.ready()[0].Stage != c.stage {
			s.do(s.ready()[0])
		}
		n, open := s.Needs(j1)
		if !open || n.ID != j1 || !slices.Equal(n.Kinds, c.want) || !slices.Equal(n.Destinations, []string{"x", "y"}) {
			t.Errorf("before %s: %+v, want %v", c.stage, n, c.want)
		}
		if want := c.stage != Ingest; (len(n.Media) == 1 && n.Media[0] == "image/tiff") != want {
			t.Errorf("before %s: media %q", c.stage, n.Media)
		}
	}
	s.do(s.ready()[0])
	if n, _ := s.Needs(j1); !slices.Equal(n.Destinations, []string{"y"}) {
		t.Errorf("after one delivery: %+v", n)
	}
	s.do(s.ready()[0])
	if _, open := s.Needs(j1); open {
		t.Error("an ended job needs something")
	}
}

func TestNeedsOfPages(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.tell(j1, DocumentIngested{Inputs: []Inspection{pages(1)}})
	for _, want := range [][]StepKind{
		{StepReader, StepFilter, StepRecognizer, StepAssembler, StepDeliverer},
		{StepFilter, StepRecognizer, StepAssembler, StepDeliverer},
		{StepRecognizer, StepAssembler, StepDeliverer},
	} {
		if n, _ := s.Needs(j1); !slices.Equal(n.Kinds, want) {
			t.Errorf("got %v, want %v", n.Kinds, want)
		}
		s.do(s.ready()[0])
	}
}

func TestBlobsThatEventsName(t *testing.T) {
	for _, c := range []struct {
		body Body
		want []Ref
	}{
		{JobSubmitted{Inputs: []File{{Ref: "a"}, {Ref: "b"}}}, []Ref{"a", "b"}},
		{Snapshot{State: "s"}, []Ref{"s"}},
		{PageRasterized{Image: PageImage{Image: File{Ref: "i"}, Shown: &File{Ref: "o"}}}, []Ref{"i", "o"}},
		{DocumentAssembled{Outputs: []Output{{File: File{Ref: "p"}}}}, []Ref{"p"}},
		{StageStarted{}, nil},
	} {
		if got := BodyRefs(c.body); !slices.Equal(got, c.want) {
			t.Errorf("%T: got %v, want %v", c.body, got, c.want)
		}
	}
}

// Every blob that a task reads is one that the state still needs: none of them is swept
// before, and none is looked for in vain on the peer.
func TestTasksReadOnlyWhatIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(rapid.Uint64().Draw(t, "seed"), "a", 0)
		c.submit("A-1", 2, "x", "y")
		for range 60 {
			needed := map[Ref]bool{}
			for r := range c.Refs() {
				needed[r] = true
			}
			for _, task := range c.ready() {
				n := 0
				for r := range task.Refs() {
					if n++; !needed[r] {
						t.Fatalf("%v reads %s, which nothing keeps", task.Key(), r)
					}
				}
				if n == 0 {
					t.Fatalf("%v reads nothing", task.Key())
				}
			}
			c.work(1)
			c.meddle()
		}
	})
}
