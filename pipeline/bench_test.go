package pipeline

import (
	"context"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// instant is every stage, done at once.
type instant struct{ fakeStages }

func (s *instant) Run(_ context.Context, t core.Task) (core.Result, error) { return s.result(t), nil }

// BenchmarkPages works on jobs of 1,000 pages whose stages take no time, on a journal in
// memory: what is left is the pipeline's own cost of a page.
func BenchmarkPages(b *testing.B) {
	const pages = 1000
	blobs, err := blob.Open(b.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer blobs.Close()
	ref, size, err := blobs.Put(b.Context(), strings.NewReader("x"), 0)
	if err != nil {
		b.Fatal(err)
	}
	all := map[core.Stage]Stage{}
	stage := &instant{fakeStages{pages: pages}}
	for _, s := range []core.Stage{core.Ingest, core.Rasterize, core.Clean, core.Recognize, core.Assemble, core.Deliver} {
		all[s] = stage
	}
	cfg := Config{Workers: 4, Defaults: core.Defaults{Destinations: map[string]core.Destination{core.DefaultDestination: {Plugin: "folder"}}}}
	p, err := New(b.Context(), cfg, journal.NewMemory(journal.Config{}), blobs, all)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	for b.Loop() {
		acc, err := p.Submit(ctx, core.Submission{Files: []core.File{{Name: "x", Ref: ref, Size: size}}})
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range p.Watch(ctx, acc.ID, 0) {
			if err != nil && core.AsFailure(err).Code != core.CodeTimeout {
				b.Fatal(err)
			}
		}
		for v, _ := p.Job(acc.ID); v.State.Open(); v, _ = p.Job(acc.ID) {
			for range p.Watch(ctx, acc.ID, 0) { // it was too slow before
			}
		}
	}
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/pages, "µs/page")
}
