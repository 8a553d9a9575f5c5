package journaltest

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Owner is a journal with what shipping it needs.
type Owner interface {
	journal.Log
	journal.Chain
	End() (journal.Seq, journal.Hash)
	Frames(ctx context.Context, from journal.Seq, max int) ([][]byte, error)
	Restore(ctx context.Context, frames [][]byte) (journal.Seq, error)
}

// Copy is a peer's journal.
type Copy interface {
	journal.Reader
	journal.Chain
	End() (journal.Seq, journal.Hash)
	Frames(ctx context.Context, from journal.Seq, max int) ([][]byte, error)
	Put(ctx context.Context, frames [][]byte) (journal.Seq, error)
	Compact(ctx context.Context, before journal.Seq) error
	SetAside(ctx context.Context) (string, error)
	Asides() ([]string, error)
	Aside(ctx context.Context, name string) iter.Seq2[[]byte, error]
	Discard(name string) error
	Close() error
}

// Pair makes what the suite for copies works with.
type Pair struct {
	Owner  func(t *testing.T, cfg journal.Config) Owner // a new, empty journal
	Copy   func(t *testing.T, cfg journal.Config) Copy  // a new, empty copy
	Reopen func(t *testing.T, c Copy) Copy              // closes and opens again; nil: nothing is kept
}

// RunCopies runs the suite for copies and for journals that ship to them.
func RunCopies(t *testing.T, p Pair) {
	if p.Reopen == nil {
		p.Reopen = func(_ *testing.T, c Copy) Copy { return c }
	}
	for _, c := range []struct {
		name string
		test func(*testing.T, Pair)
	}{
		{"a copy has what its owner wrote", testShip},
		{"frames come in whole appends", testWholeAppends},
		{"frames wait for what is not there yet", testFramesWait},
		{"a copy knows its end and its hashes", testEnds},
		{"a repeat is no error", testRepeat},
		{"a gap is refused", testGap},
		{"a fork is refused", testFork},
		{"a stranger is refused", testStranger},
		{"bytes that are no frames are refused", testNoFrames},
		{"too much at once is refused", testTooMuch},
		{"a copy may begin high", testHigh},
		{"a copy is compacted as its owner is", testCopyCompact},
		{"a journal takes its lost end back", testRestore},
		{"a journal that forked takes nothing back", testRestoreForked},
		{"journal and copy are compared", testCompare},
		{"a copy is set aside and begun anew", testSetAside},
		{"a fork is healed and nothing is lost", testHeal},
		{"what is missing is found", testMissing},
		{"a closed copy says so", testCopyClosed},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, p) })
	}
}

func (p Pair) owner(t *testing.T, cfg journal.Config) Owner {
	t.Helper()
	o := p.Owner(t, cfg)
	t.Cleanup(func() { o.Close() })
	return o
}

func (p Pair) copy(t *testing.T, cfg journal.Config) Copy {
	t.Helper()
	c := p.Copy(t, cfg)
	t.Cleanup(func() { c.Close() })
	return c
}

// reopen is Reopen with the clean-up.
func (p Pair) reopen(t *testing.T, c Copy) Copy {
	t.Helper()
	again := p.Reopen(t, c)
	t.Cleanup(func() { again.Close() })
	return again
}

// Shipper gives frames.
type Shipper interface {
	End() (journal.Seq, journal.Hash)
	Frames(ctx context.Context, from journal.Seq, max int) ([][]byte, error)
}

// Frames reads all frames from a sequence on.
func Frames(t testing.TB, s Shipper, from journal.Seq) [][]byte {
	t.Helper()
	var all [][]byte
	for last, _ := s.End(); from <= last; {
		frames, err := s.Frames(t.Context(), from, 0)
		if err != nil || len(frames) == 0 {
			t.Fatalf("Frames from %d: %d frames, %v", from, len(frames), err)
		}
		all, from = append(all, frames...), from+journal.Seq(len(frames))
	}
	return all
}

// Put puts frames, MaxBatch at a time.
func Put(t testing.TB, put func(context.Context, [][]byte) (journal.Seq, error), frames [][]byte) {
	t.Helper()
	for part := range slices.Chunk(frames, journal.MaxBatch) {
		if _, err := put(t.Context(), part); err != nil {
			t.Fatalf("%d frames: %v", len(part), err)
		}
	}
}

// ship puts everything of o that c has not.
func ship(t testing.TB, o Owner, c Copy) {
	t.Helper()
	from, _ := c.End()
	if from++; from == 1 {
		from, _ = o.Bounds()
	}
	Put(t, c.Put, Frames(t, o, from))
}

