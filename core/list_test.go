package core_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	. "github.com/twinleaf-scan/twinleaf/core"
)

func TestSameKeyOnTwoServersIsOneJob(t *testing.T) {
	s := newStory()
	one := s.submission("A-1", 1, "x")
	one.Key, one.Digest = "k", "same"
	two := one
	other := one
	other.Digest = "other"
	s.tell("B-1", two)
	s.tell("B-1", DocumentIngested{Inputs: []Inspection{pages(2)}})
	s.at = s.at.Add(-time.Hour)
	s.tell("A-1", one)
	s.at = s.at.Add(2 * time.Hour)
	s.tell("C-1", other)
	if got := slices.Collect(s.Open()); !slices.Equal(got, []JobID{"A-1", "C-1"}) {
		t.Fatalf("open: %v", got)
	}
	v := s.view(t, "B-1")
	if v.ID != "A-1" || !slices.Equal(v.Aliases, []JobID{"B-1"}) || v.Pages.Total != 2 {
		t.Errorf("B-1 is %+v", v)
	}
	s.tell("B-1", JobCancelled{})
	s.wantState(t, "A-1", Cancelled)
	for _, c := range []struct {
		key, digest string
		id          JobID
		same, used  bool
	}{
		{"k", "same", "A-1", true, true},
		{"k", "other", "C-1", true, true},
		{"k", "third", "A-1", false, true},
		{"l", "same", "", false, false},
		{"", "same", "", false, false},
	} {
		if v, same, used := s.ByKey(c.key, Ref(c.digest)); v.ID != c.id || same != c.same || used != c.used {
			t.Errorf("key %q with %q: got %q %v %v, want %q %v %v", c.key, c.digest, v.ID, same, used, c.id, c.same, c.used)
		}
	}
}

func TestJobsAreListedNewestFirst(t *testing.T) {
	s := newStory()
	for _, id := range []JobID{"A-1", "A-2", "A-3", "A-4"} {
		s.submit(id, 1, "x")
	}
	s.tell("A-3", JobCancelled{})
	ids := func(f Filter) []JobID {
		var out []JobID
		for _, v := range s.Jobs(f) {
			out = append(out, v.ID)
		}
		return out
	}
	for _, c := range []struct {
		filter Filter
		want   []JobID
	}{
		{Filter{}, []JobID{"A-4", "A-3", "A-2", "A-1"}},
		{Filter{Limit: 2}, []JobID{"A-4", "A-3"}},
		{Filter{Limit: 2, After: "A-3"}, []JobID{"A-2", "A-1"}},
		{Filter{State: Queued, Limit: 2}, []JobID{"A-4", "A-2"}},
		{Filter{State: Failed}, nil},
		{Filter{After: "A-9"}, nil},
	} {
		if got := ids(c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %v, want %v", c.filter, got, c.want)
		}
	}
}

func TestForgetKeepsOpenJobsAndTheNewestOthers(t *testing.T) {
	s := newStory()
	for _, id := range []JobID{"A-1", "A-2", "A-3", "A-4"} {
		s.submit(id, 1, "x")
	}
	for _, id := range []JobID{"A-4", "A-3", "A-2"} {
		s.tell(id, JobCancelled{})
	}
	s.tell("A-0", JobHeld{Count: 1}) // its submission never comes
	s.Forget(2)
	var left []JobID
	for _, v := range s.Jobs(Filter{}) {
		left = append(left, v.ID)
	}
	if want := []JobID{"A-2", "A-1"}; !slices.Equal(left, want) {
		t.Errorf("got %v, want %v", left, want)
	}
}

func TestWaitingJobsSayWhatTheyNeed(t *testing.T) {
	s := newStory()
	for _, id := range []JobID{"A-1", "A-2", "A-3", "A-4"} {
		s.submit(id, 1, "x")
	}
	s.tell("A-2", JobHeld{Count: 1})
	s.tell("A-3", DocumentIngested{Inputs: []Inspection{pages(2)}})
	s.tell("A-4", JobCancelled{})
	got := map[JobID]Stage{}
	for id, stage := range s.Waiting(nil) {
		got[id] = stage
	}
	if want := map[JobID]Stage{"A-1": Ingest, "A-3": Recognize}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
