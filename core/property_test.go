package core_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	. "github.com/twinleaf-scan/twinleaf/core"
)

// chaos works on a state as a careless server would: it crashes, fails, retries,
// holds and cancels as the dice say.
type chaos struct {
	story
	dice *rand.Rand
}

func newChaos(seed uint64, salt string, start time.Duration) *chaos {
	c := &chaos{dice: rand.New(rand.NewPCG(seed, 1))}
	c.story = *newStory()
	c.salt, c.at = salt, c.at.Add(start)
	return c
}

// share takes over what another server has told.
func (c *chaos) share(events []Event) {
	for _, e := range events {
		c.Apply(e)
	}
}

// work does at most n tasks or other deeds; it reports whether there is nothing more to do.
func (c *chaos) work(n int) bool {
	for range n {
		c.at = c.at.Add(time.Duration(c.dice.IntN(1000)) * time.Millisecond)
		tasks := c.ready()
		if len(tasks) == 0 {
			wake, ok := c.NextWake(c.at)
			if !ok {
				return true
			}
			c.at = wake
			continue
		}
		c.deed(tasks[c.dice.IntN(len(tasks))])
	}
	return false
}

func (c *chaos) deed(t Task) {
	switch dice := c.dice.IntN(100); {
	case dice < 5 && t.Interrupted < 20:
		c.start(t)
	case dice < 20 && t.Failures < 2:
		c.fail(t, false, time.Minute)
	case dice < 24:
		c.fail(t, true, 0)
	case dice < 26:
		c.tell(t.Job, JobHeld{Reason: fmt.Sprint(dice), Count: c.dice.IntN(3)})
	default:
		c.start(t)
		made := c.result(t, 1+c.dice.IntN(4))
		switch m := made.(type) {
		case DocumentAssembled:
			made = c.embellish(m)
		case PageCleaned:
			m.Clean.Separator = c.dice.IntN(3) > 0
			made = m
		}
		r, err := t.Complete(made, time.Millisecond)
		if err != nil {
			panic(err)
		}
		c.tell(t.Job, r)
	}
}

// embellish adds fields, and sometimes that some are missing.
func (c *chaos) embellish(a DocumentAssembled) DocumentAssembled {
	a.Fields = map[string]string{"from": c.salt, "dice": fmt.Sprint(c.dice.IntN(3))}
	for range c.dice.IntN(3) {
		a.Unindexed = append(a.Unindexed, IndexFailure{Indexer: c.salt})
	}
	return a
}

// split is where a job is split, if it is.
func (c *chaos) split() *Split {
	if c.dice.IntN(3) == 0 {
		return nil
	}
	return &Split{At: []string{SplitBlank, SplitSeparator}[c.dice.IntN(2):], Keep: c.dice.IntN(4) == 0}
}

// meddle does what people do.
func (c *chaos) meddle() {
	for _, v := range c.Jobs(Filter{}) {
		switch dice := c.dice.IntN(10); {
		case v.State == Held:
			c.tell(v.ID, JobReleased{Count: 3})
		case (v.State == Failed || v.State == Partial) && dice < 3:
			c.tell(v.ID, JobRetried{Round: v.Attempts})
		case v.State.Open() && dice < 1:
			c.tell(v.ID, JobCancelled{Reason: c.salt})
		}
	}
	switch of, epoch := string("AB"[c.dice.IntN(2)]), c.dice.IntN(100); c.dice.IntN(4) {
	case 0:
		c.tell("", TakeoverBegan{Epoch: epoch, Of: of, Cause: "network"})
	case 1:
		c.tell("", HandedBack{Epoch: epoch, Of: of})
	case 2:
		c.tell("", ModeChanged{Server: of, Mode: c.salt, Count: c.dice.IntN(3)})
	}
	c.tell("", SettingChanged{Key: "profile/x", Value: []byte(`"` + c.salt + `"`), Revision: c.dice.IntN(4)})
}

// history is what two servers that see each other only now and then tell of the
// same jobs, some of which were submitted to both under one key.
func history(seed uint64, jobs int) []Event {
	a, b := newChaos(seed, "a", 0), newChaos(seed+1, "b", 30*time.Millisecond)
	for n := range jobs {
		sub := a.submission(JobID(fmt.Sprint("A-", n)), 1+a.dice.IntN(2), "x", "y")
		sub.Options.Split = a.split()
		if n%2 == 1 {
			sub.Key, sub.Digest = fmt.Sprint("key", n), "digest"
			b.tell(JobID(fmt.Sprint("B-", n)), sub)
		}
		a.tell(JobID(fmt.Sprint("A-", n)), sub)
	}
	all := slices.Concat(a.events, b.events)
	a.share(b.events)
	b.share(a.events)
	for range 1 + a.dice.IntN(6) {
		fromA, fromB := len(a.events), len(b.events)
		a.work(1 + a.dice.IntN(20))
		b.work(1 + b.dice.IntN(20))
		a.meddle()
		b.meddle()
		newA, newB := a.events[fromA:], b.events[fromB:]
		all = slices.Concat(all, newA, newB)
		if a.dice.IntN(2) == 0 {
			a.share(newB)
		}
		if b.dice.IntN(2) == 0 {
			b.share(newA)
		}
	}
	return all
}

func fold(events []Event) *State {
	s := &State{}
	for _, e := range events {
		s.Apply(e)
	}
	return s
}

