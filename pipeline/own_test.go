package pipeline

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

func TestEventsOfThePairAreAppended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		if err := w.b.Append(t.Context(), core.TakeoverBegan{Epoch: 3, Of: "A", Cause: "network"}); err != nil {
			t.Fatal(err)
		}
		w.sync()
		for _, r := range []*rig{w.a, w.b} {
			r.Look(func(s *core.State) {
				if epoch, _, taken := s.TakenOver("A"); epoch != 3 || !taken {
					t.Errorf("%s: %d, %v", r.cfg.Server, epoch, taken)
				}
			})
		}
		w.b.log.set(full)
		wantCode(t, w.b.Append(t.Context(), core.HandedBack{Epoch: 3, Of: "A"}), core.CodeDataDown)
		w.b.log.set(nil)
	})
}

func TestWipedServerTakesItsJournalBack(t *testing.T) {
	for _, compacted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newTwins(t, Config{}, 2)
			defer w.end()
			var ids []core.JobID
			if compacted {
				ids = w.compacted(2)
			}
			ids = append(ids, w.a.submit(core.Submission{Held: true}))
			copied, want := w.a.frames(), w.a.stateNow()
			w.sync()
			w.a.lose()
			if n := len(w.a.Jobs(core.Filter{})); n != 0 {
				t.Fatalf("%d jobs survived", n)
			}
			for range 2 { // the answer to the first may be lost
				last, err := w.a.Restore(t.Context(), copied)
				if _, end := w.a.log.Bounds(); err != nil || last != end {
					t.Fatalf("up to %d, %v; the journal ends at %d", last, err, end)
				}
			}
			if got := w.a.stateNow(); got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
			_ = w.a.end()
			w.a.start() // it can be folded alone, too
			for _, id := range ids {
				if _, err := w.a.Job(id); err != nil {
					t.Error(err)
				}
			}
			if err := w.a.Release(t.Context(), ids[len(ids)-1]); err != nil {
				t.Fatal(err)
			}
			w.a.Work(Own)
			w.a.wait(ids[len(ids)-1], core.Completed)
			w.sync()
		})
	}
}

func (r *rig) stateNow() (text string) {
	r.Look(func(s *core.State) { text = s.String() })
	return text
}

func TestLostEndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		first := w.a.submit(core.Submission{Held: true})
		second := w.a.submit(core.Submission{Held: true})
		copied := w.a.frames()
		w.a.lose()
		if _, err := w.a.Restore(t.Context(), copied[:1]); err != nil {
			t.Fatal(err)
		}
		if _, err := w.a.Job(second); err == nil {
			t.Fatal("it has more than it was given")
		}
		if last, err := w.a.Restore(t.Context(), copied[1:]); err != nil || last != 2 {
			t.Fatalf("%d, %v", last, err)
		}
		for _, id := range []core.JobID{first, second} {
			if got := w.state(w.a, id); got != core.Held {
				t.Errorf("%s is %s", id, got)
			}
		}
		_, err := w.a.Restore(t.Context(), w.b.frames())
		if err != nil {
			t.Errorf("nothing to restore: %v", err)
		}
		w.b.submit(core.Submission{})
		var stranger *journal.Stranger
		var fork *journal.Fork
		if _, err := w.a.Restore(t.Context(), w.b.frames()); !errors.As(err, &stranger) && !errors.As(err, &fork) {
			t.Errorf("another's journal: %v", err)
		}
	})
}

func TestRestoreIsRefusedWhileResultsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		id := w.a.submit(core.Submission{})
		copied := w.a.frames()
		w.a.Work(Own)
		time.Sleep(500 * time.Millisecond)
		w.a.log.set(full)
		time.Sleep(time.Second)
		synctest.Wait()
		_, err := w.a.Restore(t.Context(), copied)
		wantCode(t, err, core.CodeConflict)
		w.a.log.set(nil)
		w.a.wait(id, core.Completed)
		if _, err = w.a.Restore(t.Context(), copied); err != nil {
			t.Error(err)
		}
	})
}

