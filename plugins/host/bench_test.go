package host

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
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
	report(b, took)
}

// report reports median and 99th percentile.
func report(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// eachLevel benchmarks on every level of the sandbox that works here.
func eachLevel(b *testing.B, do func(*testing.B, sandbox.Level)) {
	best := sandbox.Probe(b.Context()).Level
	for level := sandbox.None; level <= best; level++ {
		b.Run(level.String(), func(b *testing.B) { do(b, level) })
	}
}

// BenchmarkWarmCall is what the boundary costs a page: a call that does nothing.
func BenchmarkWarmCall(b *testing.B) {
	eachLevel(b, func(b *testing.B, level sandbox.Level) {
		h := open(b, Config{Workers: 1, Level: level}, "fault")
		c := core.CleanCall{Image: source(b, "fine"), Dir: b.TempDir()}
		must(b, os.Chmod(c.Image.Path, 0o444)) // as blobs are
		reportP50(b, func() {
			if _, err := h.Clean(context.Background(), c); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkStart is from exec to the manifest, the first answer of a process.
func BenchmarkStart(b *testing.B) {
	eachLevel(b, func(b *testing.B, level sandbox.Level) {
		h := open(b, Config{Workers: 1, Level: level}, "fault")
		var took []time.Duration
		for b.Loop() {
			begin := time.Now()
			w, err := h.startWorker(h.plugins[0])
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(begin))
			w.kill()
			<-w.exited
		}
		report(b, took)
	})
}

// BenchmarkProbe is what finding out the level costs the opening of a host.
func BenchmarkProbe(b *testing.B) {
	for b.Loop() {
		if r := sandbox.Probe(b.Context()); r.Level == sandbox.None {
			b.Skip(r.Why())
		}
	}
}
