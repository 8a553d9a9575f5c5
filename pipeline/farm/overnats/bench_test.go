package overnats

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// BenchmarkPage is what the way to a worker and back costs: a page image there, 200 KB of
// text that packs like a page's back, over TLS on the loopback.
func BenchmarkPage(b *testing.B) {
	text := bytes.Repeat(fmt.Appendf(nil, "%x word ", noise(1000)), 100)
	for _, size := range []int{100 << 10, 4 << 20} {
		b.Run(fmt.Sprintf("image=%dKiB", size>>10), func(b *testing.B) {
			r := newRig(b, nil)
			r.work(b, "desk", func(ctx context.Context, t farm.Task, fetch Fetch) (farm.Answer, error) {
				_, err := fetch(ctx)
				return farm.Answer{Page: text}, err
			})
			w := r.await(b, 1)[0]
			task := farm.Task{Job: "north-1-1", Image: r.put(b, noise(size))}
			var took []time.Duration
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				start := time.Now()
				if _, err := w.Recognize(b.Context(), task); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}
