package pipeline

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

var errParity = &core.Failure{Code: "parity", Detail: "the reader is another one there", Remedy: "run pair sync"}

// gate refuses by what a job needs, and remembers what it was asked.
type gate struct {
	mu     sync.Mutex // guards asked
	asked  []GateJob
	refuse func(GateJob) bool
}

func (g *gate) allow(j GateJob) *core.Failure {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, j)
	if g.refuse(j) {
		return errParity
	}
	return nil
}

func TestJobsThatTheGateRefusesAreWithheld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		own, good, bad := w.b.submit(core.Submission{}), w.a.submit(core.Submission{}), w.a.submit(core.Submission{Name: "bad"})
		w.sync()
		var g gate
		mine := w.b.submit(core.Submission{Name: "mine"})
		g.refuse = func(j GateJob) bool { return j.ID == bad || j.ID == mine }
		w.b.Gate(g.allow)
		if got := w.state(w.b, bad); got != core.Queued {
			t.Errorf("the job is %s although nobody works on it here", got)
		}
		w.b.Work(Own)
		w.b.Work(Peers)
		w.b.wait(own, core.Completed)
		w.b.wait(good, core.Completed)
		v := w.b.wait(bad, core.Held)
		if v.Error == nil || *v.Error != *errParity {
			t.Errorf("it is held because of %v", v.Error)
		}
		wantCode(t, w.b.Release(t.Context(), bad), core.CodeConflict)
		if got := w.state(w.b, mine); got != core.Held {
			t.Errorf("the own job that the gate refuses is %s", got)
		}
		for _, task := range w.b.stages.starts(core.Ingest) {
			if task.task.Job == bad {
				t.Error("it was begun")
			}
		}
		if j := g.asked[0]; j.Server != map[bool]string{true: "B", false: "A"}[j.ID == own || j.ID == mine] || len(j.Kinds) != 5 || !slices.Equal(j.Destinations, []string{core.DefaultDestination}) || j.Options.Mode != core.ModeSkip {
			t.Errorf("asked about %+v", j)
		}

		w.b.Stop(Peers)
		w.b.wait(bad, core.Queued)
		w.b.Work(Peers)
		w.b.wait(bad, core.Held)
		w.b.Gate(nil)
		w.b.wait(bad, core.Completed)
		w.sync()
		w.sameState()
	})
}

// The answer may change when the inputs have been looked at, and for jobs that come later.
func TestGateIsAskedWhenMoreIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		var g gate
		g.refuse = func(j GateJob) bool { return slices.Contains(j.Media, "image/tiff") }
		w.b.Gate(g.allow)
		w.b.Work(Peers)
		id := w.a.submit(core.Submission{})
		w.sync()
		w.b.wait(id, core.Held)
		if n := w.b.stages.begunSoFar(); n != 1 {
			t.Errorf("%d tasks were begun, want only ingest", n)
		}
		g.mu.Lock()
		g.refuse = func(j GateJob) bool { return false }
		g.mu.Unlock()
		w.b.wantBegun(time.Minute, 1) // nobody told
		w.b.Gate(g.allow)
		w.b.wait(id, core.Completed)
	})
}

// Between Work and the first question to the gate nothing of the peer is begun.
func TestNothingIsBegunBeforeTheGateWasAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		w.end()
		d := newDispatcher(w.b.Pipeline)
		steps := []struct {
			what string
			do   func()
			want bool
		}{
			{"work", func() { d.Work(Peers) }, false},
			{"asked", d.settleSides, true},
			{"another gate", func() { d.Gate(nil) }, false},
			{"asked again", d.settleSides, true},
			{"stop", func() { d.Stop(Peers) }, false},
		}
		for _, s := range steps {
			s.do()
			if got := d.working()[Peers]; got != s.want {
				t.Errorf("after %s: the peer's jobs may be begun: %v", s.what, got)
			}
		}
	})
}

func TestWithheldJobIsLiftedWhenItTurnsOutToBeAnOwnOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		sub := core.Submission{Key: "k", Files: []core.File{w.a.put("scan")}}
		w.b.put("scan")
		first := w.b.submit(sub)
		time.Sleep(time.Second)
		second := w.a.submit(sub)
		w.b.lose() // it knows only the other's for now
		g := gate{refuse: func(j GateJob) bool { return j.Server == "A" }}
		w.b.Gate(g.allow)
		w.b.Work(Peers)
		if err := w.feed(w.a, w.b); err != nil {
			t.Fatal(err)
		}
		w.b.wait(second, core.Held)
		if _, err := w.b.Adopt(t.Context(), w.b.lost(first, sub)); err != nil {
			t.Fatal(err)
		}
		w.b.Work(Own)
		w.b.wait(second, core.Completed)
	})
}

// lost is the event of a submission that the journal does not have any more.
func (r *rig) lost(id core.JobID, sub core.Submission) []core.Event {
	tidy, err := r.tidy(sub)
	if err != nil {
		r.t.Fatal(err)
	}
	return []core.Event{{At: time.Now().UTC().Add(-time.Hour), Job: id, Body: core.JobSubmitted{
		Name: tidy.Name, Profile: "default", Inputs: tidy.Files, Destinations: []string{core.DefaultDestination},
		Key: sub.Key, Digest: contentDigest(tidy), Server: r.cfg.Server,
	}}}
}
