package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// A journal that lost its end and went on alone: both ends come together.
func TestAForkLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.accept("first")
		eventually(t, "it is shipped", func() bool { return a.node.Status().Lag == 0 })
		old := a.copyOf(t)
		a.accept("second")
		agree(t, a, b, "second")
		a.kill()
		b.kill()
		a.own = old // its end is lost
		a.boot()
		eventually(t, "a works alone", a.works)
		a.accept("third")
		if a.node.CompactLimit() != 0 {
			t.Error("a may compact although nobody knows what its peer has")
		}
		b.boot()
		agree(t, a, b, "first", "second", "third")
		eventually(t, "b has discarded what it set aside", func() bool {
			names, _ := b.copy.Asides()
			return len(names) == 0
		})
		got := a.wire.heard()
		aside, discard := slices.Index(got, "set aside"), slices.Index(got, "discard")
		if aside < 0 || discard < aside || !strings.Contains(strings.Join(got[aside:discard], " "), "ship") {
			t.Errorf("b was asked %v", got)
		}
		eventually(t, "a may compact again", func() bool { return a.node.CompactLimit() == a.end() })
		// After a restart all is still there.
		b.kill()
		b.boot()
		agree(t, a, b, "first", "second", "third")
	})
}

// copyOf makes a journal that has what the own one has now.
func (s *site) copyOf(t *testing.T) ownLog {
	t.Helper()
	frames, err := s.own.Frames(t.Context(), 0, journal.MaxFrames)
	if err != nil {
		t.Fatal(err)
	}
	m := journal.NewMemory(journal.Config{Writer: s.id})
	if _, err := m.Restore(t.Context(), frames); err != nil {
		t.Fatal(err)
	}
	return m
}

// The fold knows what was set aside of the copy also when this server starts anew
// before its peer has taken it back.
func TestWhatWasSetAsideIsFoldedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.accept("first")
		a.line.Stop(pair.OwnJobs)
		a.accept("set-aside")
		agree(t, a, b, "set-aside")
		a.kill()
		b.kill()
		if _, err := b.copy.SetAside(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.boot()
		eventually(t, "b knows the job", func() bool { return b.line.knows("set-aside") })
		eventually(t, "b has taken it over", func() bool { return slices.Contains(b.line.done(), "set-aside") })
	})
}

func TestACompactedJournalIsFollowedByItsCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.accept("before")
		first := a.line.snapshot(t, a.node.CompactLimit)
		a.accept("after")
		eventually(t, "the copy begins where the journal does", func() bool {
			at, _ := b.copy.Bounds()
			return at == first
		})
		// Who starts now has the earlier jobs from the snapshot's state, b and a wiped a.
		b.kill()
		b.boot()
		agree(t, a, b, "before", "after")
		a.kill()
		a.wipe()
		a.boot()
		agree(t, a, b, "before", "after")
		if at, _ := a.own.Bounds(); at != first {
			t.Errorf("the restored journal begins with %d, want %d", at, first)
		}
	})
}

// A peer whose copy is from before the journal was compacted begins anew.
func TestALapsedCopyIsShippedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.accept("one")
		agree(t, a, b, "one")
		a.kill()
		b.kill()
		line := newLine(t, "a", "b", a.own, a.blobs, time.Now)
		if _, err := line.submit(t.Context(), "two"); err != nil {
			t.Fatal(err)
		}
		line.snapshot(t, func() journal.Seq { return 1 << 40 }) // further than the copy goes
		a.boot()
		b.boot()
		agree(t, a, b, "one", "two")
		if !slices.Contains(a.wire.heard(), "set aside") {
			t.Error("the lapsed copy was not set aside")
		}
	})
}

// An own journal that is older than its peer's copy reaches back cannot be mended while
// it is open.
func TestAStaleJournalEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.accept("one")
		old := a.copyOf(t)
		a.accept("two")
		a.line.snapshot(t, a.node.CompactLimit)
		a.accept("three")
		agree(t, a, b, "three")
		eventually(t, "the copy is compacted", func() bool { at, _ := b.copy.Bounds(); return at > 2 })
		a.kill()
		a.own = old
		a.boot()
		if err := <-a.ended; !errors.Is(err, ErrStale) {
			t.Fatalf("Run says %v", err)
		}
		a.ended <- nil
		a.kill()
		a.own = journal.NewMemory(journal.Config{Writer: "a"}) // what SetAside and OpenJournal do
		a.boot()
		agree(t, a, b, "one", "two", "three")
	})
}

