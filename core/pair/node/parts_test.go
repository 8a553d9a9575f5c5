package node

import (
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// still is a node that does not run, and the peer's journal.
func still(t *testing.T) (*Node, *journal.Memory) {
	t.Helper()
	a, b := newPair(t)
	n := New(Config{Journal: a.own, Copy: a.copy, Blobs: a.blobs, Work: newLine(t, "a", "b", a.own, a.blobs, time.Now)})
	t.Cleanup(func() { close(n.stopped) })
	return n, b.own.(*journal.Memory)
}

func fill(t *testing.T, j *journal.Memory, n int) [][]byte {
	t.Helper()
	for i := range n {
		if _, err := j.Append(t.Context(), core.Event{Body: core.ModeChanged{Server: "b", Mode: "active", Count: i + 1}}); err != nil {
			t.Fatal(err)
		}
	}
	frames, err := j.Frames(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// The machine hears that nothing of the new copy is folded before the peer has its
// answer, and nothing more of the old one after that.
func TestTheMachineHearsOfASetAsideFirst(t *testing.T) {
	n, theirs := still(t)
	h := n.Handler()
	if _, err := h.Ship(t.Context(), fill(t, theirs, 7)); err != nil {
		t.Fatal(err)
	}
	round := n.follower.begun
	n.folded(t.Context(), round, 7)
	seq, hash := n.cfg.Copy.End()
	if err := h.SetAside(t.Context(), pair.End{Seq: seq, Hash: hash}); err != nil {
		t.Fatal(err)
	}
	n.folded(t.Context(), round, 7)
	for _, want := range []pair.Input{pair.Folded{Seq: 7}, pair.Folded{Seq: 0}} {
		select {
		case got := <-n.inputs:
			if got != want {
				t.Errorf("the machine hears %+v, want %+v", got, want)
			}
		default:
			t.Errorf("the machine does not hear %+v", want)
		}
	}
	if len(n.inputs) > 0 {
		t.Errorf("the machine hears of the old copy: %+v", <-n.inputs)
	}
}

// The follower notices that it reads another copy by now.
func TestEntriesOfAnotherCopyAreNotFolded(t *testing.T) {
	n, theirs := still(t)
	frames := fill(t, theirs, 3)
	other := fill(t, journal.NewMemory(journal.Config{Writer: "x"}), 3)
	at, err := n.fold(t.Context(), journal.Entry{}, frames[:1])
	if err != nil || at.Seq != 1 {
		t.Fatalf("folded to %d, %v", at.Seq, err)
	}
	for what, wrong := range map[string][][]byte{"another history": other[1:], "a gap": frames[2:]} {
		if _, err := n.fold(t.Context(), at, wrong); !errors.Is(err, journal.ErrSetAside) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got := n.cfg.Work.(*line).folded; got != 1 {
		t.Errorf("%d entries are folded, want 1", got)
	}
}

// A drain that was overtaken by another order is no drain any more.
func TestAnOvertakenDrainIsNotAnswered(t *testing.T) {
	h := newHands(pair.OwnJobs)
	h.tell(drain)
	during, what, round := h.take(t.Context())
	if what != drain || !h.current(round) {
		t.Fatalf("took %v of round %d", what, round)
	}
	h.tell(begin)
	if during.Err() == nil || h.current(round) {
		t.Error("the drain goes on")
	}
}

// What may be compacted, and what counts as protected, is what the peer surely has.
func TestNothingIsCompactedOrProtectedInDoubt(t *testing.T) {
	n, _ := still(t)
	n.reached(5)
	if got := n.CompactLimit(); got != 5 || !n.Protect(t.Context(), 5) || n.Protect(t.Context(), 6) {
		t.Errorf("may compact to %d", got)
	}
	n.shipper.aside.Store(true)
	if got := n.CompactLimit(); got != 0 {
		t.Errorf("may compact to %d while the peer has something set aside", got)
	}
	n.shipper.aside.Store(false)
	n.salvage.left.Store(true)
	if got := n.CompactLimit(); got != 0 {
		t.Errorf("may compact to %d while there is a salvage", got)
	}
	n.doubt()
	if n.Protect(t.Context(), 5) {
		t.Error("protected although nobody knows what the peer has")
	}
}

// A journal must begin with its first event or with a snapshot: what is left behind a
// hole is appended to an empty one, not put where it was.
func TestWhatIsLeftBehindAHoleIsAppended(t *testing.T) {
	n, theirs := still(t)
	frames := fill(t, theirs, 5)[2:]
	if err := n.takeIn(t.Context(), "x", func() iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			for _, raw := range frames {
				if !yield(raw, nil) {
					return
				}
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if first, last := n.cfg.Journal.Bounds(); first != 1 || last != 3 {
		t.Errorf("the journal has %d-%d, want 1-3", first, last)
	}
}

// Of messages that wait only the newest of a kind counts, and the order stays.
func TestOldNewsIsNotSent(t *testing.T) {
	v := newVoices()
	v.say(pair.Hello{View: pair.View{Beat: 1}})
	v.say(pair.AskRest{})
	v.say(pair.Hello{Answer: true, View: pair.View{Beat: 2}})
	v.say(pair.Hello{View: pair.View{Beat: 3}})
	for _, want := range []pair.Message{pair.AskRest{}, pair.Hello{Answer: true, View: pair.View{Beat: 2}}, pair.Hello{View: pair.View{Beat: 3}}} {
		if got, ok := v.next(); !ok || got != want {
			t.Errorf("sent %+v, want %+v", got, want)
		}
	}
	if got, more := v.next(); more {
		t.Errorf("sent %+v as well", got)
	}
}

// The machine asks for an event again when it hears nothing for a time: until it has heard
// how the first went, that is no other event.
func TestAnEventThatTheMachineAsksForAgainIsWrittenOnce(t *testing.T) {
	w := writer{wake: signal()}
	back, taken := core.HandedBack{Epoch: 1, Of: "a"}, core.TakeoverBegan{Epoch: 2, Of: "a"}
	first := func(want core.Body) {
		t.Helper()
		if got, ok := w.first(); ok != (want != nil) || ok && got != want {
			t.Errorf("got %+v, want %+v to be written now", got, want)
		}
	}
	w.append(back)
	first(back)
	w.append(back) // while it is written
	w.end()
	w.append(back) // while the machine has not heard of it
	w.append(taken)
	first(nil)
	w.heard()
	first(taken)
	w.heard() // of nothing
	first(taken)
	w.end()
	w.heard()
	first(nil)
	w.append(back) // once more, for it failed
	first(back)
}
