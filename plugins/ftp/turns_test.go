package main

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

// folder is turnsDir of a server that takes its time: what is asked for happens somewhere
// between the question and the answer.
type folder struct {
	mu     sync.Mutex // guards files
	files  map[string]bool
	hidden bool
	slow   time.Duration // what each answer takes at least
}

func (f *folder) do(what func()) {
	time.Sleep(f.slow + rand.N(30*time.Millisecond)) // of a bubble
	f.mu.Lock()
	what()
	f.mu.Unlock()
	time.Sleep(rand.N(30 * time.Millisecond))
}

func (f *folder) names() (all []string, err error) {
	f.do(func() {
		if !f.hidden {
			all = slices.Collect(maps.Keys(f.files))
		}
	})
	return all, nil
}

func (f *folder) put(name string) error {
	f.do(func() { f.files[name] = true })
	return nil
}

func (f *folder) remove(name string) error {
	f.do(func() { delete(f.files, name) })
	return nil
}

func TestTurnsAreNeverSharedAndEverybodyGetsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &folder{files: map[string]bool{}}
		var all sync.WaitGroup
		var mu sync.Mutex // guards the two below
		holders, done := 0, 0
		for range 8 {
			all.Go(func() {
				for range 5 {
					got, err := usual.take(t.Context(), in)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if holders++; holders > 1 {
						t.Errorf("%d hold the turn", holders)
					}
					mu.Unlock()
					time.Sleep(rand.N(500 * time.Millisecond))
					mu.Lock()
					holders--
					done++
					mu.Unlock()
					_ = in.remove(got.name)
				}
			})
		}
		all.Wait()
		if done != 8*5 || len(in.files) != 0 {
			t.Errorf("%d turns were taken, and %d files are left; want 40 and none", done, len(in.files))
		}
	})
}

// TestThoseWhoMeetAtASlowServerPartAgain: a try takes longer than the pause between two looks.
func TestThoseWhoMeetAtASlowServerPartAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &folder{files: map[string]bool{}, slow: 300 * time.Millisecond}
		begun := time.Now()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				got, err := usual.take(t.Context(), in)
				if err != nil {
					t.Error(err)
				}
				_ = in.remove(got.name)
			})
		}
		all.Wait()
		if took := time.Since(begun); took > 5*time.Minute {
			t.Errorf("8 turns took %v", took)
		}
	})
}

func TestTheTurnOfACrashEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &folder{files: map[string]bool{"crashed": true}}
		begun := time.Now()
		got, err := usual.take(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begun); waited < usual.stale || waited > usual.stale+2*time.Second {
			t.Errorf("the turn came after %v, want %v", waited, usual.stale)
		}
		if left := time.Until(got.end); left > usual.turn || left < usual.turn-time.Second {
			t.Errorf("the turn is for %v, want %v", left, usual.turn)
		}
		if in.files["crashed"] || !in.files[got.name] || len(in.files) != 1 {
			t.Errorf("the files are %v, want the new turn's alone", in.files)
		}
	})
}

// TestATurnIsOverBeforeOthersTakeIt is about the constants: a rename that begins at a turn's
// end waits for two answers.
func TestATurnIsOverBeforeOthersTakeIt(t *testing.T) {
	if last := usual.turn + 2*usual.stall; last >= usual.stale {
		t.Errorf("a rename may end %v after its turn began; others take it after %v", last, usual.stale)
	}
}

func TestWaitingForATurnEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), usual.stale/2)
		defer cancel()
		_, err := usual.take(ctx, &folder{files: map[string]bool{"theirs": true}})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want the deadline's", err)
		}
		delivertest.WantError(t, explain(t.Context(), err, Settings{}), true, []string{"other deliveries", "take turns"})
	})
}

func TestAServerThatHidesFilesGivesNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &folder{files: map[string]bool{}, hidden: true}
		if _, err := usual.take(t.Context(), in); !errors.Is(err, errHidden) {
			t.Errorf("error = %v, want errHidden", err)
		}
		if len(in.files) != 0 {
			t.Errorf("%v is left", in.files)
		}
	})
}

func TestWhatAServerPutsIntoFoldersTakesNoTurn(t *testing.T) {
	r := pyftpdlib(t, "")
	f, err := open(t.Context(), r.settings, usual)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	if err := os.Mkdir(filepath.Join(r.dir, turnsDir, "@eaDir"), 0o700); err != nil {
		t.Fatal(err)
	}
	unlock, err := f.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if names, err := (turnFiles{f}).names(); err != nil || !slices.Equal(names, []string{f.turn.name}) {
		t.Errorf("the turns are %q, %v, want %q alone", names, err, f.turn.name)
	}
}

func TestTheServerMayTakeLessTimeDuringATurn(t *testing.T) {
	f, err := open(t.Context(), pyftpdlib(t, "").settings, usual)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for range 2 {
		if f.way.stall != stallTimeout || f.way.begun.Stall != stallTimeout {
			t.Errorf("without a turn it may take %v and %v, want %v", f.way.begun.Stall, f.way.stall, stallTimeout)
		}
		unlock, err := f.Lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if f.way.stall != usual.stall || f.way.begun.Stall != usual.stall {
			t.Errorf("during a turn it may take %v and %v, want %v", f.way.begun.Stall, f.way.stall, usual.stall)
		}
		unlock()
	}
}