// The two parted before what the copy still has: no end of it can be appended.
func TestAForkBelowTheCopysFirstEndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.accept("one")
		old := a.copyOf(t)
		a.accept("two")
		a.line.snapshot(t, a.node.CompactLimit)
		a.accept("three")
		eventually(t, "the copy is compacted", func() bool { at, _ := b.copy.Bounds(); return at > 2 })
		agree(t, a, b, "three")
		a.kill()
		b.kill()
		a.own = old
		a.boot()
		eventually(t, "a works alone", a.works)
		for _, id := range []string{"p", "q", "r", "s", "t"} {
			a.accept(id)
		}
		b.boot()
		if err := <-a.ended; !errors.Is(err, ErrStale) {
			t.Fatalf("Run says %v", err)
		}
		if slices.Contains(a.wire.heard(), "set aside") {
			t.Error("the copy was set aside, which is the history to go on with")
		}
		a.ended <- nil
	})
}

// The copy was damaged and set aside, and its owner lost its disk and began anew: the
// state that is in a snapshot of the copy only goes into no journal that has begun.
func TestASnapshotThatWasSetAsideNeedsAnEmptyJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.accept("one")
		a.line.snapshot(t, a.node.CompactLimit)
		a.accept("two")
		eventually(t, "the copy is compacted", func() bool { at, _ := b.copy.Bounds(); return at > 1 })
		agree(t, a, b, "two")
		a.kill()
		b.kill()
		if _, err := b.copy.SetAside(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.wipe()
		line := newLine(t, "a", "b", a.own, a.blobs, time.Now)
		if _, err := line.submit(t.Context(), "anew"); err != nil {
			t.Fatal(err)
		}
		a.boot()
		b.boot()
		if err := <-a.ended; !errors.Is(err, ErrStale) {
			t.Fatalf("Run says %v", err)
		}
		a.ended <- nil
		a.kill()
		a.own = journal.NewMemory(journal.Config{Writer: "a"})
		a.boot()
		agree(t, a, b, "one", "two")
	})
}

// A copy must not begin with a snapshot whose state is not here: it could not be folded,
// and what was before it would be gone. Until it can, all else goes on.
func TestACopyIsNotCompactedToWhatCannotBeFolded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		a.accept("job")
		agree(t, a, b, "job")
		lost := true
		var mu sync.Mutex // guards lost
		a.wire.fails(func(what string) error {
			mu.Lock()
			defer mu.Unlock()
			if what == "compact" && lost {
				if _, _, err := b.blobs.Sweep(t.Context(), func(core.Ref) bool { return false }, time.Now().Add(time.Hour)); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		b.wire.fails(func(what string) error {
			if what == "blob" {
				return fmt.Errorf("%w: for a while", link.ErrUnreachable)
			}
			return nil
		})
		seq := a.line.snapshot(t, a.node.CompactLimit)
		eventually(t, "b is asked to compact, and again", func() bool {
			return len(slices.DeleteFunc(a.wire.heard(), func(c string) bool { return c != "compact" })) > 2
		})
		if first, _ := b.copy.Bounds(); first != 1 {
			t.Errorf("the copy begins with entry %d, whose state is lost", first)
		}
		if !a.accept("later") {
			t.Error("nothing is protected meanwhile")
		}
		mu.Lock()
		lost = false
		mu.Unlock()
		b.wire.fails(nil)
		eventually(t, "the copy is compacted", func() bool { first, _ := b.copy.Bounds(); return first == seq })
		var gap *journal.Gap
		if err := b.node.Handler().Compact(t.Context(), seq+100); !errors.As(err, &gap) {
			t.Errorf("compact to what is not there: %v", err)
		}
		if f := core.AsFailure(b.node.Handler().Compact(t.Context(), seq+1)); f.Code != core.CodeConflict {
			t.Errorf("compact to what is no snapshot: %+v", f)
		}
	})
}
