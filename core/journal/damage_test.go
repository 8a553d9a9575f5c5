package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// flip changes one byte of the file, at the given part of its length.
func flip(t *testing.T, path string, part float64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[int(float64(len(b))*part)] ^= 0x10
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// flipAround changes one byte at the offset from the place where the nth frame
// of the file begins.
func flipAround(t *testing.T, path string, nth, offset int) {
	t.Helper()
	flipNear(t, path, nth, func(start, _ int) int { return start + offset })
}

// flipBehind changes one byte at the offset from the place where the nth frame
// of the file ends; the engine's checksum of 8 bytes begins there, then the
// length of 4 and the sequence of 8 of its next record.
func flipBehind(t *testing.T, path string, nth, offset int) {
	t.Helper()
	flipNear(t, path, nth, func(_, end int) int { return end + offset })
}

func flipNear(t *testing.T, path string, nth int, place func(start, end int) int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at, n := 0, 0; ; n++ {
		_, start, end, ok := nextFrame(b, at)
		if !ok {
			t.Fatalf("%s has only %d frames", path, n)
		}
		if n == nth {
			b[place(start, end)] ^= 0x01
			break
		}
		at = end
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func cut(t *testing.T, path string, part float64) {
	t.Helper()
	s, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(float64(s.Size())*part)); err != nil {
		t.Fatal(err)
	}
}

// tree gives every file below dir with its content, but for what opening touches.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(blockDir(dir), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(p)] = string(b)
	}
	return files
}

// The block files of a journal of 300 test events: six or more of 32 kB.
func blocksOf(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := listBlocks(dir)
	if err != nil || len(paths) < 4 {
		t.Fatalf("blocks %v, %v; want at least 4", paths, err)
	}
	return paths
}

func TestDamageIsFoundAndRecoveredFrom(t *testing.T) {
	const size = 300
	oldest := func(ps []string) string { return ps[0] }
	middle := func(ps []string) string { return ps[len(ps)/2] }
	newest := func(ps []string) string { return ps[len(ps)-1] }
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, blocks []string)
		kind   Kind
		lost   int // how many entries; -1: some
	}{
		{"byte flipped in the oldest block", func(t *testing.T, b []string) { flipAround(t, oldest(b), 20, 200) }, ChangedBytes, 1},
		{"byte flipped in a middle block", func(t *testing.T, b []string) { flipAround(t, middle(b), 20, 300) }, ChangedBytes, 1},
		{"byte flipped in the newest block", func(t *testing.T, b []string) { flipAround(t, newest(b), 3, 97) }, ChangedBytes, 1},
		{"byte flipped in the very last event", func(t *testing.T, b []string) { flip(t, newest(b), 0.99) }, Truncated, 1},
		{"checksum of the very last record flipped", func(t *testing.T, b []string) { flip(t, newest(b), 0.9999) }, ChangedBytes, 0},
		{"sequence of the engine flipped", func(t *testing.T, b []string) { flipBehind(t, middle(b), 3, 8+4) }, ChangedBytes, 0},
		{"checksum of the engine flipped", func(t *testing.T, b []string) { flipBehind(t, middle(b), 3, 2) }, ChangedBytes, 0},
		{"length of the engine's header flipped", func(t *testing.T, b []string) { flipBehind(t, middle(b), 3, recordSum+recordHead+1) }, ChangedBytes, 0},
		{"magic flipped", func(t *testing.T, b []string) { flipAround(t, middle(b), 3, 1) }, ChangedBytes, 1},
		{"frame's size flipped", func(t *testing.T, b []string) { flipAround(t, middle(b), 3, 43) }, ChangedBytes, 1},
		{"oldest block truncated", func(t *testing.T, b []string) { cut(t, oldest(b), 0.5) }, ChangedBytes, -1},
		{"newest block truncated", func(t *testing.T, b []string) { cut(t, newest(b), 0.5) }, Truncated, -1},
		{"newest block emptied", func(t *testing.T, b []string) { cut(t, newest(b), 0) }, Truncated, -1},
		{"oldest block deleted", func(t *testing.T, b []string) { os.Remove(oldest(b)) }, Hole, -1},
		{"middle block deleted", func(t *testing.T, b []string) { os.Remove(middle(b)) }, Hole, -1},
		{"newest block deleted", func(t *testing.T, b []string) { os.Remove(newest(b)) }, Truncated, -1},
		{"two blocks hit", func(t *testing.T, b []string) { flipAround(t, oldest(b), 5, 150); flipAround(t, middle(b), 5, 150) }, ChangedBytes, 2},
	} {
		for _, crash := range []bool{false, true} {
			name := c.name + ", clean stop"
			if crash {
				name = c.name + ", crash"
			}
			t.Run(name, func(t *testing.T) {
				cfg := testConfig(t)
				j := mustOpen(t, cfg)
				fillTo(t, j, size)
				if crash {
					cfg.Dir = copyDir(t, cfg.Dir)
				}
				mustClose(t, j)
				c.damage(t, blocksOf(t, cfg.Dir))
				before := tree(t, cfg.Dir)

				_, err := Open(t.Context(), cfg)
				var d *Damage
				if !errors.As(err, &d) {
					t.Fatalf("Open = %v, want a *Damage", err)
				}
				t.Log(err)
				if d.Kind != c.kind {
					t.Errorf("kind %q, want %q", d.Kind, c.kind)
				}
				if after := tree(t, cfg.Dir); !reflect.DeepEqual(before, after) {
					t.Error("Open changed the damaged files")
				}
				lost := sequences(d.Lost)
				switch {
				case c.lost >= 0 && len(lost) != c.lost, c.lost == -1 && len(lost) == 0, len(lost) > size/2:
					t.Errorf("lost %v, want %d", d.Lost, c.lost)
				}

				rec, err := Recover(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				want := slices.DeleteFunc(span(1, size), func(n int) bool { return slices.Contains(lost, n) })
				checkRecovery(t, rec, d, want)
				if aside := tree(t, rec.SetAside); !reflect.DeepEqual(before, aside) {
					t.Error("the files set aside are not those that were there")
				}
				j = mustOpen(t, cfg)
				wantNumbers(t, j, 0, want)
				if _, err := j.Append(t.Context(), event(1000)); err != nil {
					t.Fatal(err)
				}
				mustClose(t, j)
				wantNumbers(t, mustOpen(t, cfg), 0, append(want, 1000))
			})
		}
	}
}