func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 4).Draw(t, "jobs"))
		want := fold(events)
		shuffled := rapid.Permutation(events).Draw(t, "order")
		got := fold(shuffled)
		if got.Digest() != want.Digest() {
			t.Fatalf("another order gives another state:\n%s", diff(got, want))
		}
		for _, e := range shuffled[:len(shuffled)/2] {
			got.Apply(e)
		}
		if got.Digest() != want.Digest() {
			t.Fatalf("folding twice gives another state:\n%s", diff(got, want))
		}
		sameViews(t, got, want)
	})
}

// diff shows the first lines that differ.
func diff(a, b *State) string {
	la, lb := strings.Split(a.String(), "\n"), strings.Split(b.String(), "\n")
	for i := range min(len(la), len(lb)) {
		if la[i] != lb[i] {
			return fmt.Sprintf("line %d\n got %s\nwant %s", i+1, la[i], lb[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(la), len(lb))
}

func sameViews(t *rapid.T, got, want *State) {
	g, w := fmt.Sprintf("%+v", views(got)), fmt.Sprintf("%+v", views(want))
	if g != w {
		t.Fatalf("the jobs look different:\n got %s\nwant %s", g, w)
	}
	if g, w := readyNames(got), readyNames(want); !slices.Equal(g, w) {
		t.Fatalf("the queue differs:\n got %q\nwant %q", g, w)
	}
}

func views(s *State) []string {
	var out []string
	for _, v := range s.Jobs(Filter{Limit: 1000}) {
		out = append(out, fmt.Sprintln(v.ID, v.State, v.Pages, v.Started, v.Finished, v.Attempts, len(v.Failures), v.Error, len(v.Outputs), v.Fields, v.Unindexed, v.Epoch))
	}
	for _, of := range []string{"A", "B"} {
		epoch, cause, taken := s.TakenOver(of)
		mode, _, count := s.Mode(of)
		out = append(out, fmt.Sprintln(of, epoch, cause, taken, mode, count, s.Epoch()))
	}
	return out
}

func readyNames(s *State) []string { return names(slices.Collect(s.Ready(farFuture))) }

var farFuture = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func TestEveryPrefixFoldsAndSurvivesASnapshot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := history(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 3).Draw(t, "jobs"))
		cut := rapid.IntRange(0, len(events)).Draw(t, "cut")
		s := fold(events[:cut])
		restored, err := DecodeState(strings.NewReader(s.String()))
		if err != nil {
			t.Fatal(err)
		}
		if restored.Digest() != s.Digest() {
			t.Fatalf("a snapshot changes the state:\n%s", diff(restored, s))
		}
		sameViews(t, restored, s)
		for _, e := range events[cut:] {
			restored.Apply(e)
			s.Apply(e)
		}
		if restored.Digest() != s.Digest() {
			t.Fatalf("folding on from a snapshot gives another state:\n%s", diff(restored, s))
		}
		sameViews(t, restored, s)
	})
}

func TestReadyNeverYieldsFinishedWork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(rapid.Uint64().Draw(t, "seed"), "a", 0)
		c.submit("A-1", 2, "x", "y")
		finished := map[TaskKey]int{}
		for range 200 {
			before := len(c.events)
			c.work(1)
			for _, e := range c.events[before:] {
				if key, ok := resultKey(e); ok {
					finished[key]++
				}
			}
			for _, task := range c.ready() {
				if task.Page > 0 && finished[task.Key()] > 0 {
					t.Fatalf("%v is ready although it is finished", task.Key())
				}
			}
		}
	})
}

// resultKey is the page work that an event finishes.
func resultKey(e Event) (TaskKey, bool) {
	switch b := e.Body.(type) {
	case PageRasterized:
		return TaskKey{e.Job, Rasterize, b.Page, ""}, true
	case PageCleaned:
		return TaskKey{e.Job, Clean, b.Page, ""}, true
	case PageRecognized:
		return TaskKey{e.Job, Recognize, b.Page, ""}, true
	}
	return TaskKey{}, false
}

func TestEveryRunEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChaos(rapid.Uint64().Draw(t, "seed"), "a", 0)
		for n := range rapid.IntRange(1, 5).Draw(t, "jobs") {
			sub := c.submission(JobID(fmt.Sprint("A-", n)), 1+n%2, "x")
			sub.Options.Split = c.split()
			c.tell(JobID(fmt.Sprint("A-", n)), sub)
		}
		for range 10 {
			c.work(300)
			for _, v := range c.Jobs(Filter{State: Held}) {
				c.tell(v.ID, JobReleased{Count: 9})
			}
		}
		for range 100 {
			if c.work(100) {
				break
			}
		}
		for _, v := range c.Jobs(Filter{}) {
			if v.State.Open() {
				t.Fatalf("job %s is %s for ever: %+v", v.ID, v.State, v)
			}
		}
	})
}

// TestIndexAgreesWithCounting holds the index that finds the next task quickly
// against a state that was built from a snapshot at once.
func TestIndexAgreesWithCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := fold(rapid.Permutation(history(rapid.Uint64().Draw(t, "seed"), 2)).Draw(t, "order"))
		fresh, err := DecodeState(strings.NewReader(s.String()))
		if err != nil {
			t.Fatal(err)
		}
		sameViews(t, s, fresh)
	})
}
