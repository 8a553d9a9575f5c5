package journal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func mustOpenCopy(t testing.TB, cfg Config) *Copy {
	t.Helper()
	c, err := OpenCopy(context.Background(), cfg)
	if err != nil {
		t.Fatalf("OpenCopy: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// shipper gives frames, as journals and copies do.
type shipper interface {
	End() (Seq, Hash)
	Frames(ctx context.Context, from Seq, max int) ([][]byte, error)
}

// shipTo puts everything from the sequence on.
func shipTo(t testing.TB, s shipper, from Seq, put func(context.Context, [][]byte) (Seq, error)) {
	t.Helper()
	for last, _ := s.End(); from <= last; {
		frames, err := s.Frames(t.Context(), from, 8000) // several blocks' worth takes several
		if err != nil {
			t.Fatal(err)
		}
		if _, err := put(t.Context(), frames); err != nil {
			t.Fatal(err)
		}
		from += Seq(len(frames))
	}
}

func memoryWith(t testing.TB, from, to int) *Memory {
	t.Helper()
	m := NewMemory(Config{Writer: "a"})
	for n := from; n <= to; {
		next := min(to, n+n%20)
		if _, err := m.Append(t.Context(), events(n, next)...); err != nil {
			t.Fatal(err)
		}
		n = next + 1
	}
	return m
}

func TestDamagedCopyIsResetAndShippedAnew(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, blocks []string)
		lost   bool
	}{
		{"byte flipped", func(t *testing.T, b []string) { flipAround(t, b[len(b)/2], 20, 300) }, true},
		{"block truncated", func(t *testing.T, b []string) { cut(t, b[1], 0.5) }, true},
		{"end truncated", func(t *testing.T, b []string) { cut(t, b[len(b)-1], 0.5) }, true},
		{"oldest block missing", func(t *testing.T, b []string) { os.Remove(b[0]) }, true},
		{"middle block missing", func(t *testing.T, b []string) { os.Remove(b[2]) }, true},
		{"newest block missing", func(t *testing.T, b []string) { os.Remove(b[len(b)-1]) }, true},
		{"checksum of the engine flipped", func(t *testing.T, b []string) { flipBehind(t, b[2], 3, 2) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, cfg := memoryWith(t, 1, 300), testConfig(t)
			cp := mustOpenCopy(t, cfg)
			shipTo(t, o, 1, cp.Put)
			mustClose(t, cp)
			c.damage(t, blocksOf(t, currentDir(cfg.Dir)))
			before := tree(t, currentDir(cfg.Dir))

			var d *Damage
			if _, err := OpenCopy(t.Context(), cfg); !errors.As(err, &d) {
				t.Fatalf("OpenCopy = %v, want a *Damage", err)
			}
			dir, err := ResetCopy(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(before, tree(t, currentDir(dir))) {
				t.Error("the files set aside are not those that were there")
			}
			cp = mustOpenCopy(t, cfg)
			if seq, _ := cp.End(); seq != 0 {
				t.Fatalf("the copy ends at %d after its reset", seq)
			}
			asides, err := cp.Asides()
			if err != nil || !slices.Equal(asides, []string{dir}) {
				t.Fatalf("Asides = %v, %v; want %s", asides, err, dir)
			}
			lost := sequences(d.Lost)
			if c.lost != (len(lost) > 0) || len(lost) > 150 {
				t.Errorf("lost %v", d.Lost)
			}
			intact := slices.DeleteFunc(span(1, 300), func(n int) bool { return slices.Contains(lost, n) })
			if got := salvaged(t, dir); !reflect.DeepEqual(got, intact) {
				t.Errorf("salvaged %v, want %v", got, intact)
			}
			shipTo(t, o, 1, cp.Put)
			wantNumbers(t, cp, 0, span(1, 300))
			if err := cp.Discard(dir); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// salvaged gives the numbers of the events that Salvage finds.
func salvaged(t *testing.T, dir string) []int {
	t.Helper()
	var ns []int
	for raw, err := range Salvage(t.Context(), dir) {
		if err != nil {
			t.Fatal(err)
		}
		e, err := ParseFrame(raw)
		if err != nil {
			t.Fatal(err)
		}
		ns = append(ns, e.Event.Body.(core.PageRecognized).Page)
	}
	return ns
}

func TestDamagedJournalIsRestoredFromTheCopy(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 300)
	cp := NewMemoryCopy(Config{})
	shipTo(t, j, 1, cp.Put)
	if _, err := j.Append(t.Context(), events(301, 310)...); err != nil { // the peer never had these
		t.Fatal(err)
	}
	mustClose(t, j)
	blocks := blocksOf(t, cfg.Dir)
	flipAround(t, blocks[1], 5, 200)
	var d *Damage
	if _, err := Open(t.Context(), cfg); !errors.As(err, &d) {
		t.Fatalf("Open = %v, want a *Damage", err)
	}
	dir, err := SetAside(cfg)
	if err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, cfg)
	shipTo(t, cp, 1, j.Restore)
	var frames [][]byte
	for raw, err := range Salvage(t.Context(), dir) {
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, raw)
	}
	missing, err := Missing(t.Context(), j, frames)
	if err != nil || !reflect.DeepEqual(missing, events(301, 310)) {
		t.Fatalf("missing are %v, %v; want the events 301-310", missing, err)
	}
	if _, err := j.Append(t.Context(), missing...); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, j, 0, span(1, 310))
	mustClose(t, j)
	wantNumbers(t, mustOpen(t, cfg), 0, span(1, 310))
}

func TestCopyThatWasSetAsideCanBeOpened(t *testing.T) {
	o, cfg := memoryWith(t, 1, 100), testConfig(t)
	c := mustOpenCopy(t, cfg)
	shipTo(t, o, 1, c.Put)
	dir, err := c.SetAside(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := cfg
	old.Dir = dir
	wantNumbers(t, mustOpenCopy(t, old), 0, span(1, 100))
	if _, err := OpenCopy(t.Context(), cfg); !errors.Is(err, ErrLocked) {
		t.Errorf("second OpenCopy: %v, want ErrLocked", err)
	}
	if _, err := ResetCopy(cfg); !errors.Is(err, ErrLocked) {
		t.Errorf("ResetCopy of an open copy: %v, want ErrLocked", err)
	}
}

func TestCopyThatCannotBeginAnewComesBack(t *testing.T) {
	o, cfg := memoryWith(t, 1, 10), testConfig(t)
	c := mustOpenCopy(t, cfg)
	shipTo(t, o, 1, c.Put)
	if err := os.RemoveAll(currentDir(cfg.Dir)); err != nil { // nothing to rename
		t.Fatal(err)
	}
	_, err := c.SetAside(t.Context())
	wantDataDown(t, err)
	if asides, err := c.Asides(); err != nil || len(asides) != 0 {
		t.Errorf("Asides = %v, %v; want none", asides, err)
	}
	if first, last := c.Bounds(); first != 1 || last != 0 {
		t.Errorf("Bounds = %d, %d", first, last)
	}
	shipTo(t, o, 1, c.Put)
	wantNumbers(t, c, 0, span(1, 10))
}

func TestHighBeginningSurvivesACrash(t *testing.T) {
	o := memoryWith(t, 1, 100)
	frames, err := o.Frames(t.Context(), 41, 5000)
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	c := mustOpenCopy(t, cfg)
	base, err := o.HashAt(t.Context(), 40)
	if err != nil {
		t.Fatal(err)
	}
	at := chain{40, base}
	if err := c.store.mark.set(mark{end: at, base: at}); err != nil { // as begin does before it tells the engine
		t.Fatal(err)
	}
	cfg.Dir = copyDir(t, cfg.Dir)
	c = mustOpenCopy(t, cfg)
	if first, last := c.Bounds(); first != 41 || last != 40 {
		t.Fatalf("Bounds = %d, %d; want 41, 40", first, last)
	}
	if _, err := c.Put(t.Context(), frames); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		cfg.Dir = copyDir(t, cfg.Dir) // crash
		c = mustOpenCopy(t, cfg)
		wantNumbers(t, c, 0, span(41, 40+len(frames)))
		shipTo(t, o, 41, c.Put)
		frames, _ = o.Frames(t.Context(), 41, maxBytes)
	}
	wantNumbers(t, c, 0, span(41, 100))
}

func TestUnfinishedPutIsCutBackToWholeAppends(t *testing.T) {
	o := NewMemory(Config{Writer: "a"})
	for _, part := range [][2]int{{1, 20}, {21, 22}, {23, 30}} {
		if _, err := o.Append(t.Context(), events(part[0], part[1])...); err != nil {
			t.Fatal(err)
		}
	}
	frames, err := o.Frames(t.Context(), 21, 0)
	if err != nil {
		t.Fatal(err)
	}
	for written, want := range map[int]int{1: 20, 2: 22, 5: 22, 10: 30} {
		cfg := testConfig(t)
		c := mustOpenCopy(t, cfg)
		first, err := o.Frames(t.Context(), 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Put(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		for i, raw := range frames[:written] {
			if err := c.store.engine.put(t.Context(), Seq(20+i), raw); err != nil {
				t.Fatal(err)
			}
		}
		cfg.Dir = copyDir(t, cfg.Dir) // crash in the middle of Put
		c = mustOpenCopy(t, cfg)
		wantNumbers(t, c, 0, span(1, want))
		if _, err := c.Put(t.Context(), frames); err != nil {
			t.Fatal(err)
		}
		wantNumbers(t, c, 0, span(1, 30))
	}
}

func TestPartOfAnAppendThatWasPutStays(t *testing.T) {
	o := NewMemory(Config{Writer: "a"})
	if _, err := o.Append(t.Context(), events(1, 10)...); err != nil {
		t.Fatal(err)
	}
	frames, err := o.Frames(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	cfg.SyncEvery = time.Hour
	c := mustOpenCopy(t, cfg)
	if _, err := c.Put(t.Context(), frames[:6]); err != nil {
		t.Fatal(err)
	}
	if c.store.mark.dirty {
		t.Error("the watermark is not on disk: a power loss would cut the entries off")
	}
	cfg.Dir = copyDir(t, cfg.Dir)
	c = mustOpenCopy(t, cfg)
	wantNumbers(t, c, 0, span(1, 6))
	part, err := c.Frames(t.Context(), 1, 0)
	if err != nil || len(part) != 6 {
		t.Fatalf("Frames gave %d, %v; want the 6 there are", len(part), err)
	}
	if _, err := c.Put(t.Context(), frames); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, c, 0, span(1, 10))
}

func TestLargestAppendIsShipped(t *testing.T) {
	large := core.Event{At: time.Unix(0, 0).UTC(), Body: core.JobHeld{Reason: strings.Repeat("x", maxBytes/MaxBatch-200)}}
	j, c := mustOpen(t, testConfig(t)), mustOpenCopy(t, testConfig(t))
	if _, err := j.Append(t.Context(), slices.Repeat([]core.Event{large}, MaxBatch)...); err != nil {
		t.Fatal(err)
	}
	frames, err := j.Frames(t.Context(), 1, 1000)
	if err != nil || len(frames) != MaxBatch {
		t.Fatalf("Frames gave %d frames, %v; want %d", len(frames), err, MaxBatch)
	}
	if seq, err := c.Put(t.Context(), frames); err != nil || seq != MaxBatch {
		t.Fatalf("Put = %d, %v", seq, err)
	}
	sum := 0
	for _, raw := range frames {
		sum += len(raw)
	}
	if sum < maxBytes*3/4 || sum > MaxFrames {
		t.Errorf("the append has %d bytes of at most %d: not what this test is about", sum, MaxFrames)
	}
}

func TestCopyRefusesANewerVersion(t *testing.T) {
	frames, _ := chain{}.next([][]byte{[]byte(`{"type":"FromTheFuture","at":"2024-01-02T03:04:05Z","job":"","data":{}}`)}, "a", 0)
	c := mustOpenCopy(t, testConfig(t))
	if _, err := c.Put(t.Context(), frames); !errors.Is(err, core.ErrUnknownEvent) {
		t.Errorf("Put = %v, want ErrUnknownEvent", err)
	}
	if seq, _ := c.End(); seq != 0 {
		t.Errorf("the copy ends at %d: it could not be opened again", seq)
	}
}

func TestCopyStopsBeforeTheDiskIsFull(t *testing.T) {
	var free atomic.Int64
	free.Store(1 << 30)
	cfg := testConfig(t)
	cfg.free = func(string) (int64, error) { return free.Load(), nil }
	o, c := memoryWith(t, 1, 100), mustOpenCopy(t, cfg)
	frames, err := o.Frames(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), frames[:10]); err != nil {
		t.Fatal(err)
	}
	free.Store(64<<20 + 100)
	_, err = c.Put(t.Context(), frames)
	wantDataDown(t, err)
	if _, err := c.Put(t.Context(), frames[:10]); err != nil {
		t.Errorf("a repeat needs no room: %v", err)
	}
	wantNumbers(t, c, 0, span(1, 10))
	free.Store(1 << 30)
	shipTo(t, o, 1, c.Put)
	wantNumbers(t, c, 0, span(1, 100))
}

func TestCopySurvivesAFullDisk(t *testing.T) {
	for _, c := range []struct {
		name string
		max  int // bytes of one Put
	}{{"few at once", 2000}, {"many at once", 60_000}} {
		t.Run(c.name, func(t *testing.T) {
			disk := smallDisk(t, "6m")
			ballast := filepath.Join(disk, "ballast")
			if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			o, cfg := memoryWith(t, 1, 12_000), testConfig(t)
			cfg.Dir, cfg.Reserve, cfg.Timeout = filepath.Join(disk, "copy"), -1, 5*time.Second
			cp := mustOpenCopy(t, cfg)
			put := func() (err error) {
				seq, _ := cp.End()
				frames, err := o.Frames(t.Context(), seq+1, c.max)
				if err != nil {
					t.Fatal(err)
				}
				_, err = cp.Put(t.Context(), frames)
				return err
			}
			var err error
			for err == nil {
				if seq, _ := cp.End(); seq == 12_000 {
					t.Fatal("the disk did not become full")
				}
				err = put()
			}
			wantDataDown(t, err)
			full, _ := cp.End()
			t.Logf("full after %d events: %v", full, err)
			for range 3 {
				_ = put() // it stays full, or a smaller rest still fits
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(20 * time.Second)
			for put() != nil {
				if time.Now().After(deadline) {
					t.Fatal("no Put succeeded after there was room again")
				}
			}
			for range 20 {
				if err := put(); err != nil {
					t.Fatal(err)
				}
			}
			seq, _ := cp.End()
			wantNumbers(t, cp, 0, span(1, int(seq)))
			mustClose(t, cp)
			wantNumbers(t, mustOpenCopy(t, cfg), 0, span(1, int(seq)))
		})
	}
}

func TestCopyRefusesASequenceThatCannotBe(t *testing.T) {
	c := mustOpenCopy(t, testConfig(t))
	lines, err := encodeAll(events(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, last := range []Seq{1 << 53, 1<<63 - 1, 1<<64 - 2, 1<<64 - 1} {
		frames, _ := chain{last, Hash{1}}.next(lines, "a", 0)
		if _, err := c.Put(t.Context(), frames); !errors.Is(err, ErrFrame) {
			t.Errorf("Put behind %d = %v, want ErrFrame", last, err)
		}
	}
	first, _ := chain{1<<53 - 1, Hash{1}}.next(lines, "a", 0)
	if _, err := c.Put(t.Context(), first); err != nil {
		t.Error(err)
	}
	wantNumbers(t, c, 0, []int{1})
}
