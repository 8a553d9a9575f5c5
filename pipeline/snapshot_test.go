package pipeline

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestStartBeginsAtTheSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{SnapshotEvery: 40, Keep: 3}, 4)
		var ids []core.JobID
		for range 6 {
			ids = append(ids, r.submit(core.Submission{}))
			time.Sleep(time.Second)
		}
		if err := r.SetSetting(t.Context(), "profile/x", []byte(`{"mode":"redo"}`), "me"); err != nil {
			t.Fatal(err)
		}
		r.wait(ids[5], core.Completed)
		time.Sleep(time.Minute)
		first, last := r.log.Bounds()
		if first < 100 || last-first > 60 {
			t.Errorf("the journal goes from %d to %d, want it compacted", first, last)
		}

		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		r.start()

		if n := len(r.Jobs(core.Filter{})); n != 3 {
			t.Errorf("%d jobs are remembered, want 3", n)
		}
		if got := r.Settings(); string(got["profile/x"]) != `{"mode":"redo"}` {
			t.Errorf("settings: %s", got)
		}
		id := r.submit(core.Submission{Profile: "x"})
		r.wait(id, core.Completed)
		_ = r.end()
	})
}

func TestDamagedSnapshotStopsTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		r.wait(r.submit(core.Submission{}), core.Completed)
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		snaps := r.told("Snapshot")
		ref := snaps[len(snaps)-1].Body.(core.Snapshot).State
		path, err := r.blobs.Path(ref)
		if err != nil {
			t.Fatal(err)
		}
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string]string{
			"gone":    "",
			"changed": strings.Replace(string(good), `"name":"scan"`, `"name":"scam"`, 1),
			"cut":     string(good[:len(good)/2]),
		} {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if name != "gone" {
				if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := New(t.Context(), r.cfg, r.log, r.blobs, nil); err == nil {
				t.Errorf("%s: the server starts without its jobs", name)
			}
			if err := os.WriteFile(path, good, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSweepKeepsWhatIsNeededAndWhatIsYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 3)
		left := r.put("left over by a crash")
		held := r.put("of a held job")
		r.submit(core.Submission{Files: []core.File{held}, Held: true})
		done := r.put("of a completed job")
		id := r.submit(core.Submission{Files: []core.File{done}})
		r.wait(id, core.Completed)
		if !r.blobs.Has(done.Ref) {
			t.Error("a young blob was swept")
		}
		time.Sleep(90 * time.Minute)
		young := r.put("of a submit that is under way")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		var kept []bool
		for _, f := range []core.File{left, held, done, young} {
			kept = append(kept, r.blobs.Has(f.Ref))
		}
		if want := []bool{false, true, false, true}; !slices.Equal(kept, want) {
			t.Errorf("left over, held, done, young: got %v, want %v", kept, want)
		}
		_ = r.end()
		r.start() // its snapshot is still there
		_ = r.end()
	})
}

func TestSettingsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		for _, c := range []struct{ key, value, code string }{
			{"profile/x", `{"mood":1}`, core.CodeBadRequest},
			{"profile/../x", `{}`, core.CodeBadRequest},
			{"destination/x", `{}`, core.CodeBadRequest},
			{"x", `{}`, core.CodeBadRequest},
			{"user/x", `{`, core.CodeBadRequest},
			{"profile/gone", ``, core.CodeUnknown},
		} {
			t.Log(c.key)
			wantCode(t, r.CheckSettings(t.Context(), map[string][]byte{c.key: []byte(c.value)}), c.code)
			wantCode(t, r.SetSetting(t.Context(), c.key, []byte(c.value), "me"), c.code)
		}
		for range 2 {
			if err := r.SetSetting(t.Context(), "destination/x", []byte(`{"plugin":"folder"}`), "me"); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(r.told("SettingChanged")); n != 1 {
			t.Errorf("%d changes in the journal, want one", n)
		}
		if err := r.SetSetting(t.Context(), "destination/x", nil, "me"); err != nil {
			t.Fatal(err)
		}
		if got := r.Settings(); len(got) != 0 {
			t.Errorf("settings: %v", got)
		}
		_ = r.end()
	})
}

func TestWatcherSeesTheJobToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 2)
		id := r.submit(core.Submission{})
		var kinds []string
		var last Update
		for u, err := range r.Watch(t.Context(), id, 0) {
			if err != nil {
				t.Fatal(err)
			}
			kinds = append(kinds, u.Type)
			last = u
		}
		if last.Job.State != core.Completed || kinds[0] != "job" || kinds[len(kinds)-1] != "Delivered" || !slices.Contains(kinds, "PageRecognized") {
			t.Errorf("saw %v, last %s", kinds, last.Job.State)
		}
		for u := range r.Watch(t.Context(), id, last.Seq) {
			t.Errorf("after the end: %+v", u)
		}
		n := 0
		for u := range r.Watch(t.Context(), id, 1) {
			if n++; u.Type != "job" || u.Job.State != core.Completed {
				t.Errorf("who missed something gets %+v", u)
			}
		}
		if n != 1 {
			t.Errorf("%d updates, want one that sums up", n)
		}
		for _, err := range r.Watch(t.Context(), "nobody", 0) {
			wantCode(t, err, core.CodeUnknown)
		}
		_ = r.end()
	})
}

func TestSlowWatcherIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Workers: 8}, 300)
		id := r.submit(core.Submission{})
		var last error
		for _, err := range r.Watch(t.Context(), id, 0) {
			if last = err; err == nil {
				time.Sleep(time.Hour)
			}
		}
		wantCode(t, last, core.CodeTimeout)
		_ = r.end()
	})
}
