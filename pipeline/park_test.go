package pipeline

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// TestSettingsWaitUntilTheyMayComeOver is GS16: jobs come over all the time.
func TestSettingsWaitUntilTheyMayComeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var same atomic.Bool
		w := newTwins(t, Config{Syncs: same.Load}, 1)
		defer w.end()
		job := w.a.submit(core.Submission{Files: []core.File{w.a.put("scan")}})
		for _, v := range []string{`"old"`, `"new"`} {
			if err := w.a.SetSetting(t.Context(), "office/name", []byte(v), "ada"); err != nil {
				t.Fatal(err)
			}
		}
		w.sync()
		if _, err := w.b.Job(job); err != nil {
			t.Errorf("the job did not come over: %v", err)
		}
		if v := w.b.Kept("office/name"); v != nil {
			t.Errorf("the setting came over: %s", v)
		}
		same.Store(true)
		w.b.Gate(nil) // whoever compares the servers says that something was found
		time.Sleep(time.Second)
		if v := w.b.Kept("office/name"); string(v) != `"new"` {
			t.Errorf("afterwards it is %s", v)
		}
		w.sameState()
	})
}
