package journaltest

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// forked gives two journals that agree up to the entry n and went on to m alone.
func (p Pair) forked(t *testing.T, n, m int) (one, other Owner) {
	t.Helper()
	one, other = p.owner(t, journal.Config{Writer: "a"}), p.owner(t, journal.Config{Writer: "a", Epoch: 1})
	if n > 0 {
		Append(t, one, Events(0, n-1)...)
		Put(t, other.Restore, Frames(t, one, 1))
	}
	Append(t, one, Events(n, m-1)...)
	Append(t, other, Events(1000+n, 1000+m-1)...)
	return one, other
}

func testRestore(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{Writer: "a"}), p.copy(t, journal.Config{})
	Append(t, o, Events(0, 99)...)
	for n := range 20 {
		Append(t, o, Events(100+n*3, 102+n*3)...)
	}
	ship(t, o, c)
	for _, kept := range []int{0, 1, 100, 103, 160} {
		lost := p.owner(t, journal.Config{Writer: "a"})
		Put(t, lost.Restore, Frames(t, o, 1)[:kept])
		last, _ := lost.End()
		if int(last) != kept {
			t.Fatalf("the journal ends at %d, want %d", last, kept)
		}
		Put(t, lost.Restore, Frames(t, c, last+1))
		same(t, o, lost)
		Put(t, lost.Restore, Frames(t, c, 1)) // again
		Append(t, lost, Event(1000))
		ship(t, lost, c)
		same(t, lost, c)
		c = p.copy(t, journal.Config{})
		ship(t, o, c)
	}
}

func testRestoreForked(t *testing.T, p Pair) {
	one, other := p.forked(t, 5, 10)
	c := p.copy(t, journal.Config{})
	ship(t, one, c)
	Append(t, one, Event(7))
	ship(t, one, c)
	before := Read(t, other, 0)
	for _, from := range []journal.Seq{6, 11} {
		if _, err := other.Restore(t.Context(), Frames(t, c, from)); !errors.Is(err, journal.ErrForked) {
			t.Errorf("Restore from %d: %v, want ErrForked", from, err)
		}
	}
	if !reflect.DeepEqual(before, Read(t, other, 0)) {
		t.Error("the journal has changed")
	}
}

func testCompare(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	want := func(own, copy journal.Chain, want journal.Standing) {
		t.Helper()
		if got, err := journal.Compare(t.Context(), own, copy); err != nil || got != want {
			t.Errorf("Compare = %q, %v; want %q", got, err, want)
		}
	}
	want(o, c, journal.CopyBehind)
	Append(t, o, Events(0, 29)...)
	want(o, c, journal.CopyBehind)
	Put(t, c.Put, Frames(t, o, 1)[:20])
	want(o, c, journal.CopyBehind)
	ship(t, o, c)
	want(o, c, journal.CopyBehind)
	old := p.owner(t, journal.Config{})
	want(old, c, journal.CopyAhead)
	Put(t, old.Restore, Frames(t, o, 1)[:10])
	want(old, c, journal.CopyAhead)
	if err := c.Compact(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	want(o, c, journal.CopyBehind)
	want(old, c, journal.CopyAhead)
	if err := c.Compact(t.Context(), 12); err != nil {
		t.Fatal(err)
	}
	want(old, c, journal.JournalStale)
	if err := o.Compact(t.Context(), 21); err != nil {
		t.Fatal(err)
	}
	want(o, c, journal.CopyBehind)
	want(o, p.copy(t, journal.Config{}), journal.CopyBehind)
	early := p.copy(t, journal.Config{})
	Put(t, early.Put, Frames(t, old, 1))
	want(o, early, journal.CopyLapsed)

	one, other := p.forked(t, 5, 10)
	forked := p.copy(t, journal.Config{})
	ship(t, one, forked)
	want(other, forked, journal.CopyForked)
	Append(t, other, Event(1))
	want(other, forked, journal.CopyForked)
	Append(t, one, Events(1, 3)...)
	ship(t, one, forked)
	want(other, forked, journal.CopyForked)
}

func testSetAside(t *testing.T, p Pair) {
	one, other := p.forked(t, 5, 20)
	c := p.copy(t, journal.Config{})
	ship(t, one, c)
	ended := make(chan error, 1)
	started := make(chan struct{}, 20)
	go func() {
		var last error
		for _, err := range c.Follow(t.Context(), 0) {
			if last = err; err == nil {
				started <- struct{}{}
			}
		}
		ended <- last
	}()
	<-started
	name, err := c.SetAside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, journal.ErrSetAside) {
		t.Errorf("Follow ended with %v, want ErrSetAside", err)
	}
	bounds(t, c, 1, 0)
	c = p.reopen(t, c)
	ship(t, other, c)
	same(t, other, c)
	again, err := c.SetAside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	asides, err := c.Asides()
	if slices.Sort(asides); err != nil || !slices.Equal(asides, []string{name, again}) {
		t.Fatalf("Asides = %v, %v; want %v", asides, err, []string{name, again})
	}
	for i, o := range []Owner{one, other} {
		if got := aside(t, c, asides[i]); !reflect.DeepEqual(got, Frames(t, o, 1)) {
			t.Errorf("%s has %d frames that are not those of its owner", asides[i], len(got))
		}
	}
	if err := c.Discard(name); err != nil {
		t.Fatal(err)
	}
	if asides, err := c.Asides(); err != nil || !slices.Equal(asides, []string{again}) {
		t.Errorf("Asides = %v, %v; want %v", asides, err, again)
	}
	if err := c.Discard(name); err == nil {
		t.Error("Discard of nothing is no error")
	}
	for _, err := range c.Aside(t.Context(), name) {
		if err == nil {
			t.Error("a discarded copy is still read")
		}
	}
}