func same(t *testing.T, o, c journal.Reader) {
	t.Helper()
	want, got := Read(t, o, 0), Read(t, c, 0)
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("the copy differs:\n got %d entries %v\nwant %d entries %v", len(got), got, len(want), want)
	}
	first, last := o.Bounds()
	bounds(t, c, first, last)
}

func refused[E error](t *testing.T, what string, err error) (as E) {
	t.Helper()
	if !errors.As(err, &as) {
		t.Fatalf("%s: got %v, want a %T", what, err, as)
	}
	return as
}

func testShip(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{Writer: "a", Epoch: 3}), p.copy(t, journal.Config{Writer: "a"})
	bounds(t, c, 1, 0)
	for _, n := range []int{0, 1, 5, 40, 300} {
		_, last := o.Bounds()
		Append(t, o, Events(int(last), n)...)
		ship(t, o, c)
		same(t, o, c)
		c = p.reopen(t, c)
		same(t, o, c)
	}
	for e, err := range c.Follow(t.Context(), 7) {
		if err != nil || e.Writer != "a" || e.Epoch != 3 {
			t.Fatalf("entry %+v, %v; want writer a, epoch 3", e, err)
		}
		break
	}
}

func testWholeAppends(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	ends := map[journal.Seq]bool{0: true}
	for n, at := range []int{3, 1, 1, 20, 2, 1000, 7, 1} {
		ends[Append(t, o, Events(n*1000, n*1000+at-1)...)] = true
	}
	_, last := o.End()
	for _, max := range []int{1, 600, 3000, 0} {
		var from journal.Seq
		end, hash := o.End()
		for from < end {
			frames, err := o.Frames(t.Context(), from+1, max)
			if err != nil {
				t.Fatal(err)
			}
			if from += journal.Seq(len(frames)); !ends[from] || len(frames) > journal.MaxBatch {
				t.Fatalf("max %d: %d frames end at %d, inside an append", max, len(frames), from)
			}
			if seq, err := c.Put(t.Context(), frames); err != nil || seq < from {
				t.Fatalf("Put = %d, %v; want %d", seq, err, from)
			}
		}
		if seq, at := c.End(); seq != end || at != hash || hash != last {
			t.Errorf("End = %d %s, want %d %s", seq, at, end, hash)
		}
	}
	same(t, o, c)
}

func testFramesWait(t *testing.T, p Pair) {
	o := p.owner(t, journal.Config{})
	got := make(chan int, 3)
	go func() {
		defer close(got)
		for from := journal.Seq(1); from <= 3; {
			frames, err := o.Frames(t.Context(), from, 0)
			if err != nil {
				t.Error(err)
				return
			}
			from += journal.Seq(len(frames))
			got <- len(frames)
		}
	}()
	Append(t, o, Event(0))
	if n := <-got; n != 1 {
		t.Errorf("got %d frames, want 1", n)
	}
	Append(t, o, Events(1, 2)...)
	if n := <-got; n != 2 {
		t.Errorf("got %d frames, want 2", n)
	}
	<-got
	if frames, err := o.Frames(t.Context(), 5, 0); *refused[*journal.Gap](t, "Frames behind the next", err) != (journal.Gap{Want: 4, Got: 5}) {
		t.Errorf("got %d frames, %v", len(frames), err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	if _, err := o.Frames(ctx, 4, 0); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Frames of nothing = %v, want the context's error", err)
	}
	ended := make(chan error)
	go func() {
		_, err := o.Frames(t.Context(), 4, 0)
		ended <- err
	}()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Frames of a closed journal = %v, want ErrClosed", err)
	}
}

func testEnds(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	for name, chain := range map[string]interface {
		journal.Chain
		End() (journal.Seq, journal.Hash)
	}{"journal": o, "copy": c} {
		if seq, hash := chain.End(); seq != 0 || hash != (journal.Hash{}) {
			t.Errorf("End of an empty %s = %d, %s", name, seq, hash)
		}
	}
	Append(t, o, Events(0, 9)...)
	ship(t, o, c)
	if err := errors.Join(o.Compact(t.Context(), 4), c.Compact(t.Context(), 4)); err != nil {
		t.Fatal(err)
	}
	entries := Read(t, o, 0)
	hashes := func(chain journal.Chain) {
		t.Helper()
		if hash, err := chain.HashAt(t.Context(), 3); err != nil || hash != entries[0].Prev {
			t.Errorf("HashAt(3) = %s, %v; want %s", hash, err, entries[0].Prev)
		}
		for _, e := range entries {
			if hash, err := chain.HashAt(t.Context(), e.Seq); err != nil || hash != e.Hash {
				t.Errorf("HashAt(%d) = %s, %v; want %s", e.Seq, hash, err, e.Hash)
			}
		}
		if _, err := chain.HashAt(t.Context(), 2); !errors.Is(err, journal.ErrCompacted) {
			t.Errorf("HashAt(2) = %v, want ErrCompacted", err)
		}
		_, err := chain.HashAt(t.Context(), 11)
		refused[*journal.Gap](t, "HashAt(11)", err)
	}
	hashes(o)
	hashes(c)
	hashes(p.reopen(t, c))
}

