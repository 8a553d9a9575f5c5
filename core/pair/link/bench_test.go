package link

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// p50 runs a call and reports the median and the 99th percentile of its time.
func p50(b *testing.B, call func() error) {
	b.Helper()
	if err := call(); err != nil { // opens the connection
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := call(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// What the way costs: the handlers keep things in memory.
func BenchmarkHello(b *testing.B) {
	r := newRig(b)
	m := allMessages()[0]
	p50(b, func() error { return r.client.Send(b.Context(), m) })
}

func BenchmarkShip(b *testing.B) {
	for _, size := range []int{400, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := newRig(b)
			frame := bytes.Repeat([]byte("x"), size)
			b.SetBytes(int64(size))
			p50(b, func() error {
				_, err := r.client.Ship(b.Context(), [][]byte{frame})
				r.mu.Lock()
				r.frames = nil
				r.mu.Unlock()
				return err
			})
		})
	}
}

func BenchmarkPutBlob(b *testing.B) {
	for _, size := range []int{50 << 10, 1 << 20, 10 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			r := newRig(b)
			content := bytes.Repeat([]byte("x"), size)
			ref := refOf(content)
			b.SetBytes(int64(size))
			p50(b, func() error { return r.client.PutBlob(b.Context(), ref, bytes.NewReader(content), int64(size)) })
		})
	}
}

func BenchmarkBlob(b *testing.B) {
	r := newRig(b)
	content := bytes.Repeat([]byte("x"), 1<<20)
	ref := refOf(content)
	r.blobs[ref] = content
	b.SetBytes(1 << 20)
	p50(b, func() error {
		body, err := r.client.Blob(b.Context(), ref)
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.Copy(io.Discard, body)
		return err
	})
}

// A connection that has to be opened first costs the handshake.
func BenchmarkHandshake(b *testing.B) {
	r := newRig(b)
	p50(b, func() error {
		r.client.Close()
		return r.client.Send(b.Context(), pair.AskRest{})
	})
}