// Without the blob of the snapshot that the journal would begin with, it could never be
// folded again.
func TestRestoreNeedsTheSnapshotFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		ids := w.compacted(1)
		copied := w.a.frames()
		w.sync()
		snap := w.entries(w.a, 0)[0].Event.Body.(core.Snapshot).State
		wiped := newRig(t, w.a.cfg, 1)
		defer func() { _ = wiped.end() }()
		if _, err := wiped.Restore(t.Context(), copied); err == nil {
			t.Fatal("restored without the snapshot's blob")
		}
		if first, last := wiped.log.Bounds(); first <= last {
			t.Fatal("the journal has begun all the same")
		}
		if _, err := wiped.Restore(t.Context(), copied[1:]); len(copied) > 1 && err == nil {
			t.Error("it may begin with an entry that is no snapshot")
		}
		w.carry(w.b, wiped, snap)
		if _, err := wiped.Restore(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		if got := w.state(wiped, ids[0]); got != core.Completed {
			t.Errorf("the job is %s", got)
		}
		if !wiped.Needed()[snap] {
			t.Error("the snapshot's blob may be swept")
		}
	})
}

func TestAdoptedEventsStayAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		ids := w.compacted(1)
		later := w.a.submit(core.Submission{})
		var lost []core.Event
		for _, e := range w.entries(w.a, 0) {
			lost = append(lost, e.Event)
		}
		if _, is := lost[0].Body.(core.Snapshot); !is {
			t.Fatalf("it begins with %T", lost[0].Body)
		}
		many := make([]core.Event, maxBatch+10)
		for i := range many {
			many[i] = core.Event{At: lost[1].At, Body: core.SettingChanged{Key: "x/y", Value: []byte(strings.Repeat(" ", 150<<10) + "1"), Revision: i + 1}}
		}
		lost = append(lost, many...)
		w.a.lose()
		last, err := w.a.Adopt(t.Context(), lost)
		if _, end := w.a.log.Bounds(); err != nil || last != end {
			t.Fatalf("up to %d, %v; the journal ends at %d", last, err, end)
		}
		_ = w.a.end()
		w.a.start()
		for _, id := range append(ids, later) {
			if _, err := w.a.Job(id); err != nil {
				t.Error(err)
			}
		}
		var revision int
		w.a.Look(func(s *core.State) { revision = s.Revision("x/y") })
		if revision != len(many) {
			t.Errorf("%d of %d changes are there", revision, len(many))
		}
		if got := w.state(w.a, ids[0]); got != core.Completed {
			t.Errorf("what the snapshot tells of is %s", got)
		}
		if last, err := w.a.Adopt(t.Context(), nil); err != nil || last == 0 {
			t.Errorf("nothing to adopt: %d, %v", last, err)
		}
	})
}

func TestSettingsOfThePrimaryCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwins(t, Config{}, 1)
		defer w.end()
		set := func(r *rig, key, value string) {
			t.Helper()
			var v []byte
			if value != "" {
				v = []byte(value)
			}
			if err := r.SetSetting(t.Context(), key, v, "me"); err != nil {
				t.Fatal(err)
			}
		}
		for _, mode := range []string{"skip", "redo", "force"} { // a higher revision there
			set(w.b, "profile/both", `{"mode":"`+mode+`"}`)
		}
		set(w.b, "profile/theirs", `{}`)
		set(w.b, "profile/same", `{"pdfa":"none"}`)
		set(w.b, "profile/removed", `{}`)
		set(w.b, "profile/removed", ``)
		set(w.a, "profile/both", `{"mode":"redo"}`)
		set(w.a, "profile/ours", `{}`)
		set(w.a, "profile/same", `{"pdfa":"none"}`)
		set(w.a, "profile/removed", `{"mode":"redo"}`)
		before := len(w.a.told("SettingChanged"))
		if err := w.a.Overrule(t.Context(), w.b.Revised(), "joining"); err != nil {
			t.Fatal(err)
		}
		if n := len(w.a.told("SettingChanged")) - before; n != 3 {
			t.Errorf("%d changes, want 3", n)
		}
		w.sync()
		w.sameState()
		want := map[string]string{"profile/both": `{"mode":"redo"}`, "profile/ours": `{}`, "profile/same": `{"pdfa":"none"}`, "profile/removed": `{"mode":"redo"}`}
		got := w.b.Settings()
		for key, value := range want {
			if string(got[key]) != value {
				t.Errorf("%s is %s, want %s", key, got[key], value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("there are %q", got)
		}
		if err := w.a.Overrule(t.Context(), w.b.Revised(), "again"); err != nil {
			t.Fatal(err)
		}
		if n := len(w.a.told("SettingChanged")) - before; n != 3 {
			t.Errorf("%d changes after doing it again, want 3", n)
		}
	})
}
