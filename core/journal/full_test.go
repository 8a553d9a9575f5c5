package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"golang.org/x/sys/unix"
)

func wantDataDown(t *testing.T, err error) {
	t.Helper()
	if f := core.AsFailure(err); err == nil || f.Code != core.CodeDataDown || f.Permanent || f.Remedy == "" {
		t.Errorf("got %v, want a temporary failure %s with a remedy", err, core.CodeDataDown)
	}
}

func TestJournalStopsBeforeTheDiskIsFull(t *testing.T) {
	var free atomic.Int64
	free.Store(1 << 30)
	cfg := testConfig(t)
	cfg.free = func(string) (int64, error) { return free.Load(), nil }
	j := mustOpen(t, cfg)
	fillTo(t, j, 10)
	free.Store(64<<20 + 100)
	_, err := j.Append(t.Context(), event(11))
	wantDataDown(t, err)
	wantNumbers(t, j, 0, span(1, 10))
	free.Store(1 << 30)
	fillTo(t, j, 20)
	wantNumbers(t, j, 0, span(1, 20))
}

// smallDisk mounts a filesystem of so many KiB.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small filesystem needs root: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

func TestJournalSurvivesAFullDisk(t *testing.T) {
	for _, c := range []struct {
		name  string
		batch int
		size  int // of one event, about
	}{
		{"single small events", 1, 500},
		{"single large events", 1, 300_000},
		{"batches", 20, 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := smallDisk(t, "6m")
			ballast := filepath.Join(disk, "ballast")
			if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg := testConfig(t)
			cfg.Dir, cfg.Reserve, cfg.Timeout = filepath.Join(disk, "journal"), -1, 5*time.Second
			j := mustOpen(t, cfg)

			next := 1
			appendOne := func() error {
				var es []core.Event
				for n := range c.batch {
					e := event(next + n)
					body := e.Body.(core.PageRecognized)
					body.Text.By = strings.Repeat("x", max(0, c.size-400))
					e.Body = body
					es = append(es, e)
				}
				_, err := j.Append(t.Context(), es...)
				if err == nil {
					next += c.batch
				}
				return err
			}
			var err error
			for range 20_000 {
				if err = appendOne(); err != nil {
					break
				}
			}
			t.Logf("full after %d events: %v", next-1, err)
			wantDataDown(t, err)
			for range 3 { // it stays full
				if err := appendOne(); err == nil {
					break // a smaller rest may have fitted
				}
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(20 * time.Second)
			for appendOne() != nil {
				if time.Now().After(deadline) {
					t.Fatal("no append succeeded after there was room again")
				}
			}
			if err := appendOne(); err != nil {
				t.Errorf("second append after there was room: %v", err)
			}
			wantNumbers(t, j, 0, span(1, next-1))
			mustClose(t, j)
			wantNumbers(t, mustOpen(t, cfg), 0, span(1, next-1))
		})
	}
}

func TestOpenOnAFullDiskSaysSo(t *testing.T) {
	disk := smallDisk(t, "1m")
	fill(t, filepath.Join(disk, "ballast"))
	_, err := Open(t.Context(), Config{Dir: filepath.Join(disk, "journal")})
	if err == nil {
		t.Skip("the filesystem had room for an empty journal")
	}
	wantDataDown(t, err)
}

// fill writes until nothing more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}

func TestReadersGoOnWhenTheEngineIsStartedAgain(t *testing.T) {
	cfg := testConfig(t)
	j := mustOpen(t, cfg)
	fillTo(t, j, 5)
	seen := make(chan Seq)
	go func() {
		defer close(seen)
		for e, err := range j.Follow(t.Context(), 1) {
			if err != nil {
				if !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				return
			}
			seen <- e.Seq
		}
	}()
	for want := Seq(1); want <= 5; want++ {
		if got := <-seen; got != want {
			t.Fatalf("follower got %d, want %d", got, want)
		}
	}
	j.engine.srv.Shutdown() // as if it had died
	deadline := time.Now().Add(20 * time.Second)
	for {
		_, err := j.Append(t.Context(), event(6))
		if err == nil {
			break
		}
		wantDataDown(t, err)
		if time.Now().After(deadline) {
			t.Fatalf("the journal does not come back: %v", err)
		}
	}
	fillTo(t, j, 10)
	for want := Seq(6); want <= 10; want++ {
		if got := <-seen; got != want {
			t.Fatalf("follower got %d, want %d", got, want)
		}
	}
	wantNumbers(t, j, 0, span(1, 10))
	mustClose(t, j)
	for seq := range seen {
		t.Errorf("follower got %d after Close", seq)
	}
}

func TestFullDiskCanBeCompacted(t *testing.T) {
	var free atomic.Int64
	free.Store(1 << 30)
	cfg := testConfig(t)
	cfg.free = func(string) (int64, error) { return free.Load(), nil }
	j := mustOpen(t, cfg)
	fillTo(t, j, 10)
	free.Store(0)
	if err := j.Compact(t.Context(), 6); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, j, 0, span(6, 10))
}
