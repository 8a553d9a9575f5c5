// Package journaltest is the suite that every journal.Log must pass.
package journaltest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Run runs the suite. open gives a new, empty log that the suite closes.
func Run(t *testing.T, open func(t *testing.T) journal.Log) {
	for _, c := range []struct {
		name string
		test func(*testing.T, journal.Log)
	}{
		{"new log is empty", testEmpty},
		{"what is appended is read back in order", testReadBack},
		{"read from the middle", testReadFrom},
		{"read ends where the log ended when it began", testReadEnds},
		{"a batch stands together", testBatch},
		{"what cannot be stored leaves no trace", testRefused},
		{"an event of 8 MiB is stored", testLargeEvent},
		{"every entry names the hash of the one before", testChain},
		{"concurrent appends are all there, once", testConcurrent},
		{"follow sees what was there and what comes", testFollow},
		{"followers stop when told to", testFollowStops},
		{"a cancelled append or read says so", testCancelled},
		{"compaction keeps the sequences of what remains", testCompact},
		{"everything may be compacted away", testCompactAll},
		{"a closed log says so", testClosed},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := open(t)
			t.Cleanup(func() { l.Close() })
			c.test(t, l)
		})
	}
}

// Event makes the nth of a series of events that are all different.
func Event(n int) core.Event {
	return core.Event{
		At:   time.Date(2024, 1, 2, 3, 4, 5, n, time.UTC),
		Job:  core.JobID(fmt.Sprintf("a-%06d", n)),
		Body: core.PageRecognized{Page: n + 1, Text: core.PageText{Words: n, Confidence: 91.5, Text: core.File{Name: "text.json", Ref: "abc", Size: 4711}}},
	}
}

// Events makes the events from..to.
func Events(from, to int) []core.Event {
	var events []core.Event
	for n := from; n <= to; n++ {
		events = append(events, Event(n))
	}
	return events
}

// Append appends and gives the last sequence.
func Append(t *testing.T, l journal.Appender, events ...core.Event) journal.Seq {
	t.Helper()
	seq, err := l.Append(t.Context(), events...)
	if err != nil {
		t.Fatalf("Append of %d events: %v", len(events), err)
	}
	return seq
}

// Read reads all entries from a sequence on.
func Read(t *testing.T, l journal.Reader, from journal.Seq) []journal.Entry {
	t.Helper()
	var entries []journal.Entry
	for e, err := range l.Read(t.Context(), from) {
		if err != nil {
			t.Fatalf("Read from %d, after %d entries: %v", from, len(entries), err)
		}
		entries = append(entries, e)
	}
	return entries
}

// Equal checks that entries are the events in order, the first with sequence first.
func Equal(t *testing.T, entries []journal.Entry, first journal.Seq, events []core.Event) {
	t.Helper()
	if len(entries) != len(events) {
		t.Fatalf("got %d entries, want %d", len(entries), len(events))
	}
	for i, e := range entries {
		if want := first + journal.Seq(i); e.Seq != want {
			t.Fatalf("entry %d has sequence %d, want %d", i, e.Seq, want)
		}
		if !reflect.DeepEqual(e.Event, events[i]) {
			t.Fatalf("entry %d:\n got %+v\nwant %+v", e.Seq, e.Event, events[i])
		}
		if i > 0 && e.Prev != entries[i-1].Hash {
			t.Fatalf("entry %d has prev %s, want %s", e.Seq, e.Prev, entries[i-1].Hash)
		}
	}
}

func bounds(t *testing.T, l journal.Reader, first, last journal.Seq) {
	t.Helper()
	if f, g := l.Bounds(); f != first || g != last {
		t.Fatalf("Bounds = %d, %d; want %d, %d", f, g, first, last)
	}
}

func testEmpty(t *testing.T, l journal.Log) {
	bounds(t, l, 1, 0)
	Equal(t, Read(t, l, 0), 1, nil)
	Equal(t, Read(t, l, 1), 1, nil)
	if seq := Append(t, l); seq != 0 {
		t.Errorf("Append of nothing = %d, want 0", seq)
	}
}

func testReadBack(t *testing.T, l journal.Log) {
	for n := range 20 {
		if seq := Append(t, l, Event(n)); seq != journal.Seq(n+1) {
			t.Fatalf("Append %d = %d, want %d", n, seq, n+1)
		}
	}
	bounds(t, l, 1, 20)
	Equal(t, Read(t, l, 0), 1, Events(0, 19))
}

