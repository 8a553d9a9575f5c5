package core_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	. "github.com/twinleaf-scan/twinleaf/core"
)

// split divides events among states at random; some go to several of them. Each is in an
// order of its own, and some are as a snapshot gives them back.
func split(t *rapid.T, events []Event, n int) []*State {
	parts := make([][]Event, n)
	dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "split"), 1))
	for _, e := range events {
		for some := false; !some; {
			for i := range parts {
				if dice.IntN(5) < 2 {
					parts[i], some = append(parts[i], e), true
				}
			}
		}
	}
	states := make([]*State, n)
	for i, part := range parts {
		dice.Shuffle(len(part), func(a, b int) { part[a], part[b] = part[b], part[a] })
		states[i] = fold(part)
		if dice.IntN(2) == 0 {
			states[i] = reread(t, states[i])
		}
	}
	return states
}

func reread(t *rapid.T, s *State) *State {
	again, err := DecodeState(strings.NewReader(s.String()))
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func merged(states ...*State) *State {
	s := &State{}
	for _, o := range states {
		s.Merge(o)
	}
	return s
}

func TestMergeIsTheFoldOfBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 4).Draw(t, "jobs"))
		want := fold(events)
		states := split(t, events, 3)
		before := []string{states[0].String(), states[1].String(), states[2].String()}
		for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2, 1, 1}} {
			got := &State{}
			for _, i := range order {
				got.Merge(states[i])
			}
			if got.Digest() != want.Digest() {
				t.Fatalf("merged as %v:\n%s", order, diff(got, want))
			}
			sameViews(t, got, want)
		}
		right := merged(states[1], states[2])
		left := merged(states[0])
		left.Merge(right)
		left.Merge(left)
		if left.Digest() != want.Digest() {
			t.Fatalf("it is not associative:\n%s", diff(left, want))
		}
		for i, s := range states {
			if s.String() != before[i] {
				t.Fatalf("state %d changed by being merged into another", i)
			}
		}
	})
}

// What is folded after a merge, or into one of the two alone, must not show in the other.
func TestFoldGoesOnAfterAMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 3).Draw(t, "jobs"))
		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		states := split(t, events[:cut], 2)
		alone := states[1].String()
		got, want := merged(states...), fold(events)
		for _, e := range events[cut:] {
			got.Apply(e)
		}
		if got.Digest() != want.Digest() {
			t.Fatalf("folding on gives another state:\n%s", diff(got, want))
		}
		sameViews(t, got, want)
		if states[1].String() != alone {
			t.Fatal("folding on changed a state that was merged in")
		}
	})
}

// A forgotten job is nowhere or whole, never a part of itself, and does not come back by
// being merged with a state that forgot it too.
func TestMergeOfWhatWasForgotten(t *testing.T) {
	s := newStory()
	s.submit("A-1", 1, "x")
	s.run(nil)
	s.submit("A-2", 1, "x")
	s.run(nil)
	knows, forgets := fold(s.events), fold(s.events)
	whole := knows.Digest()
	forgets.Forget(1)
	if got := merged(forgets, forgets); got.Digest() != forgets.Digest() || got.Digest() == whole {
		t.Errorf("two that forgot the same differ from one:\n%s", diff(got, forgets))
	}
	if got := merged(forgets, knows); got.Digest() != whole {
		t.Errorf("what one still knows is not whole:\n%s", diff(got, knows))
	}
}

// The fold of each half knows the twin under another id.
func TestMergeFindsTwinsOfTwins(t *testing.T) {
	s := newStory()
	sub := s.submission("", 1, "x", "y")
	sub.Key, sub.Digest = "key", "digest"
	for _, id := range []JobID{"C-1", "A-1", "B-1"} {
		s.tell(id, sub)
	}
	s.tell("B-1", DocumentIngested{Inputs: []Inspection{pages(2)}})
	want := fold(s.events)
	a := fold([]Event{s.events[0], s.events[1]})
	b := fold([]Event{s.events[2], s.events[3]})
	stub := fold(s.events[3:])
	for name, got := range map[string]*State{
		"both ways": merged(a, b), "other way": merged(b, a), "stub first": merged(stub, a, b), "stub last": merged(a, b, stub),
		"stub of an alias": merged(stub, fold(s.events[:3])), "alias of a stub": merged(fold(s.events[:3]), stub),
		"third twin joins two": merged(fold(s.events[1:2]), fold([]Event{s.events[0], s.events[2]}), stub),
	} {
		if got.Digest() != want.Digest() {
			t.Errorf("%s:\n%s", name, diff(got, want))
		}
		for _, id := range []JobID{"A-1", "B-1", "C-1"} {
			if v, ok := got.Job(id); !ok || v.ID != "C-1" || len(v.Aliases) != 2 {
				t.Errorf("%s: %s is %+v", name, id, v)
			}
		}
	}
}

// Of twins of the same instant one may be sealed already, and so have dropped its inputs.
func TestMergeOfSealedTwins(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sub := func(id JobID, server, input string) Event {
		return Event{At: at, Job: id, Body: JobSubmitted{Name: "scan", Server: server, Key: "k", Digest: "d", Inputs: []File{{Name: input}}}}
	}
	events := []Event{sub("A-1", "A", "z"), sub("B-1", "B", "a"), {At: at, Job: "A-1", Body: JobCancelled{}}}
	want := fold(events)
	for _, cut := range []int{1, 2} {
		x, y := slices.Clone(events[:cut]), append(slices.Clone(events[cut:]), events[0])
		if got := merged(fold(x), fold(y)); got.Digest() != want.Digest() {
			t.Errorf("cut at %d:\n%s", cut, diff(got, want))
		}
	}
}
