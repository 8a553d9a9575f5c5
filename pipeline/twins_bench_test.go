package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

const benchJobs = 10_000

// pastJobOf is pastJob of a server of a pair; some are still open.
func pastJobOf(server string, n int) []core.Event {
	events := pastJob(n)
	if n%10 == 0 {
		events = events[:5] // the page is drawn
	}
	for i := range events {
		events[i].Job = core.JobID(server + strings.TrimPrefix(string(events[i].Job), "local"))
		if b, is := events[i].Body.(core.JobSubmitted); is {
			b.Server, b.Key = server, fmt.Sprint(server, n)
			events[i].Body = b
		}
	}
	return events
}

// benchPair is what server A of a pair has after benchJobs jobs on either side: its
// journal, and the entries of its copy of B's.
func benchPair(b *testing.B, jobs int) (own *journal.Memory, copied []journal.Entry, blobs *blob.Store) {
	b.Helper()
	blobs, err := blob.Open(b.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { blobs.Close() })
	own = journal.NewMemory(journal.Config{Writer: "A"})
	peer := journal.NewMemory(journal.Config{Writer: "B"})
	for n := range jobs {
		for server, log := range map[string]*journal.Memory{"A": own, "B": peer} {
			if _, err := log.Append(b.Context(), pastJobOf(server, n)...); err != nil {
				b.Fatal(err)
			}
		}
	}
	for e, err := range peer.Read(b.Context(), 0) {
		if err != nil {
			b.Fatal(err)
		}
		copied = append(copied, e)
	}
	return own, copied, blobs
}

func runBench(b *testing.B, p *Pipeline) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFoldPeer folds 10,000 jobs of the peer beside as many own ones.
func BenchmarkFoldPeer(b *testing.B) {
	own, copied, blobs := benchPair(b, benchJobs)
	for b.Loop() {
		b.StopTimer()
		p, err := New(b.Context(), Config{Server: "A", Peer: "B", Keep: 1 << 30, SnapshotEvery: 1 << 30}, own, blobs, nil)
		if err != nil {
			b.Fatal(err)
		}
		stop := runBench(b, p)
		b.StartTimer()
		if err := p.FoldPeer(b.Context(), copied); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if n := len(p.Jobs(core.Filter{Limit: 3 * benchJobs})); n != 2*benchJobs {
			b.Fatalf("%d jobs", n)
		}
		own = fresh(b, own)
		stop()
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(len(copied))*1e6, "µs/event")
}

// fresh is the journal as it is now: the pipeline that ends leaves a snapshot in its own.
func fresh(b *testing.B, log *journal.Memory) *journal.Memory {
	again := journal.NewMemory(journal.Config{Writer: "A"})
	_, last := log.Bounds()
	for from := journal.Seq(1); from <= last; {
		frames, err := log.Frames(b.Context(), from, 8<<20)
		if err != nil {
			b.Fatal(err)
		}
		frames = frames[:min(len(frames), journal.MaxBatch)]
		if _, err := again.Restore(b.Context(), frames); err != nil {
			b.Fatal(err)
		}
		from += journal.Seq(len(frames))
	}
	return again
}

// firstTask tells when something is begun for the first time.
type firstTask struct{ begun chan core.JobID }

func (f *firstTask) Run(ctx context.Context, t core.Task) (core.Result, error) {
	select {
	case f.begun <- t.Job:
	default:
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// BenchmarkReturn is a server that comes back to a pair with 10,000 jobs on either side,
// from its start until it works on its first job. With a snapshot, each journal begins
// with one that holds what is remembered of all jobs: those that are open, and the 10,000
// that ended last. On a quiet machine it is to take two seconds at most.
func BenchmarkReturn(b *testing.B) {
	for _, snapshot := range []bool{false, true} {
		b.Run(fmt.Sprintf("snapshot=%v", snapshot), func(b *testing.B) {
			own, copied, blobs := benchPair(b, benchJobs)
			if snapshot {
				own, copied = benchSnapshots(b, own, copied, blobs)
			}
			best := time.Hour
			for b.Loop() {
				stage := &firstTask{begun: make(chan core.JobID, 1)}
				began := time.Now()
				p, err := New(b.Context(), Config{Server: "A", Peer: "B", Keep: 1 << 30, SnapshotEvery: 1 << 30}, own, blobs, map[core.Stage]Stage{core.Clean: stage})
				if err != nil {
					b.Fatal(err)
				}
				stop := runBench(b, p)
				if err := p.FoldPeer(b.Context(), copied); err != nil {
					b.Fatal(err)
				}
				p.Work(Own)
				id := <-stage.begun
				best = min(best, time.Since(began))
				if !strings.HasPrefix(string(id), "A-") {
					b.Fatalf("it works on %s", id)
				}
				b.StopTimer()
				again := fresh(b, own)
				stop()
				own = again
				b.StartTimer()
			}
			b.ReportMetric(best.Seconds(), "s-best")
		})
	}
}

// benchSnapshots begins either journal with a snapshot of all that was.
func benchSnapshots(b *testing.B, own *journal.Memory, copied []journal.Entry, blobs *blob.Store) (*journal.Memory, []journal.Entry) {
	p, err := New(b.Context(), Config{Server: "A", Peer: "B", SnapshotEvery: 1 << 30}, own, blobs, nil)
	if err != nil {
		b.Fatal(err)
	}
	stop := runBench(b, p)
	if err := p.FoldPeer(b.Context(), copied); err != nil {
		b.Fatal(err)
	}
	stop()
	begun := journal.NewMemory(journal.Config{Writer: "A"})
	for e, err := range own.Read(b.Context(), 0) {
		if err != nil {
			b.Fatal(err)
		}
		if _, err := begun.Append(b.Context(), e.Event); err != nil {
			b.Fatal(err)
		}
		copied = []journal.Entry{e}
	}
	return begun, copied
}