func testReadFrom(t *testing.T, l journal.Log) {
	Append(t, l, Events(0, 9)...)
	Equal(t, Read(t, l, 7), 7, Events(6, 9))
	Equal(t, Read(t, l, 10), 10, Events(9, 9))
	Equal(t, Read(t, l, 11), 11, nil)
	Equal(t, Read(t, l, 99), 99, nil)
	for range l.Read(t.Context(), 1) {
		break // leaving early must not upset what comes after
	}
	Equal(t, Read(t, l, 1), 1, Events(0, 9))
}

func testReadEnds(t *testing.T, l journal.Log) {
	Append(t, l, Events(0, 2)...)
	var got []journal.Entry
	for e, err := range l.Read(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
		Append(t, l, Event(100+len(got)))
	}
	Equal(t, got, 1, Events(0, 2))
}

func testBatch(t *testing.T, l journal.Log) {
	if seq := Append(t, l, Events(0, 99)...); seq != 100 {
		t.Errorf("Append of 100 = %d", seq)
	}
	if seq := Append(t, l, Events(100, 101)...); seq != 102 {
		t.Errorf("Append of 2 = %d", seq)
	}
	if seq := Append(t, l, Events(102, 101+journal.MaxBatch)...); seq != 102+journal.MaxBatch {
		t.Errorf("Append of %d = %d", journal.MaxBatch, seq)
	}
	Equal(t, Read(t, l, 0), 1, Events(0, 101+journal.MaxBatch))
}

type strange struct{}

func (strange) Type() string { return "Strange" }

func testRefused(t *testing.T, l journal.Log) {
	Append(t, l, Event(0))
	huge := core.Event{At: time.Unix(0, 0).UTC(), Body: core.JobHeld{Reason: strings.Repeat("x", journal.MaxEvent)}}
	for _, c := range []struct {
		name   string
		events []core.Event
		want   error
	}{
		{"unknown type", []core.Event{Event(1), {Body: strange{}}}, core.ErrUnknownEvent},
		{"too large", []core.Event{Event(1), huge}, journal.ErrTooLarge},
		{"too many", Events(0, journal.MaxBatch), journal.ErrTooLarge},
	} {
		if seq, err := l.Append(t.Context(), c.events...); !errors.Is(err, c.want) {
			t.Errorf("%s: Append = %d, %v; want %v", c.name, seq, err, c.want)
		}
	}
	Append(t, l, Event(1))
	Equal(t, Read(t, l, 0), 1, Events(0, 1))
}

func testLargeEvent(t *testing.T, l journal.Log) {
	large := core.Event{At: time.Unix(0, 0).UTC(), Body: core.JobHeld{Reason: strings.Repeat("x", journal.MaxEvent-200)}}
	events := []core.Event{Event(0), large, Event(1), large, large, Event(2)}
	Append(t, l, events[:2]...)
	Append(t, l, events[2])
	Append(t, l, events[3])
	Append(t, l, events[4:]...)
	Equal(t, Read(t, l, 0), 1, events)
}

func testChain(t *testing.T, l journal.Log) {
	Append(t, l, Event(0), Event(0))
	Append(t, l, Event(0))
	entries := Read(t, l, 0)
	Equal(t, entries, 1, []core.Event{Event(0), Event(0), Event(0)})
	if entries[0].Prev != (journal.Hash{}) {
		t.Errorf("the first entry has prev %s, want none", entries[0].Prev)
	}
	seen := map[journal.Hash]bool{{}: true}
	for _, e := range entries {
		if seen[e.Hash] {
			t.Errorf("entry %d has a hash that another has: %s", e.Seq, e.Hash)
		}
		seen[e.Hash] = true
	}
}

func testConcurrent(t *testing.T, l journal.Log) {
	const writers, each = 32, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				events := Events(w*1000+n*10, w*1000+n*10+n%3)
				if _, err := l.Append(t.Context(), events...); err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
	entries := Read(t, l, 0)
	seen := map[core.JobID]journal.Seq{}
	for i, e := range entries {
		if other, twice := seen[e.Event.Job]; twice {
			t.Fatalf("%s stands at %d and at %d", e.Event.Job, other, e.Seq)
		}
		seen[e.Event.Job] = e.Seq
		if e.Seq != journal.Seq(i+1) || i > 0 && e.Prev != entries[i-1].Hash {
			t.Fatalf("entry %d (sequence %d) does not follow the one before", i, e.Seq)
		}
	}
	want := 0
	for w := range writers {
		for n := range each {
			for k := range n%3 + 1 {
				want++
				at, first := seen[Event(w*1000+n*10+k).Job], seen[Event(w*1000+n*10).Job]
				if at == 0 || at != first+journal.Seq(k) {
					t.Fatalf("event %d of append %d of writer %d is at %d, the append's first at %d", k, n, w, at, first)
				}
			}
		}
	}
	if len(entries) != want {
		t.Errorf("got %d entries, want %d", len(entries), want)
	}
}

