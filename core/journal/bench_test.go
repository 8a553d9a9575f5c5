package journal

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"golang.org/x/sys/unix"
)

// jobEvents is what one page of a job leaves in the journal.
func jobEvents(n int) []core.Event {
	at := time.Date(2024, 1, 2, 3, 4, 5, n, time.UTC)
	job := core.JobID(fmt.Sprintf("server-a-01H00000000000000000%06d", n%1000))
	file := core.File{Name: "page.jpg", Ref: core.Ref(strings.Repeat("0123456789abcdef", 4)), Size: 123456, Media: "image/jpeg"}
	return []core.Event{
		{At: at, Job: job, Body: core.PageRasterized{Page: n, Took: time.Millisecond, Image: core.PageImage{Image: file, Width: 2480, Height: 3508, XDPI: 300, YDPI: 300, Unchanged: true, By: "image 1.0.0"}}},
		{At: at, Job: job, Body: core.PageCleaned{Page: n, Took: time.Millisecond, Clean: core.PageClean{Turn: 90, Skew: 0.3, By: "leptonica 1.0.0"}}},
		{At: at, Job: job, Body: core.StageStarted{Stage: core.Recognize, Page: n, Attempt: 1}},
		{At: at, Job: job, Body: core.PageRecognized{Page: n, Took: time.Second, Text: core.PageText{Text: file, Confidence: 91.25, Words: 412, By: "tesseract 1.0.0 (5.3.0)"}}},
	}
}

func benchJournal(b *testing.B, events int) (*Journal, Config) {
	cfg := Config{Dir: b.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	j := mustOpen(b, cfg)
	for n := 0; n < events; {
		var batch []core.Event
		for range 250 {
			batch = append(batch, jobEvents(n)...)
			n += 4
		}
		if _, err := j.Append(b.Context(), batch...); err != nil {
			b.Fatal(err)
		}
	}
	return j, cfg
}

// BenchmarkReplay reads, proves and decodes all events of a journal.
func BenchmarkReplay(b *testing.B) {
	const size = 200_000
	j, _ := benchJournal(b, size)
	cpu := cpuSeconds(b)
	for b.Loop() {
		n := 0
		for _, err := range j.Read(b.Context(), 0) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != size {
			b.Fatalf("%d events, want %d", n, size)
		}
	}
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(size*float64(b.N)/(cpuSeconds(b)-cpu), "events/cpu-s")
}

// cpuSeconds is what the process has used; the wall clock tells little on a busy machine.
func cpuSeconds(b *testing.B) float64 {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

// BenchmarkSync is the disk alone: 512 bytes and fsync. Appends are read against it.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 512)
	for b.Loop() {
		if _, err := f.Write(buf); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a journal with all its checks.
func BenchmarkOpen(b *testing.B) {
	const size = 200_000
	var cpu float64
	for b.Loop() {
		b.StopTimer()
		j, cfg := benchJournal(b, size)
		mustClose(b, j)
		cpu -= cpuSeconds(b)
		b.StartTimer()
		mustClose(b, mustOpen(b, cfg))
		cpu += cpuSeconds(b)
	}
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(size*float64(b.N)/cpu, "events/cpu-s")
}

// BenchmarkAppend appends single events from several goroutines, or several at once.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ writers, events int }{{1, 1}, {1, 2}, {1, 10}, {1, 100}, {1, 1000}, {8, 1}, {32, 1}, {128, 1}} {
		b.Run(fmt.Sprintf("writers=%d/events=%d", c.writers, c.events), func(b *testing.B) {
			j := mustOpen(b, Config{Dir: b.TempDir()})
			defer j.Close()
			event := make([]core.Event, 0, c.events)
			for n := range c.events {
				event = append(event, jobEvents(n)[n%4])
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ResetTimer()
			var wg sync.WaitGroup
			for range c.writers {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						if _, err := j.Append(b.Context(), event...); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N*c.events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkWatermark is what the watermark adds to an append.
func BenchmarkWatermark(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) {
			w, _, err := openWatermark(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			defer w.close()
			for b.Loop() {
				if err := w.set(mark{end: chain{last: Seq(b.N)}}); err != nil {
					b.Fatal(err)
				}
				if sync {
					if err := w.sync(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkPut is one event until it is on disk in the copy, beside the same in a
// journal: p50 and p99 of one caller.
func BenchmarkPut(b *testing.B) {
	owner := NewMemory(Config{Writer: "a"})
	c := mustOpenCopy(b, Config{Dir: b.TempDir()})
	j := mustOpen(b, Config{Dir: b.TempDir(), Writer: "a"})
	var put, appended, shipped []time.Duration
	for n := 0; b.Loop(); n++ {
		e := jobEvents(n)[n%4]
		appended = append(appended, timed(b, func() error { _, err := j.Append(b.Context(), e); return err }))
		seq, err := owner.Append(b.Context(), e)
		if err != nil {
			b.Fatal(err)
		}
		var frames [][]byte
		shipped = append(shipped, timed(b, func() error { _, err := j.Frames(b.Context(), seq, 0); return err }))
		if frames, err = owner.Frames(b.Context(), seq, 0); err != nil {
			b.Fatal(err)
		}
		put = append(put, timed(b, func() error { _, err := c.Put(b.Context(), frames); return err }))
	}
	for name, took := range map[string][]time.Duration{"put": put, "append": appended, "frames": shipped} {
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), name+"-p50-us")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), name+"-p99-us")
	}
}

func timed(b *testing.B, do func() error) time.Duration {
	start := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

// BenchmarkRestore takes a whole journal back from a copy, both on disk.
func BenchmarkRestore(b *testing.B) {
	const size = 50_000
	j, _ := benchJournal(b, size)
	c := mustOpenCopy(b, Config{Dir: b.TempDir()})
	moveAll(b, j, c.Put)
	for b.Loop() {
		b.StopTimer()
		wiped := mustOpen(b, Config{Dir: b.TempDir()})
		b.StartTimer()
		moveAll(b, c, wiped.Restore)
		b.StopTimer()
		mustClose(b, wiped)
		b.StartTimer()
	}
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

// BenchmarkFrames reads a whole journal as a shipper does.
func BenchmarkFrames(b *testing.B) {
	const size = 50_000
	j, _ := benchJournal(b, size)
	for b.Loop() {
		moveAll(b, j, func(context.Context, [][]byte) (Seq, error) { return 0, nil })
	}
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "frames/s")
}

func moveAll(b *testing.B, from shipper, put func(context.Context, [][]byte) (Seq, error)) {
	b.Helper()
	last, _ := from.End()
	for next := Seq(1); next <= last; {
		frames, err := from.Frames(b.Context(), next, 0)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := put(b.Context(), frames); err != nil {
			b.Fatal(err)
		}
		next += Seq(len(frames))
	}
}