func testRepeat(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	Append(t, o, Events(0, 29)...)
	frames := Frames(t, o, 1)
	for _, part := range [][2]int{{0, 10}, {0, 10}, {3, 7}, {5, 12}, {0, 30}, {29, 30}, {0, 1}, {0, 0}} {
		seq, err := c.Put(t.Context(), frames[part[0]:part[1]])
		if last, _ := c.End(); err != nil || seq != last || int(seq) < part[1] {
			t.Errorf("Put of %v = %d, %v; the last is %d", part, seq, err, last)
		}
		c = p.reopen(t, c)
	}
	same(t, o, c)
	if err := c.Compact(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	for _, part := range [][2]int{{10, 30}, {5, 30}, {5, 10}} { // what is proven needs not be there
		if _, err := c.Put(t.Context(), frames[part[0]:part[1]]); err != nil {
			t.Errorf("Put of %v behind a compaction: %v", part, err)
		}
	}
	if _, err := c.Put(t.Context(), frames[:5]); !errors.Is(err, journal.ErrCompacted) {
		t.Errorf("Put of what was compacted away = %v, want ErrCompacted", err)
	}
	Equal(t, Read(t, c, 0), 11, Events(10, 29))
}

func testGap(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	Append(t, o, Events(0, 29)...)
	frames := Frames(t, o, 1)
	Put(t, c.Put, frames[:10])
	_, err := c.Put(t.Context(), frames[12:])
	if g := refused[*journal.Gap](t, "Put behind the next", err); *g != (journal.Gap{Want: 11, Got: 13}) {
		t.Errorf("got %v", g)
	}
	Equal(t, Read(t, c, 0), 1, Events(0, 9))
	Put(t, c.Put, frames[10:])
	same(t, o, c)
}

func testFork(t *testing.T, p Pair) {
	for _, n := range []int{0, 1, 20} {
		one, other := p.forked(t, n, 30)
		c := p.copy(t, journal.Config{Writer: "a"})
		ship(t, one, c)
		theirs := Frames(t, other, 1)
		at := journal.Seq(n + 1)
		here, _ := one.HashAt(t.Context(), at)
		there, _ := other.HashAt(t.Context(), at)
		for _, frames := range [][][]byte{theirs, theirs[:n+1], theirs[:29], theirs[n:]} {
			_, err := c.Put(t.Context(), frames)
			if f := refused[*journal.Fork](t, "Put of another history", err); *f != (journal.Fork{Seq: at, Have: here, Got: there}) || !errors.Is(err, journal.ErrForked) {
				t.Errorf("forked at %d, got %v", at, err)
			}
		}
		Append(t, other, Event(1)) // follows the entry 30 there, not here
		_, err := c.Put(t.Context(), Frames(t, other, 31))
		if f := refused[*journal.Fork](t, "Put behind another history", err); f.Seq != 30 {
			t.Errorf("got %v, want a fork at 30", f)
		}
		if n > 0 {
			Put(t, c.Put, theirs[:n]) // what they have in common is a repeat
		}
		same(t, one, c)
		same(t, one, p.reopen(t, c))
	}
}

func testStranger(t *testing.T, p Pair) {
	a, b := p.owner(t, journal.Config{Writer: "a"}), p.owner(t, journal.Config{Writer: "b"})
	Append(t, a, Events(0, 9)...)
	Append(t, b, Events(0, 9)...)
	as, bs := Frames(t, a, 1), Frames(t, b, 1)
	known, learnt, renamed := p.copy(t, journal.Config{Writer: "a"}), p.copy(t, journal.Config{}), p.copy(t, journal.Config{Writer: "b", Formerly: []string{"a"}})
	Put(t, learnt.Put, as[:5])
	Put(t, renamed.Put, as[:5])
	for name, c := range map[string]Copy{"the name is known": known, "the name was learnt": p.reopen(t, learnt)} {
		_, err := c.Put(t.Context(), bs)
		if s := refused[*journal.Stranger](t, name, err); *s != (journal.Stranger{Want: "a", Got: "b"}) {
			t.Errorf("%s: got %v", name, err)
		}
		Put(t, c.Put, as)
		same(t, a, c)
	}
	_, err := a.Restore(t.Context(), bs)
	refused[*journal.Stranger](t, "Restore", err)
	_, err = p.owner(t, journal.Config{Writer: "a"}).Restore(t.Context(), bs)
	refused[*journal.Stranger](t, "Restore into an empty journal", err)
}

// testNoFrames also shows that a refused Put leaves nothing.
func testNoFrames(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	Append(t, o, Events(0, 29)...)
	frames := Frames(t, o, 1)
	Put(t, c.Put, frames[:10])
	broken := func(change func([][]byte) [][]byte) [][]byte {
		var fs [][]byte
		for _, raw := range frames[10:] {
			fs = append(fs, slices.Clone(raw))
		}
		return change(fs)
	}
	for name, fs := range map[string][][]byte{
		"byte flipped":   broken(func(fs [][]byte) [][]byte { fs[12][120] ^= 1; return fs }),
		"cut short":      broken(func(fs [][]byte) [][]byte { fs[19] = fs[19][:50]; return fs }),
		"empty":          broken(func(fs [][]byte) [][]byte { fs[3] = nil; return fs }),
		"no frame":       broken(func(fs [][]byte) [][]byte { fs[3] = []byte("hello"); return fs }),
		"two in one":     broken(func(fs [][]byte) [][]byte { fs[3] = append(fs[3], fs[4]...); return slices.Delete(fs, 4, 5) }),
		"one left out":   broken(func(fs [][]byte) [][]byte { return slices.Delete(fs, 7, 8) }),
		"one twice":      broken(func(fs [][]byte) [][]byte { fs[8] = fs[7]; return fs }),
		"the wrong way":  broken(func(fs [][]byte) [][]byte { slices.Reverse(fs); return fs }),
		"bytes appended": broken(func(fs [][]byte) [][]byte { fs[0] = append(fs[0], 0); return fs }),
	} {
		if seq, err := c.Put(t.Context(), fs); !errors.Is(err, journal.ErrFrame) {
			t.Errorf("%s: Put = %d, %v; want ErrFrame", name, seq, err)
		}
		if _, err := o.Restore(t.Context(), fs); !errors.Is(err, journal.ErrFrame) {
			t.Errorf("%s: Restore: %v; want ErrFrame", name, err)
		}
	}
	Equal(t, Read(t, p.reopen(t, c), 0), 1, Events(0, 9))
	for i, raw := range frames {
		if e, err := journal.ParseFrame(raw); err != nil || !reflect.DeepEqual(e, Read(t, o, journal.Seq(i+1))[0]) {
			t.Fatalf("ParseFrame = %+v, %v", e, err)
		}
	}
}

func testTooMuch(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	Append(t, o, Events(0, journal.MaxBatch-1)...)
	Append(t, o, Event(0))
	frames := Frames(t, o, 1)
	if _, err := c.Put(t.Context(), frames); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("Put of %d frames: %v, want ErrTooLarge", len(frames), err)
	}
	if _, err := c.Put(t.Context(), [][]byte{make([]byte, journal.MaxFrames+1)}); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("Put of %d bytes: %v, want ErrTooLarge", journal.MaxFrames+1, err)
	}
	bounds(t, c, 1, 0)
	ship(t, o, c)
	same(t, o, c)
}

