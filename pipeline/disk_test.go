package pipeline

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

func TestFullDiskLosesAndDoublesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		mood func([]core.Event) (bool, error)
	}{{"nothing is taken", full}, {"what is taken is not confirmed", mumbling}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, Config{}, 6)
				id := r.submit(core.Submission{})
				time.Sleep(3500 * time.Millisecond)
				r.log.set(c.mood)
				time.Sleep(time.Second)
				synctest.Wait()
				if h := r.Health(); h.Data.State != "down" || h.Data.Cause == "" {
					t.Errorf("health: %+v", h.Data)
				}
				if n := r.stages.live; n != 0 {
					t.Errorf("%d tasks run while the journal is down", n)
				}
				_, err := r.Submit(t.Context(), core.Submission{Files: []core.File{r.put("other")}})
				wantCode(t, err, core.CodeDataDown)
				if c.name == "nothing is taken" {
					if n := r.Stats().Unsaved; n == 0 {
						t.Error("no result waits")
					}
				}
				time.Sleep(10 * time.Minute)
				r.log.set(nil)
				r.wait(id, core.Completed)
				if h := r.Health(); h.Data.State != "up" {
					t.Errorf("health afterwards: %+v", h.Data)
				}
				for kind, want := range map[string]int{"PageRasterized": 6, "PageCleaned": 6, "PageRecognized": 6, "DocumentAssembled": 1, "Delivered": 1, "StageFailed": 0} {
					ofJob := slices.DeleteFunc(r.told(kind), func(e core.Event) bool { return e.Job != id })
					if got := len(ofJob); got != want {
						t.Errorf("%d events %s, want %d", got, kind, want)
					}
				}
				_ = r.end()
			})
		})
	}
}

func TestResultsThatAreTooLargeTogetherWaitForTheDiskToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Workers: 4}, 6)
		id := r.submit(core.Submission{})
		time.Sleep(3500 * time.Millisecond)
		r.log.set(full)
		time.Sleep(time.Second)
		if n := r.Stats().Unsaved; n < 2 {
			t.Fatalf("%d results wait, want several", n)
		}
		split, down := false, true
		r.log.set(func(events []core.Event) (bool, error) {
			begin := slices.ContainsFunc(events, func(e core.Event) bool { return e.Body.Type() == "StageStarted" })
			switch {
			case len(events) > 1 && !begin:
				split = true
				return false, journal.ErrTooLarge
			case split && down:
				down = false
				return full(events)
			}
			return true, nil
		})
		time.Sleep(time.Minute)
		r.log.set(nil)
		r.wait(id, core.Completed)
		if down {
			t.Error("the disk was not full when the results came one by one")
		}
		if failed := r.told("StageFailed"); len(failed) != 0 {
			t.Errorf("a full disk made good pages fail: %+v", failed)
		}
		_ = r.end()
	})
}

func TestJournalOfAnIdleServerComesBackByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		r.log.set(full)
		_, err := r.Submit(t.Context(), core.Submission{Files: []core.File{r.put("x")}})
		wantCode(t, err, core.CodeDataDown)
		time.Sleep(5 * time.Minute)
		if h := r.Health(); h.Data.State != "down" {
			t.Errorf("health while the disk is full: %+v", h.Data)
		}
		r.log.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if h := r.Health(); h.Data.State != "up" {
			t.Errorf("health a minute after there is room: %+v", h.Data)
		}
		_ = r.end()
	})
}

func TestBlobStoreThatCannotWriteCostsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 2)
		r.stages.failWith(on(core.Clean, 2, core.DataDown("keep an image", errDisk)))
		id := r.submit(core.Submission{})
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if h := r.Health(); h.Data.State != "down" {
			t.Errorf("health: %+v", h.Data)
		}
		r.stages.failWith(nil)
		r.wait(id, core.Completed)
		if n := len(r.told("StageFailed")); n != 0 {
			t.Errorf("%d failures in the journal, want none", n)
		}
		starts := slices.DeleteFunc(r.told("StageStarted"), func(e core.Event) bool {
			b := e.Body.(core.StageStarted)
			return b.Stage != core.Clean || b.Page != 2
		})
		if len(starts) != 1 {
			t.Errorf("%d attempts at page 2, want one", len(starts))
		}
		if h := r.Health(); h.Data.State != "up" {
			t.Errorf("health afterwards: %+v", h.Data)
		}
		_ = r.end()
	})
}
