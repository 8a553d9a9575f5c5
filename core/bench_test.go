package core_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	. "github.com/twinleaf-scan/twinleaf/core"
)

// bigJob is a running job of n pages, half of them finished, three failing for now.
func bigJob(n int) *story {
	s := newStory()
	s.submit(j1, 1, "x")
	s.tell(j1, DocumentIngested{Inputs: []Inspection{pages(n)}})
	for i := range 3 {
		t := Task{Job: j1, Stage: Rasterize, Page: i + 1, Attempt: 1}
		s.fail(t, false, 24*time.Hour)
	}
	for i := 4; i <= n/2; i++ {
		sha := func(what string) Ref { return Ref(fmt.Sprintf("%-56s%08d", what, i)) }
		s.tell(j1,
			PageRasterized{Page: i, Image: PageImage{Image: File{Name: fmt.Sprint("page-", i), Ref: sha("image"), Media: "image/tiff"}, By: "pdf 1.0"}},
			PageCleaned{Page: i, Clean: PageClean{Image: &File{Name: fmt.Sprint("page-", i), Ref: sha("clean")}, By: "leptonica 1.0"}},
			PageRecognized{Page: i, Text: PageText{Text: File{Name: "page.json", Ref: sha("text")}, By: "tesseract 5.3.0"}})
	}
	return s
}

// BenchmarkApply folds the events of 100-page jobs from submission to the end.
func BenchmarkApply(b *testing.B) {
	var events []Event
	for n := range 10 {
		s := newStory()
		j := JobID(fmt.Sprint("A-", n))
		s.submit(j, 1, "x")
		s.tell(j, DocumentIngested{Inputs: []Inspection{pages(100)}})
		s.run(nil)
		events = append(events, s.events...)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		var s State
		for _, e := range events {
			s.Apply(e)
		}
		n += len(events)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkReady finds the next eight tasks of a 5,000-page job that is half done.
func BenchmarkReady(b *testing.B) {
	s := bigJob(5000)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range s.Ready(s.at) {
			if n++; n == 8 {
				break
			}
		}
		if n != 8 {
			b.Fatalf("%d tasks", n)
		}
	}
}

// queue is 10,000 jobs that wait.
func queue() *story {
	s := newStory()
	for n := range 10_000 {
		s.submit(JobID(fmt.Sprintf("A-%05d", n)), 1, "x")
	}
	return s
}

// BenchmarkPick looks through 10,000 queued jobs and at the tasks of a hundred, which
// is more than the dispatcher does for one slot.
func BenchmarkPick(b *testing.B) {
	s := queue()
	for b.Loop() {
		n := 0
		for id := range s.Waiting(nil) {
			if n++; n%100 != 0 {
				continue
			}
			for range s.Tasks(id, s.at) {
				break
			}
		}
	}
}

// BenchmarkNextWake finds out when 10,000 queued jobs have something to do.
func BenchmarkNextWake(b *testing.B) {
	s := queue()
	for b.Loop() {
		s.NextWake(s.at)
	}
}

// BenchmarkSnapshot writes 10,000 finished jobs and a 5,000-page job.
func BenchmarkSnapshot(b *testing.B) {
	s := bigJob(5000)
	for n := range 10_000 {
		j := JobID(fmt.Sprint("A-x", n))
		s.submit(j, 1, "x")
		s.tell(j, DocumentAssembled{Pages: 1, Outputs: []Output{{Kind: OutputPDF}}}, Delivered{Destination: "x"})
	}
	b.ReportMetric(float64(len(s.String())), "bytes")
	for b.Loop() {
		s.Digest()
	}
}

func TestOpenJobOf5000PagesTakesAFewMegabytes(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := bigJob(10_000) // half of it done: 5,000 pages with all their results
	s.events = nil
	runtime.GC()
	runtime.ReadMemStats(&after)
	got := float64(after.HeapAlloc-before.HeapAlloc) / (1 << 20)
	t.Logf("5,000 finished pages of an open job take %.1f MB", got)
	if got > 10 {
		t.Errorf("5,000 pages take %.1f MB, want at most 10", got)
	}
	runtime.KeepAlive(s)
}
