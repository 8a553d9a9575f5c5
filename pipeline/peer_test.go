package pipeline

import (
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

func TestSameKeyOnBothServersIsOneJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 2)
		defer w.end()
		sub := core.Submission{Key: "mail 7", Files: []core.File{w.a.put("scan")}}
		w.b.put("scan")
		first := w.a.submit(sub)
		time.Sleep(time.Second)
		second := w.b.submit(sub)
		if first == second {
			t.Fatal("they know of each other already")
		}
		w.sync()
		w.sameState()
		for _, r := range []*rig{w.a, w.b} {
			v, err := r.Job(second)
			if err != nil || v.ID != first || v.Server != "A" || !slices.Equal(v.Aliases, []core.JobID{second}) {
				t.Errorf("on %s it is %+v (%v)", r.cfg.Server, v, err)
			}
			acc, err := r.Submit(t.Context(), sub)
			if err != nil || acc.ID != first || !acc.Duplicate {
				t.Errorf("a third time on %s: %+v, %v", r.cfg.Server, acc, err)
			}
			sub.Name = "another"
			_, err = r.Submit(t.Context(), sub)
			wantCode(t, err, core.CodeKeyReused)
			sub.Name = ""
		}
		w.a.Work(Own)
		w.b.Work(Own)
		w.a.wait(first, core.Completed)
		w.b.wantBegun(time.Minute, 0) // it is the other's job
		if n := len(w.a.told("Delivered")); n != 1 {
			t.Errorf("%d deliveries", n)
		}
	})
}

// The job is under way here under its own id when it turns out to be the peer's.
func TestTaskUnderWayIsNotBegunAgainForTheTwin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{Workers: 4, DocumentSlots: 4}, 2)
		defer w.end()
		sub := core.Submission{Key: "k", Files: []core.File{w.a.put("scan")}}
		w.b.put("scan")
		first := w.a.submit(sub)
		time.Sleep(time.Second)
		w.b.stages.take(time.Minute)
		second := w.b.submit(sub)
		w.b.Work(Own)
		w.b.Work(Peers)
		w.b.wantBegun(time.Second, 1)
		var seen []Update
		watched := make(chan bool)
		go func() {
			defer close(watched)
			for u := range w.b.Watch(t.Context(), second, 0) {
				seen = append(seen, u)
			}
		}()
		synctest.Wait()
		w.sync()
		w.b.wantBegun(time.Second, 1)
		w.b.wait(first, core.Completed)
		if n := len(w.b.stages.starts(core.Ingest)); n != 1 {
			t.Errorf("it was ingested %d times", n)
		}
		<-watched
		if last := seen[len(seen)-1]; last.Job.ID != first || last.Job.State != core.Completed {
			t.Errorf("who watched the other id saw at last %+v", last)
		}
		if !slices.IsSortedFunc(seen, func(a, b Update) int { return int(int64(a.Seq) - int64(b.Seq)) }) {
			t.Error("the updates are not in order")
		}
	})
}

func TestWatcherSeesWhatThePeerDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 2)
		defer w.end()
		id := w.a.submit(core.Submission{})
		w.sync()
		var seen []Update
		watched := make(chan bool)
		go func() {
			defer close(watched)
			for u := range w.b.Watch(t.Context(), id, 0) {
				seen = append(seen, u)
			}
		}()
		synctest.Wait()
		w.a.Work(Own)
		w.a.wait(id, core.Completed)
		w.sync()
		<-watched
		last := seen[len(seen)-1]
		if len(seen) < 10 || last.Type != "Delivered" || last.Job.State != core.Completed || !last.Job.Protected {
			t.Errorf("%d updates, the last %+v", len(seen), last)
		}
		for i, u := range seen[1:] {
			if u.Seq <= seen[i].Seq {
				t.Errorf("update %d has number %d after %d", i+1, u.Seq, seen[i].Seq)
			}
		}
		for _, after := range []uint64{last.Seq, last.Seq + 1} {
			n := 0
			for range w.b.Watch(t.Context(), id, after) {
				n++
			}
			if want := int(after - last.Seq); n != want { // a number of another server: everything once more
				t.Errorf("after %d: %d updates, want %d", after, n, want)
			}
		}
		_ = w.b.end()
		w.b.start()
		w.forget(w.a)
		if err := w.feed(w.a, w.b); err != nil {
			t.Fatal(err)
		}
		for u := range w.b.Watch(t.Context(), id, last.Seq) {
			if u.Seq <= last.Seq || u.Job.State != core.Completed {
				t.Errorf("after a restart: %+v", u)
			}
			n := 0
			for range w.b.Watch(t.Context(), id, u.Seq) {
				n++
			}
			if n != 0 {
				t.Error("it is told twice")
			}
		}
	})
}

// compacted is a server whose journal begins with a snapshot.
func (w *twins) compacted(jobs int) (ids []core.JobID) {
	w.t.Helper()
	w.a.Work(Own)
	for range jobs {
		ids = append(ids, w.a.submit(core.Submission{}))
	}
	for _, id := range ids {
		w.a.wait(id, core.Completed)
	}
	ids = append(ids, w.a.submit(core.Submission{Held: true}))
	_ = w.a.end() // which leaves a snapshot
	w.a.start()
	if first, _ := w.a.log.Bounds(); first == 1 {
		w.t.Fatal("the journal is not compacted")
	}
	return ids
}

func TestSnapshotOfThePeerIsMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		own := w.b.submit(core.Submission{})
		ids := w.compacted(3)
		later := w.a.submit(core.Submission{})
		snap := w.news(w.a)[0].Event.Body.(core.Snapshot)

		if err := w.b.FoldPeer(t.Context(), w.news(w.a)); err == nil {
			t.Fatal("it was folded without the snapshot's blob")
		}
		if _, err := w.b.Job(ids[0]); err == nil {
			t.Error("something was folded in spite of the error")
		}
		w.sync()
		for _, id := range append(ids[:3:3], own, ids[3], later) {
			if v, err := w.b.Job(id); err != nil || v.Protected == (id == own) {
				t.Errorf("%s is %+v (%v)", id, v, err)
			}
		}
		w.sameState()
		if !w.b.Needed()[snap.State] {
			t.Error("the snapshot's blob may be swept")
		}
		w.b.PeerCompacted(w.fed[w.a] + 1)
		if w.b.Needed()[snap.State] {
			t.Error("the blob stays although the copy begins later")
		}
	})
}

// What the peer's jobs need must not be swept while they are not known.
func TestNothingIsSweptBeforeThePeersJobsAreKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		w.compacted(0)
		w.sync()
		input := w.b.put("scan") // of the held job
		w.b.lose()
		for range 3 {
			time.Sleep(2 * time.Hour)
			if err := w.b.FoldPeer(t.Context(), []journal.Entry{{Seq: 7, Event: core.Event{Body: core.Snapshot{State: core.Ref("00")}}}}); err == nil {
				t.Fatal("a snapshot without its blob was folded")
			}
		}
		if !w.b.blobs.Has(input.Ref) {
			t.Fatal("the input of the peer's job is swept")
		}
		aside := []journal.Entry{{Seq: 1, Event: core.Event{Body: core.ModeChanged{Server: "A", Mode: "active", Count: 1}}}}
		if err := w.b.FoldPeer(t.Context(), aside); err != nil { // there is more to come
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if !w.b.blobs.Has(input.Ref) {
			t.Fatal("the input of the peer's job is swept when a part of what there is was folded")
		}
		w.forget(w.a)
		w.sync()
		junk := w.b.put("junk")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if !w.b.blobs.Has(input.Ref) || w.b.blobs.Has(junk.Ref) {
			t.Error("the input is gone, or the junk still there")
		}
	})
}

// A copy that was set aside and begun anew, or an aside, begins with a snapshot again.
func TestSnapshotThatBeginsAnotherStretch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		id := w.a.submit(core.Submission{Held: true})
		w.sync()
		_ = w.a.end()
		w.a.start()
		w.sync() // a snapshot behind what was folded: it says nothing new
		snaps := w.entries(w.a, 0)
		if _, is := snaps[0].Event.Body.(core.Snapshot); !is {
			t.Fatalf("the journal begins with %T", snaps[0].Event.Body)
		}
		path, err := w.b.blobs.Path(snaps[0].Event.Body.(core.Snapshot).State)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := w.b.FoldPeer(t.Context(), snaps); err == nil {
			t.Error("the stretch began without its snapshot")
		}
		w.forget(w.a)
		w.sync()
		w.sameState()
		if got := w.state(w.b, id); got != core.Held {
			t.Errorf("the job is %s", got)
		}
	})
}

// What was set aside of the copy may end where the new one begins with a snapshot, which
// then is not what follows.
func TestSnapshotOfAnotherHistoryIsMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		ids := w.compacted(1)
		entries := w.entries(w.a, 0)
		var aside []journal.Entry
		for seq := journal.Seq(1); seq < entries[0].Seq; seq++ {
			e := journal.Entry{Seq: seq, Hash: journal.Hash{byte(seq)}, Event: core.Event{Body: core.ModeChanged{Server: "A", Mode: "active", Count: int(seq)}}}
			if seq > 1 {
				e.Prev = aside[len(aside)-1].Hash
			}
			aside = append(aside, e)
		}
		if err := w.b.FoldPeer(t.Context(), aside); err != nil {
			t.Fatal(err)
		}
		w.sync()
		if v, err := w.b.Job(ids[0]); err != nil || v.State != core.Completed {
			t.Errorf("the job that only the snapshot has: %+v, %v", v, err)
		}
	})
}

// Many turns of work, crashes and stops on both sides end in the same state on both.
func TestBothServersComeToTheSameState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{SnapshotEvery: 40, Workers: 2}, 4)
		defer w.end()
		var ids []core.JobID
		servers := []*rig{w.a, w.b}
		for turn := range 24 {
			r, o := servers[turn%2], servers[1-turn%2]
			ids = append(ids, r.submit(core.Submission{Key: string(rune('a' + turn/3))}))
			switch turn % 6 {
			case 0, 1:
				r.Work(Own)
			case 2:
				o.Work(Peers)
			case 3:
				o.Stop(Peers)
			case 4:
				if err := r.DrainJobs(t.Context(), Own, time.Second); err != nil {
					t.Fatal(err)
				}
			case 5:
				_ = r.end()
				r.start()
				w.forget(o)
			}
			time.Sleep(7 * time.Second)
			if turn%4 == 3 {
				w.sync()
			}
		}
		w.sync()
		for _, r := range servers {
			r.Work(Own)
		}
		for range 3 {
			time.Sleep(5 * time.Minute)
			w.sync()
		}
		w.sameState()
		for _, id := range ids {
			if got := w.state(w.a, id); got != core.Completed {
				t.Errorf("job %s is %s", id, got)
			}
		}
	})
}
