package pipeline

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

func snapshotsIn(w *twins, r *rig) (refs []core.Ref) {
	for _, e := range w.entries(r, 0) {
		if s, is := e.Event.Body.(core.Snapshot); is {
			refs = append(refs, s.State)
		}
	}
	return refs
}

func TestJournalIsCompactedNoFurtherThanThePeerHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limit, compacted atomic.Uint64
		w := newTwins(t, Config{}, 1)
		defer w.end()
		_ = w.a.end()
		w.a.cfg.SnapshotEvery = 30
		w.a.cfg.CompactLimit = func() journal.Seq { return journal.Seq(limit.Load()) }
		w.a.cfg.Compacted = func(first journal.Seq) { compacted.Store(uint64(first)) }
		w.a.start()
		w.sync()
		w.a.Work(Own)
		for range 10 {
			w.a.wait(w.a.submit(core.Submission{}), core.Completed)
			time.Sleep(time.Hour)
		}
		snaps := snapshotsIn(w, w.a)
		if first, _ := w.a.log.Bounds(); first != 1 || len(snaps) < 3 {
			t.Fatalf("it begins with %d and has %d snapshots", first, len(snaps))
		}
		for i, ref := range snaps {
			if !w.a.blobs.Has(ref) {
				t.Errorf("the blob of snapshot %d is swept although its event stays", i)
			}
		}
		_ = w.a.end()
		w.a.start() // folds it all
		w.a.Work(Own)

		limit.Store(100)
		w.a.wait(w.a.submit(core.Submission{}), core.Completed)
		first, _ := w.a.log.Bounds()
		if first <= 1 || first > 100 || compacted.Load() != uint64(first) {
			t.Errorf("with limit 100 it begins with %d, told %d", first, compacted.Load())
		}
		if e := w.entries(w.a, 0)[0]; e.Event.Body.Type() != "Snapshot" {
			t.Errorf("it begins with %T", e.Event.Body)
		}
		_ = w.a.end()
		w.a.start()
		w.forget(w.b)
		w.sync()
		if n := len(w.a.Jobs(core.Filter{})); n != 11 {
			t.Errorf("%d jobs after a restart, want 11", n)
		}
		time.Sleep(3 * time.Hour)
		kept := snapshotsIn(w, w.a)
		for i, ref := range kept {
			if !w.a.blobs.Has(ref) {
				t.Errorf("the blob of snapshot %d of %d is swept", i, len(kept))
			}
		}
		if w.a.blobs.Has(snaps[0]) && kept[0] != snaps[0] {
			t.Error("the blob of a snapshot that is gone stays")
		}
	})
}

// It writes next to nothing itself, and must not fold all that its peer ever wrote at each start.
func TestIdleSecondaryTakesSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{SnapshotEvery: 30}, 1)
		defer w.end()
		w.a.Work(Own)
		for range 8 {
			w.a.wait(w.a.submit(core.Submission{}), core.Completed)
			w.sync()
		}
		if n := len(w.b.told("Snapshot")); n < 2 {
			t.Errorf("%d snapshots", n)
		}
		id := w.a.submit(core.Submission{})
		w.sync()
		_ = w.b.end()
		w.b.start() // the copy is not folded yet
		if got := len(w.b.Jobs(core.Filter{})); got != 9 {
			t.Errorf("its snapshot tells of %d jobs, want 9", got)
		}
		if v, _ := w.b.Job(id); v.Protected {
			t.Error("a job of the peer is protected before the copy says so")
		}
		w.forget(w.a)
		w.sync()
		w.sameState()
	})
}

// A journal that took a snapshot although it said no must not lose the blob of it.
func TestSnapshotOfAnUnsureAppend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		_ = w.a.end()
		w.a.cfg.CompactLimit = func() journal.Seq { return 0 }
		w.a.start()
		id := w.a.submit(core.Submission{Held: true})
		w.a.log.set(func(events []core.Event) (bool, error) {
			if _, is := events[0].Body.(core.Snapshot); is {
				return true, core.DataDown("append", errDisk)
			}
			return true, nil
		})
		_ = w.a.end()
		w.a.log.set(nil)
		w.a.start()
		if got := w.state(w.a, id); got != core.Held {
			t.Errorf("the job is %s", got)
		}
		for _, ref := range snapshotsIn(w, w.a) {
			if !w.a.Needed()[ref] {
				t.Error("the snapshot's blob may be swept")
			}
		}
	})
}