func testHigh(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	Append(t, o, Events(0, 29)...)
	if err := o.Compact(t.Context(), 21); err != nil {
		t.Fatal(err)
	}
	ship(t, o, c)
	same(t, o, c)
	Append(t, o, Events(30, 59)...)
	c = p.reopen(t, c)
	ship(t, o, c)
	same(t, o, c)

	wiped := p.owner(t, journal.Config{})
	Put(t, wiped.Restore, Frames(t, c, 21))
	same(t, o, wiped)
	if a, b := Append(t, o, Event(60)), Append(t, wiped, Event(60)); a != b {
		t.Errorf("Append = %d, on the restored journal %d", a, b)
	}
	same(t, o, wiped)
}

func testCopyCompact(t *testing.T, p Pair) {
	o, c := p.owner(t, journal.Config{}), p.copy(t, journal.Config{})
	Append(t, o, Events(0, 29)...)
	ship(t, o, c)
	for _, before := range []journal.Seq{5, 20, 31} {
		if err := errors.Join(o.Compact(t.Context(), before), c.Compact(t.Context(), before)); err != nil {
			t.Fatal(err)
		}
		c = p.reopen(t, c)
		same(t, o, c)
	}
	if err := c.Compact(t.Context(), 32); err == nil {
		t.Error("Compact above the end is no error")
	}
	Append(t, o, Events(30, 39)...)
	ship(t, o, c)
	same(t, o, c)
	if _, err := c.Frames(t.Context(), 30, 0); !errors.Is(err, journal.ErrCompacted) {
		t.Errorf("Frames of what was compacted away: %v, want ErrCompacted", err)
	}
}