func aside(t *testing.T, c Copy, name string) [][]byte {
	t.Helper()
	var frames [][]byte
	for raw, err := range c.Aside(t.Context(), name) {
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, raw)
	}
	return frames
}

// testHeal is the story of the package comment.
func testHeal(t *testing.T, p Pair) {
	lost, own := p.forked(t, 20, 40)
	c := p.copy(t, journal.Config{})
	ship(t, lost, c)
	if got, err := journal.Compare(t.Context(), own, c); err != nil || got != journal.CopyForked {
		t.Fatalf("Compare = %q, %v", got, err)
	}
	name, err := c.SetAside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ship(t, own, c)
	events, err := journal.Missing(t.Context(), own, aside(t, c, name))
	if err != nil || !reflect.DeepEqual(events, Events(20, 39)) {
		t.Fatalf("%d events are missing, want those of 20-39: %v", len(events), err)
	}
	Append(t, own, events...)
	ship(t, own, c)
	if err := c.Discard(name); err != nil {
		t.Fatal(err)
	}
	same(t, own, c)
	Equal(t, Read(t, c, 0), 1, slices.Concat(Events(0, 19), Events(1020, 1039), Events(20, 39)))
}

func testMissing(t *testing.T, p Pair) {
	o := p.owner(t, journal.Config{})
	Append(t, o, Events(0, 29)...)
	frames := Frames(t, o, 1)
	missing := func(own Owner, frames [][]byte, want []core.Event) {
		t.Helper()
		if got, err := journal.Missing(t.Context(), own, frames); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Missing = %v, %v\nwant %v", got, err, want)
		}
	}
	missing(o, frames, nil)
	missing(p.owner(t, journal.Config{}), frames, Events(0, 29))
	short := p.owner(t, journal.Config{})
	Put(t, short.Restore, frames[:10])
	missing(short, frames, Events(10, 29))
	missing(short, slices.Concat(frames[:3], frames[5:12], frames[20:]), slices.Concat(Events(10, 11), Events(20, 29)))
	if err := o.Compact(t.Context(), 21); err != nil {
		t.Fatal(err)
	}
	missing(o, frames, nil)
	missing(o, frames[:20], nil)              // entry 20 stands before the first and proves the others
	missing(o, frames[:19], Events(0, 18))    // nothing proves them
	missing(o, frames[10:11], Events(10, 10)) //
	if _, err := journal.Missing(t.Context(), o, [][]byte{{1, 2, 3}}); !errors.Is(err, journal.ErrFrame) {
		t.Errorf("Missing of no frame: %v", err)
	}

	snap := p.owner(t, journal.Config{})
	Append(t, snap, Event(0), core.Event{At: Event(0).At, Body: core.Snapshot{State: "abc", Events: 1, Digest: "d"}}, Event(1))
	missing(p.owner(t, journal.Config{}), Frames(t, snap, 1), Events(0, 1))
}

func testCopyClosed(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	Append(t, o, Event(0))
	ship(t, o, c)
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	_, put := c.Put(t.Context(), Frames(t, o, 1))
	_, hash := c.HashAt(t.Context(), 1)
	_, frames := c.Frames(t.Context(), 1, 0)
	_, set := c.SetAside(t.Context())
	for name, err := range map[string]error{"Put": put, "HashAt": hash, "Frames": frames, "SetAside": set, "Compact": c.Compact(t.Context(), 1)} {
		if !errors.Is(err, journal.ErrClosed) {
			t.Errorf("%s: %v, want ErrClosed", name, err)
		}
	}
	for _, err := range c.Read(t.Context(), 0) {
		if !errors.Is(err, journal.ErrClosed) {
			t.Errorf("Read: %v, want ErrClosed", err)
		}
	}
}
