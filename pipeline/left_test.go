package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// A server that has left its pair does not work on the jobs of its former peer, which its
// snapshots still have, except on those that were submitted to it as well.
func TestWhoLeftAPairKeepsItsOwnJobsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		theirs, mine := w.a.submit(core.Submission{}), w.b.submit(core.Submission{})
		sub := core.Submission{Key: "both", Files: []core.File{w.a.put("scan")}}
		w.b.put("scan")
		both := w.a.submit(sub)
		time.Sleep(time.Second)
		w.b.submit(sub)
		w.sync()
		_ = w.b.end() // leaves a snapshot with all jobs
		w.b.cfg.Peer, w.b.cfg.Left = "", []string{"A"}
		w.b.start()
		w.b.wait(mine, core.Completed)
		w.b.wait(both, core.Completed)
		if v, err := w.b.Job(theirs); err == nil {
			t.Errorf("it has a job of its former peer: %+v", v)
		}
		_ = w.b.end()
		w.b.cfg.Peer, w.b.cfg.Left = "A", nil // a pair again
		w.b.start()
		w.forget(w.a)
		w.sync()
		if got := w.state(w.b, theirs); got != core.Queued {
			t.Errorf("in the pair again the job is %s", got)
		}
	})
}

// A server has inherited jobs and forms a pair with a third one: that one takes them for
// its peer's, and they do not both work on them.
func TestWhatThePeerInheritedIsThePeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		id := w.a.submit(core.Submission{})
		w.sync()
		_ = w.b.end()
		w.b.cfg.Peer, w.b.cfg.Also = "C", []string{"A"}
		w.b.start()
		w.a.lose()
		_ = w.a.end()
		w.a.cfg.Server, w.a.cfg.Peer = "C", "B"
		w.a.start()
		w.forget(w.b)
		w.sync()
		w.a.stages.take(time.Minute)
		w.a.Work(Own)
		w.a.wantBegun(time.Minute, 0)
		if v, err := w.a.Job(id); err != nil || !v.Protected {
			t.Errorf("C has %+v, %v", v, err)
		}
		if v, err := w.b.Job(id); err != nil || v.Protected {
			t.Errorf("B has %+v, %v", v, err)
		}
		w.b.Work(Own)
		w.b.wait(id, core.Completed)
		w.a.Work(Peers)
		w.sync()
		w.sameState()
	})
}