func checkRecovery(t *testing.T, rec *Recovery, d *Damage, want []int) {
	t.Helper()
	moved := 0
	for i, n := range want {
		if n != i+1 {
			moved++
		}
	}
	if rec.Kept != len(want) || rec.Moved != moved || rec.First != 1 || int(rec.Last) != len(want) {
		t.Errorf("recovery %+v, want %d kept, %d moved", rec, len(want), moved)
	}
	if !reflect.DeepEqual(rec.Lost, d.Lost) || !reflect.DeepEqual(rec.Found, d.Found) {
		t.Errorf("recovery says found %q, lost %v; the damage said %q, %v", rec.Found, rec.Lost, d.Found, d.Lost)
	}
}

func sequences(rs []Range) []int {
	var ns []int
	for _, r := range rs {
		ns = append(ns, span(int(r.First), int(r.Last))...)
	}
	return ns
}

// TestEveryFlippedBitIsFound tries one bit of each byte of a block.
func TestEveryFlippedBitIsFound(t *testing.T) {
	cfg := testConfig(t)
	cfg.Logger = nil
	j := mustOpen(t, cfg)
	fillTo(t, j, 6)
	mustClose(t, j)
	paths, err := listBlocks(cfg.Dir)
	if err != nil || len(paths) != 1 {
		t.Fatalf("blocks %v, %v; want one", paths, err)
	}
	sound, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	for at := range sound {
		b := slices.Clone(sound)
		b[at] ^= 1 << (at % 8)
		if err := os.WriteFile(paths[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := Open(t.Context(), cfg)
		if err == nil {
			mustClose(t, j)
			t.Fatalf("byte %d of %d, bit %d: Open says nothing", at, len(sound), at%8)
		}
		if !errors.As(err, new(*Damage)) {
			t.Fatalf("byte %d: Open = %v, want a *Damage", at, err)
		}
	}
}

func TestDamagedIndexCostsNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, stream string)
	}{
		{"index.db flipped", func(t *testing.T, s string) { flip(t, filepath.Join(s, "msgs", "index.db"), 0.5) }},
		{"index.db deleted", func(t *testing.T, s string) { os.Remove(filepath.Join(s, "msgs", "index.db")) }},
		{"meta.inf flipped", func(t *testing.T, s string) { flip(t, filepath.Join(s, "meta.inf"), 0.5) }},
		{"meta.inf deleted", func(t *testing.T, s string) { os.Remove(filepath.Join(s, "meta.inf")) }},
		{"meta.sum deleted", func(t *testing.T, s string) { os.Remove(filepath.Join(s, "meta.sum")) }},
		{"meta.inf and index.db deleted", func(t *testing.T, s string) {
			os.Remove(filepath.Join(s, "meta.inf"))
			os.Remove(filepath.Join(s, "msgs", "index.db"))
		}},
		{"watermark deleted", func(t *testing.T, s string) { os.Remove(markPath(filepath.Join(s, "../../../.."))) }},
		{"watermark flipped", func(t *testing.T, s string) {
			flip(t, markPath(filepath.Join(s, "../../../..")), 0.004) // the first slot
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(t)
			j := mustOpen(t, cfg)
			fillTo(t, j, 300)
			mustClose(t, j)
			c.damage(t, filepath.Dir(blockDir(cfg.Dir)))
			j = mustOpen(t, cfg)
			wantNumbers(t, j, 0, span(1, 300))
			fillTo(t, j, 310)
			mustClose(t, j)
			wantNumbers(t, mustOpen(t, cfg), 0, span(1, 310))
		})
	}
}

