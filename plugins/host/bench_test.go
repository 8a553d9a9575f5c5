package host

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// reportP50 runs f b.N times and reports the median.
func reportP50(b *testing.B, f func()) {
	b.Helper()
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		f()
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkWarmCall is what the boundary costs a page: a call that does nothing.
func BenchmarkWarmCall(b *testing.B) {
	h := open(b, Config{Workers: 1}, "fault")
	c := core.CleanCall{Image: source(b, "fine"), Dir: b.TempDir()}
	reportP50(b, func() {
		if _, err := h.Clean(context.Background(), c); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkStart is from exec to the manifest, the first answer of a process.
func BenchmarkStart(b *testing.B) {
	h := open(b, Config{Workers: 1}, "fault")
	reportP50(b, func() {
		w, err := h.startWorker(h.plugins[0])
		if err != nil {
			b.Fatal(err)
		}
		w.kill()
		<-w.exited
	})
}
