package journal

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// testConfig is a journal with small blocks in a fresh folder.
func testConfig(t testing.TB) Config {
	return Config{Dir: t.TempDir(), Writer: "a", smallBlocks: true, Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

func mustOpen(t testing.TB, cfg Config) *Journal {
	t.Helper()
	j, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func mustClose(t testing.TB, j io.Closer) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

func event(n int) core.Event {
	return core.Event{
		At:   time.Date(2024, 1, 2, 3, 4, 5, n, time.UTC),
		Job:  "a-01H00000000000000000000000",
		Body: core.PageRecognized{Page: n, Text: core.PageText{Words: n, Confidence: 91.5, Text: core.File{Name: "text.json", Size: int64(n), Ref: core.Ref(strings.Repeat("0123456789abcdef", 4))}}},
	}
}

func events(from, to int) []core.Event {
	var es []core.Event
	for n := from; n <= to; n++ {
		es = append(es, event(n))
	}
	return es
}

// fillTo appends events until the last has the number last; event n has sequence n.
func fillTo(t testing.TB, j *Journal, last int) {
	t.Helper()
	_, at := j.Bounds()
	for n := int(at) + 1; n <= last; n += 100 {
		if _, err := j.Append(t.Context(), events(n, min(n+99, last))...); err != nil {
			t.Fatalf("Append: %v", err)
		}
	}
}

// numbers reads all events of the kind event makes and gives their numbers.
func numbers(t testing.TB, l Reader, from Seq) []int {
	t.Helper()
	var ns []int
	for e, err := range l.Read(t.Context(), from) {
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		ns = append(ns, e.Event.Body.(core.PageRecognized).Page)
	}
	return ns
}

func span(from, to int) []int {
	var ns []int
	for n := from; n <= to; n++ {
		ns = append(ns, n)
	}
	return ns
}

func wantNumbers(t testing.TB, l Reader, from Seq, want []int) {
	t.Helper()
	if got := numbers(t, l, from); !reflect.DeepEqual(got, want) {
		t.Fatalf("read from %d: got %d events, want %d\n got %v\nwant %v", from, len(got), len(want), got, want)
	}
}

// copyDir copies the folder as it is now: what a crash leaves.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the engine swept it away meanwhile
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func TestReopenedJournalGoesOnWhereItEnded(t *testing.T) {
	cfg := testConfig(t)
	cfg.smallBlocks = false
	for round := range 4 {
		cfg.Epoch = uint64(round)
		j := mustOpen(t, cfg)
		wantNumbers(t, j, 0, span(1, round*250))
		fillTo(t, j, (round+1)*250)
		var last Entry
		for e, err := range j.Read(t.Context(), Seq((round+1)*250)) {
			if err != nil {
				t.Fatal(err)
			}
			last = e
		}
		if last.Epoch != uint64(round) || last.Writer != "a" {
			t.Errorf("round %d: entry has epoch %d, writer %q", round, last.Epoch, last.Writer)
		}
		mustClose(t, j)
	}
}

func TestCrashedJournalHasEverythingAcknowledged(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 333)
	copied := cfg
	copied.Dir = copyDir(t, cfg.Dir)
	wantNumbers(t, mustOpen(t, copied), 0, span(1, 333))
}

func TestCrashWhileWritingLosesNothingAcknowledged(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; ; {
			select {
			case <-stop:
				return
			default:
			}
			count := 1 + n%17 // single writes and batches
			if _, err := j.Append(context.Background(), events(n, n+count-1)...); err != nil {
				t.Error(err)
				return
			}
			n += count
		}
	}()
	for round := range 10 {
		for e, err := range j.Follow(t.Context(), Seq(round*40+1)) {
			if err != nil {
				t.Fatal(err)
			}
			if int(e.Seq) >= round*40+40 {
				break
			}
		}
		_, acked := j.Bounds()
		// The mark is copied before the blocks, as a crash would leave it older or equal.
		copied := cfg
		copied.Dir = copyDirMarkFirst(t, cfg.Dir)
		k := mustOpen(t, copied)
		got := numbers(t, k, 0)
		if len(got) < int(acked) || !reflect.DeepEqual(got, span(1, len(got))) {
			t.Fatalf("round %d: %d events acknowledged, got %d: %v", round, acked, len(got), got)
		}
		mustClose(t, k)
	}
	close(stop)
	<-done
}

func copyDirMarkFirst(t *testing.T, dir string) string {
	t.Helper()
	m, err := os.ReadFile(markPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	to := copyDir(t, dir)
	if err := os.WriteFile(markPath(to), m, 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestCompactionSurvivesReopening(t *testing.T) {
	for _, crash := range []bool{false, true} {
		cfg := testConfig(t)
		j := mustOpen(t, cfg)
		fillTo(t, j, 300)
		for _, before := range []Seq{2, 150, 301} {
			if err := j.Compact(t.Context(), before); err != nil {
				t.Fatal(err)
			}
			if crash {
				cfg.Dir = copyDir(t, cfg.Dir)
			}
			mustClose(t, j)
			j = mustOpen(t, cfg)
			if first, last := j.Bounds(); first != before || last != 300 {
				t.Fatalf("crash %v: after Compact(%d) Bounds = %d, %d", crash, before, first, last)
			}
			wantNumbers(t, j, 0, span(int(before), 300))
		}
		fillTo(t, j, 310)
		mustClose(t, j)
		wantNumbers(t, mustOpen(t, cfg), 0, span(301, 310))
	}
}

func TestInterruptedCompactionIsFinished(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 200)
	var at Entry
	for e, err := range j.Read(t.Context(), 99) {
		if err != nil {
			t.Fatal(err)
		}
		at = e
		break
	}
	m := j.mark.get()
	m.base = chain{at.Seq, at.Hash} // as Compact does before it purges
	if err := j.mark.set(m); err != nil {
		t.Fatal(err)
	}
	mustClose(t, j)
	j = mustOpen(t, cfg)
	if first, last := j.Bounds(); first != 100 || last != 200 {
		t.Errorf("Bounds = %d, %d; want 100, 200", first, last)
	}
	wantNumbers(t, j, 0, span(100, 200))
}

func TestSecondProcessIsRefused(t *testing.T) {
	if dir := os.Getenv("JOURNAL_TEST_OPEN"); dir != "" {
		_, err := Open(context.Background(), Config{Dir: dir})
		if !errors.Is(err, ErrLocked) {
			t.Fatalf("Open = %v, want ErrLocked", err)
		}
		t.Log(err)
		return
	}
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrLocked) {
		t.Errorf("second Open in this process: %v, want ErrLocked", err)
	}
	if _, err := Recover(t.Context(), cfg); !errors.Is(err, ErrLocked) {
		t.Errorf("Recover of an open journal: %v, want ErrLocked", err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSecondProcessIsRefused$", "-test.v")
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_OPEN="+cfg.Dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "hint: stop the other server") {
		t.Errorf("second process: %v\n%s", err, out)
	}
	mustClose(t, j)
	mustClose(t, mustOpen(t, cfg))
}