func TestLostStreamFolderIsNoNewJournal(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 10)
	mustClose(t, j)
	if err := os.RemoveAll(filepath.Join(cfg.Dir, "jetstream")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), cfg)
	var d *Damage
	if !errors.As(err, &d) || d.Kind != Truncated || !reflect.DeepEqual(d.Lost, []Range{{1, 10}}) {
		t.Errorf("Open = %v, want all 10 entries lost", err)
	}
	if _, err := Recover(t.Context(), cfg); !errors.As(err, &d) {
		t.Errorf("Recover = %v, want a refusal with the damage", err)
	}
}

func TestOldCopyOfTheBlocksIsNotTaken(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 100)
	old := copyDir(t, cfg.Dir)
	fillTo(t, j, 200)
	mustClose(t, j)
	mark, err := os.ReadFile(markPath(cfg.Dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(markPath(old), mark, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Dir = old
	_, err = Open(t.Context(), cfg)
	var d *Damage
	if !errors.As(err, &d) || d.Kind != Truncated || !reflect.DeepEqual(d.Lost, []Range{{101, 200}}) {
		t.Errorf("Open = %v, want entries 101-200 lost", err)
	}
}

func TestAnotherHistoryIsNotTaken(t *testing.T) {
	cfg, other := testConfig(t), testConfig(t)
	j, k := mustOpen(t, cfg), mustOpen(t, other)
	fillTo(t, j, 50)
	if _, err := k.Append(t.Context(), events(101, 160)...); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	mustClose(t, k)
	if err := os.Rename(markPath(cfg.Dir), markPath(other.Dir)); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), other)
	var d *Damage
	if !errors.As(err, &d) || d.Kind != Forked {
		t.Errorf("Open = %v, want %q", err, Forked)
	}
}

// putTorn writes the first entries of a batch, as if the engine had not finished it.
func putTorn(t *testing.T, j *Journal, first, last, written int) {
	t.Helper()
	lines, err := encodeAll(events(first, last))
	if err != nil {
		t.Fatal(err)
	}
	frames, _ := j.tail.chain().next(lines, "a", 0)
	for i, raw := range frames[:written] {
		if err := j.engine.put(t.Context(), Seq(first-1+i), raw); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnfinishedBatchIsNeverShown(t *testing.T) {
	for _, c := range []struct {
		name              string
		before, n, stored int
	}{
		{"in one block", 20, 5, 3},
		{"over several blocks", 20, 400, 300},
		{"in a new journal", 0, 5, 3},
	} {
		for _, crash := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, crash %v", c.name, crash), func(t *testing.T) {
				cfg := testConfig(t)
				j := mustOpen(t, cfg)
				fillTo(t, j, c.before)
				putTorn(t, j, c.before+1, c.before+c.n, c.stored)
				if crash {
					cfg.Dir = copyDir(t, cfg.Dir)
				}
				mustClose(t, j)
				j = mustOpen(t, cfg)
				if first, last := j.Bounds(); first != 1 || int(last) != c.before {
					t.Errorf("Bounds = %d, %d; want 1, %d", first, last, c.before)
				}
				fillTo(t, j, c.before+10)
				mustClose(t, j)
				wantNumbers(t, mustOpen(t, cfg), 0, span(1, c.before+10))
			})
		}
	}
}

