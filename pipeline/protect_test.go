package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

func TestJobIsProtectedOnceThePeerHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shipped atomic.Uint64
		cfg := Config{
			Shipped: func() journal.Seq { return journal.Seq(shipped.Load()) },
			Protect: func(_ context.Context, seq journal.Seq) bool { return uint64(seq) <= shipped.Load() },
		}
		w := newTwins(t, cfg, 1)
		defer w.end()
		files := []core.File{w.a.put("scan")}
		sub := func(key string) core.Submission { return core.Submission{Key: key, Files: files, Held: true} }
		var ids []core.JobID
		for n, key := range []string{"x", "y", "z"} {
			shipped.Store(min(uint64(n+1), 2))
			acc, err := w.a.Submit(t.Context(), sub(key))
			if err != nil || acc.Protected != (n < 2) {
				t.Errorf("%s: %+v, %v", key, acc, err)
			}
			ids = append(ids, acc.ID)
		}
		want := func(when string, shippedTo uint64, want ...bool) {
			t.Helper()
			shipped.Store(shippedTo)
			for i, v := range w.a.Jobs(core.Filter{}) {
				if n := len(ids) - 1 - i; v.Protected != want[n] {
					t.Errorf("%s, shipped to %d: job %d in the list is protected: %v", when, shippedTo, n, v.Protected)
				}
			}
			for n, id := range ids {
				if v, err := w.a.Job(id); err != nil || v.Protected != want[n] {
					t.Errorf("%s, shipped to %d: job %d is protected: %v (%v)", when, shippedTo, n, v.Protected, err)
				}
				acc, err := w.a.Submit(t.Context(), sub([]string{"x", "y", "z"}[n]))
				if err != nil || !acc.Duplicate || acc.Protected != want[n] {
					t.Errorf("%s, shipped to %d: job %d submitted again is %+v (%v)", when, shippedTo, n, acc, err)
				}
			}
		}
		want("at first", 0, false, false, false)
		want("at first", 2, true, true, false)
		want("at first", 3, true, true, true)
		_ = w.a.end() // leaves a snapshot, which is entry 4
		w.a.start()
		if first, _ := w.a.log.Bounds(); first != 4 {
			t.Fatalf("the journal begins with %d", first)
		}
		want("in a snapshot", 0, false, false, false)
		want("in a snapshot", 2, false, false, false) // which of them is not known any more
		want("in a snapshot", 3, true, true, true)
		shipped.Store(0)
		w.sync()
		if v, _ := w.b.Job(ids[2]); !v.Protected {
			t.Error("the peer's job is here, and does not count as protected")
		}
		w.carry(w.a, w.b, files[0].Ref)
		if acc, err := w.b.Submit(t.Context(), sub("x")); err != nil || acc.ID != ids[0] || acc.Protected {
			t.Errorf("it is answered as protected by being found: %+v, %v", acc, err)
		}
	})
}

// What is written at once is protected one by one, and shown so.
func TestAJobWithoutItsScanOnThePeerIsNotProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w *twins
		var bad atomic.Value // core.JobID
		bad.Store(core.JobID(""))
		seqOf := func(id core.JobID) (seq journal.Seq) {
			for e, err := range w.a.log.Read(t.Context(), 0) {
				if err != nil {
					t.Error(err)
				}
				if _, is := e.Event.Body.(core.JobSubmitted); is && e.Event.Job == id {
					seq = e.Seq
				}
			}
			return seq
		}
		without := func(seq journal.Seq) bool {
			id := bad.Load().(core.JobID)
			return id != "" && seqOf(id) == seq
		}
		var mu sync.Mutex // guards asked
		asked := map[journal.Seq]int{}
		w = newTwins(t, Config{
			Shipped: func() journal.Seq { return 1000 },
			Without: without,
			Protect: func(_ context.Context, seq journal.Seq) bool {
				mu.Lock()
				defer mu.Unlock()
				asked[seq]++
				return !without(seq)
			},
		}, 1)
		defer w.end()
		files := []core.File{w.a.put("scan")}
		ids := make([]core.JobID, 30)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() {
				acc, err := w.a.Submit(t.Context(), core.Submission{Files: files, Held: true})
				if err != nil {
					t.Error(err)
				}
				ids[i] = acc.ID
			})
		}
		group.Wait()
		for _, id := range ids {
			if seq := seqOf(id); asked[seq] != 1 {
				t.Errorf("protection up to %d was asked for %d times, want once", seq, asked[seq])
			}
		}
		bad.Store(ids[7])
		for i, id := range ids {
			if v, err := w.a.Job(id); err != nil || v.Protected != (i != 7) {
				t.Errorf("job %d is protected: %v, %v", i, v.Protected, err)
			}
		}
	})
}

func TestJobsAreNotAdmittedOnTheStandby(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		standby := &core.Failure{Code: "standby", Detail: "submit to A"}
		var asked []core.Submission
		cfg := Config{Admit: func(sub core.Submission) error {
			if asked = append(asked, sub); sub.Origin.Failover == "" {
				return standby
			}
			return nil
		}}
		w := newTwins(t, cfg, 1)
		defer w.end()
		sub := core.Submission{Key: "k", Files: []core.File{w.b.put("scan")}}
		_, err := w.b.Submit(t.Context(), sub)
		wantCode(t, err, "standby")
		if len(w.b.told("JobSubmitted")) != 0 {
			t.Error("it is in the journal")
		}
		sub.Origin.Failover = "network"
		acc, err := w.b.Submit(t.Context(), sub)
		if err != nil {
			t.Fatal(err)
		}
		sub.Origin.Failover = ""
		again, err := w.b.Submit(t.Context(), sub)
		if err != nil || again.ID != acc.ID || !again.Duplicate || len(asked) != 2 {
			t.Errorf("again: %+v, %v; asked %d times", again, err, len(asked))
		}
		sub.Name = "another"
		_, err = w.b.Submit(t.Context(), sub)
		wantCode(t, err, core.CodeKeyReused)
	})
}

func TestSecondaryChangesNoSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readOnly := true
		cfg := Config{ReadOnly: func() error {
			if readOnly {
				return &core.Failure{Code: core.CodeReadOnly, Detail: "change it on A"}
			}
			return nil
		}}
		r := newRig(t, cfg, 1)
		wantCode(t, r.SetSetting(t.Context(), "profile/x", []byte(`{}`), "me"), core.CodeReadOnly)
		wantCode(t, r.CheckSettings(t.Context(), map[string][]byte{"profile/x": []byte(`{}`)}), core.CodeReadOnly)
		if len(r.told("SettingChanged")) != 0 {
			t.Error("it was changed")
		}
		readOnly = false
		if err := r.SetSetting(t.Context(), "profile/x", []byte(`{}`), "me"); err != nil {
			t.Error(err)
		}
		_ = r.end()
	})
}
