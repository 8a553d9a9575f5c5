package node

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// BenchmarkSubmit is a job with one scan of 1 MB: stored here only, and stored on both
// servers, over TLS on the loopback, before it is answered. The median of the second is
// to be at most three times that of the first.
func BenchmarkSubmit(b *testing.B) {
	for _, protect := range []bool{false, true} {
		b.Run(map[bool]string{false: "local", true: "protected"}[protect], func(b *testing.B) {
			one, two := newRealPair(b)
			one.boot()
			if protect {
				two.boot()
				eventually(b, "they are a pair", func() bool { return wellLinked(one, two) })
			}
			one.line.Stop(pair.OwnJobs)
			scan := bytes.Repeat([]byte("twinleaf"), 1<<17)
			var took []time.Duration
			for n := 0; b.Loop(); n++ {
				binary.LittleEndian.PutUint64(scan, uint64(n))
				began := time.Now()
				submitScan(b, one, fmt.Sprint("job-", n), scan, protect)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

func submitScan(b *testing.B, s *site, id string, scan []byte, protect bool) {
	b.Helper()
	ref, _, err := s.blobs.Put(b.Context(), bytes.NewReader(scan), 0)
	if err != nil {
		b.Fatal(err)
	}
	s.node.Offer(ref)
	seq, err := s.line.write(b.Context(), core.Event{At: s.line.at(), Job: core.JobID(id), Body: core.JobSubmitted{
		Name: id, Profile: "default", Server: s.id, Inputs: []core.File{{Name: "scan.tif", Ref: ref, Size: int64(len(scan))}},
	}})
	if err != nil {
		b.Fatal(err)
	}
	if protect && !s.node.Protect(b.Context(), seq) {
		b.Fatal("a job is not protected although the peer is there")
	}
}