func TestUnfinishedBatchOfUnknownFateIsDamage(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 20)
	putTorn(t, j, 21, 25, 3)
	mustClose(t, j)
	if err := os.Remove(markPath(cfg.Dir)); err != nil { // now it might have been acknowledged
		t.Fatal(err)
	}
	_, err := Open(t.Context(), cfg)
	var d *Damage
	if !errors.As(err, &d) || d.Kind != TornBatch {
		t.Fatalf("Open = %v, want %q", err, TornBatch)
	}
	rec, err := Recover(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rec.Dropped, []Range{{21, 23}}) || rec.Kept != 20 || rec.Moved != 0 || len(rec.Lost) != 0 {
		t.Errorf("recovery %+v, want 21-23 dropped and 20 kept", rec)
	}
	wantNumbers(t, mustOpen(t, cfg), 0, span(1, 20))
}

func TestRecoverLeavesASoundJournalAlone(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 100)
	if err := j.Compact(t.Context(), 41); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	before := tree(t, cfg.Dir)
	rec, err := Recover(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if want := (&Recovery{Kept: 60, First: 41, Last: 100}); !reflect.DeepEqual(rec, want) {
		t.Errorf("got %+v, want %+v", rec, want)
	}
	if !reflect.DeepEqual(before, tree(t, cfg.Dir)) {
		t.Error("Recover changed the files")
	}
}

func TestRecoveryOfACompactedJournalKeepsItsNumbers(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 300)
	if err := j.Compact(t.Context(), 120); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	blocks := blocksOf(t, cfg.Dir)
	flip(t, blocks[len(blocks)-2], 0.5)
	_, err := Open(t.Context(), cfg)
	var d *Damage
	if !errors.As(err, &d) || len(sequences(d.Lost)) != 1 {
		t.Fatalf("Open = %v, want one entry lost", err)
	}
	rec, err := Recover(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	j = mustOpen(t, cfg)
	if first, last := j.Bounds(); first != 120 || last != 299 || rec.First != 120 || rec.Last != 299 {
		t.Errorf("Bounds = %d, %d, recovery %+v; want 120, 299", first, last, rec)
	}
	lost := sequences(d.Lost)[0]
	wantNumbers(t, j, 0, append(span(120, lost-1), span(lost+1, 300)...))
	epochs := map[bool][]uint64{}
	for e, err := range j.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		behind := int(e.Seq) >= lost
		if !slices.Contains(epochs[behind], e.Epoch) {
			epochs[behind] = append(epochs[behind], e.Epoch)
		}
	}
	if want := map[bool][]uint64{false: {0}, true: {1}}; !reflect.DeepEqual(epochs, want) {
		t.Errorf("epochs before and behind the damage %v, want %v", epochs, want)
	}
}

func TestDamageWhileOpenEndsARead(t *testing.T) {
	cfg := testConfig(t)
	cfg.Timeout = 500 * time.Millisecond
	j := mustOpen(t, cfg)
	fillTo(t, j, 300)
	mustClose(t, j)
	j = mustOpen(t, cfg)
	if err := os.Remove(blocksOf(t, cfg.Dir)[1]); err != nil {
		t.Fatal(err)
	}
	n := 0
	var last error
	for _, err := range j.Read(t.Context(), 1) {
		if last = err; err == nil {
			n++
		}
	}
	var d *Damage
	if !errors.As(last, &d) || n == 0 || n == 300 {
		t.Errorf("after %d entries Read ended with %v, want a *Damage", n, last)
	}
}

func TestEventOfANewerVersionIsNoDamage(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	frames, _ := j.tail.chain().next([][]byte{[]byte(`{"type":"FromTheFuture","at":"2024-01-02T03:04:05Z","job":"","data":{}}`)}, "a", 0)
	if err := j.engine.put(t.Context(), 0, frames[0]); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	_, err := Open(t.Context(), cfg)
	if !errors.Is(err, core.ErrUnknownEvent) || !strings.Contains(err.Error(), "hint:") {
		t.Errorf("Open = %v, want ErrUnknownEvent with a hint", err)
	}
}