func testFollow(t *testing.T, l journal.Log) {
	Append(t, l, Events(0, 4)...)
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var got []journal.Entry
	for e, err := range l.Follow(ctx, 3) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
		if n := len(got); n >= 3 && n < 8 {
			Append(t, l, Event(2+n)) // the follower has everything and would wait
		}
		if len(got) == 8 {
			break
		}
	}
	Equal(t, got, 3, Events(2, 9))

	arrived := make(chan journal.Entry)
	go func() {
		defer close(arrived)
		for e, err := range l.Follow(ctx, 12) {
			if err != nil {
				t.Error(err)
				return
			}
			arrived <- e
		}
	}()
	Append(t, l, Event(10))
	Append(t, l, Events(11, 12)...)
	Equal(t, []journal.Entry{<-arrived, <-arrived}, 12, Events(11, 12))
	stop()
	if e, more := <-arrived; more {
		t.Errorf("entry %d after the context ended", e.Seq)
	}
}

func testFollowStops(t *testing.T, l journal.Log) {
	ctx, stop := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		var last error
		for _, err := range l.Follow(ctx, 0) {
			last = err
		}
		stopped <- last
	}()
	stop()
	if err := <-stopped; err != nil {
		t.Errorf("a follower whose context ended got %v, want no error", err)
	}
	go func() {
		var last error
		for _, err := range l.Follow(t.Context(), 0) {
			last = err
		}
		stopped <- last
	}()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; !errors.Is(err, journal.ErrClosed) {
		t.Errorf("a follower whose log closed got %v, want ErrClosed", err)
	}
}

func testCancelled(t *testing.T, l journal.Log) {
	Append(t, l, Event(0))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if seq, err := l.Append(ctx, Event(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %d, %v; want context.Canceled", seq, err)
	}
	var last error
	for _, err := range l.Read(ctx, 0) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("Read ended with %v, want context.Canceled", last)
	}
}

func testCompact(t *testing.T, l journal.Log) {
	Append(t, l, Events(0, 9)...)
	for _, before := range []journal.Seq{0, 1, 5, 5, 3} {
		if err := l.Compact(t.Context(), before); err != nil {
			t.Fatalf("Compact(%d): %v", before, err)
		}
	}
	bounds(t, l, 5, 10)
	Equal(t, Read(t, l, 0), 5, Events(4, 9))
	for _, seq := range []func(context.Context, journal.Seq) func(func(journal.Entry, error) bool){
		func(ctx context.Context, s journal.Seq) func(func(journal.Entry, error) bool) { return l.Read(ctx, s) },
		func(ctx context.Context, s journal.Seq) func(func(journal.Entry, error) bool) {
			return l.Follow(ctx, s)
		},
	} {
		var last error
		for e, err := range seq(t.Context(), 4) {
			if last = err; err == nil {
				t.Fatalf("got entry %d, which was compacted away", e.Seq)
			}
		}
		if !errors.Is(last, journal.ErrCompacted) {
			t.Errorf("reading below the first entry ended with %v, want ErrCompacted", last)
		}
	}
	if err := l.Compact(t.Context(), 12); err == nil {
		t.Error("Compact(12) of a log that ends at 10 is no error")
	}
	if seq := Append(t, l, Event(10)); seq != 11 {
		t.Errorf("Append after Compact = %d, want 11", seq)
	}
	Equal(t, Read(t, l, 0), 5, Events(4, 10))
}

func testCompactAll(t *testing.T, l journal.Log) {
	Append(t, l, Events(0, 9)...)
	if err := l.Compact(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	bounds(t, l, 11, 10)
	Equal(t, Read(t, l, 0), 11, nil)
	if seq := Append(t, l, Event(10)); seq != 11 {
		t.Errorf("Append after Compact = %d, want 11", seq)
	}
	Equal(t, Read(t, l, 0), 11, Events(10, 10))
}

func testClosed(t *testing.T, l journal.Log) {
	Append(t, l, Event(0))
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if seq, err := l.Append(t.Context(), Event(1)); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Append = %d, %v; want ErrClosed", seq, err)
	}
	if err := l.Compact(t.Context(), 2); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Compact: %v, want ErrClosed", err)
	}
	var last error
	for _, err := range l.Read(t.Context(), 0) {
		last = err
	}
	if !errors.Is(last, journal.ErrClosed) {
		t.Errorf("Read: %v, want ErrClosed", last)
	}
}
