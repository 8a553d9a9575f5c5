package pipeline

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// pastJob is the events of job n, which has one page and is done.
func pastJob(n int) []core.Event {
	ref := func(what string) core.Ref { return core.Ref(fmt.Sprintf("%-52s%012d", what, n)) }
	file := func(name, what, media string) core.File {
		return core.File{Name: name, Ref: ref(what), Size: 123456, Media: media}
	}
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(n) * time.Second)
	out := core.DocumentAssembled{Pages: 1}
	for _, kind := range []string{core.OutputPDF, core.OutputText, core.OutputHOCR, core.OutputALTO, core.OutputManifest} {
		out.Outputs = append(out.Outputs, core.Output{Kind: kind, File: file("scan."+kind, kind, "application/"+kind)})
	}
	info := core.PageInfo{Width: 2480, Height: 3508, XDPI: 300, YDPI: 300, Image: true}
	started := func(s core.Stage, page int, destination string) core.StageStarted {
		return core.StageStarted{Stage: s, Page: page, Destination: destination, Attempt: 1}
	}
	var all []core.Event
	for _, body := range []core.Body{
		core.JobSubmitted{Name: "scan", Profile: "default", Inputs: []core.File{file("scan.tif", "in", "")}, Destinations: []string{"default"},
			Key: fmt.Sprint("key-", n), Digest: ref("digest"), Server: "local"},
		started(core.Ingest, 0, ""),
		core.DocumentIngested{Inputs: []core.Inspection{{Media: "image/tiff", Pages: []core.PageInfo{info}, By: "image 1.0.0"}}},
		started(core.Rasterize, 1, ""),
		core.PageRasterized{Page: 1, Image: core.PageImage{Image: file("page.tif", "image", "image/tiff"), Width: 2480, Height: 3508, XDPI: 300, YDPI: 300, By: "image 1.0.0"}},
		started(core.Clean, 1, ""),
		core.PageCleaned{Page: 1, Clean: core.PageClean{By: "leptonica 1.0.0"}},
		started(core.Recognize, 1, ""),
		core.PageRecognized{Page: 1, Text: core.PageText{Text: file("text.json", "text", "application/json"), Confidence: 90, Words: 300, By: "tesseract 1.0.0"}},
		started(core.Assemble, 0, ""), out,
		started(core.Deliver, 0, "default"),
		core.Delivered{Destination: "default", Receipt: core.Receipt{Location: "/srv/scans/scan.pdf"}},
	} {
		all = append(all, core.Event{At: at, Job: core.JobID(fmt.Sprintf("local-01H0000000000000%010d", n)), Body: body})
	}
	return all
}

// BenchmarkStart starts on the journal of a server that has finished a million
// jobs, of which it remembers as many as keep says, and that was killed just before
// its next snapshot. The journal alone takes minutes to make: not with -short.
func BenchmarkStart(b *testing.B) {
	if testing.Short() {
		b.Skip("it takes minutes; leave -short out")
	}
	for _, keep := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("keep=%d", keep), func(b *testing.B) {
			cfg := Config{Keep: keep}.withDefaults()
			dir := b.TempDir()
			blobs := past(b, dir, cfg)
			b.ResetTimer()
			var open time.Duration
			var p *Pipeline
			for b.Loop() {
				began := time.Now()
				log, err := journal.Open(b.Context(), journal.Config{Dir: dir + "/journal"})
				if err != nil {
					b.Fatal(err)
				}
				open += time.Since(began)
				if p, err = New(b.Context(), cfg, log, blobs, nil); err != nil {
					b.Fatal(err)
				}
				if err := log.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(open.Seconds()/float64(b.N), "s-journal")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s-start")
			b.ReportMetric(megabytesInUse(), "MB-in-use")
			if n := len(p.Jobs(core.Filter{Limit: 10})); n != 10 {
				b.Fatalf("%d jobs are listed, want 10", n)
			}
		})
	}
}

// past makes a journal of a million finished jobs: a snapshot and the events after it.
func past(b *testing.B, dir string, cfg Config) *blob.Store {
	b.Helper()
	const jobs = 1_000_000
	after := cfg.SnapshotEvery / len(pastJob(0))
	blobs, err := blob.Open(dir+"/blobs", blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { blobs.Close() })
	log, err := journal.Open(b.Context(), journal.Config{Dir: dir + "/journal"})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	p, err := New(b.Context(), cfg, log, blobs, nil)
	if err != nil {
		b.Fatal(err)
	}
	d := newDispatcher(p)
	for n := range jobs - after {
		for _, e := range pastJob(n) {
			d.state.Apply(e)
		}
		if n%cfg.SnapshotEvery == 0 {
			d.state.Forget(cfg.Keep) // as each snapshot does
		}
	}
	if err := d.takeSnapshot(b.Context()); err != nil {
		b.Fatal(err)
	}
	var batch []core.Event
	for n := jobs - after; n < jobs; n++ {
		if batch = append(batch, pastJob(n)...); len(batch) > 900 || n == jobs-1 {
			if _, err := log.Append(b.Context(), batch...); err != nil {
				b.Fatal(err)
			}
			batch = nil
		}
	}
	return blobs
}

func megabytesInUse() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// The benchmark would tell little if they were not.
func TestPastJobsAreDone(t *testing.T) {
	s := &core.State{}
	for _, e := range pastJob(1) {
		s.Apply(e)
	}
	if v, ok := s.Job(pastJob(1)[0].Job); !ok || v.State != core.Completed {
		t.Errorf("the job is %+v, want one that is completed", v)
	}
}
