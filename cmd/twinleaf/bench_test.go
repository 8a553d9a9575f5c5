package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/procs"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// lay writes files, empty but for their names.
func lay(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBenchFindsScansAndTheirTruths(t *testing.T) {
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	lay(t, dir, "b.TIF", "a/z.png", "a/z.png.gt.txt", "b.gt.txt", "c.pdf", "notes.txt", "d.jpg", "flat/c.txt")
	lay(t, dir, strings.Repeat("deep/", maxBenchDepth+1)+"lost.png")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	files, err := benchFiles(link)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		rest, _ := filepath.Rel(dir, f)
		names = append(names, rest)
	}
	if want := []string{"a/z.png", "b.TIF", "c.pdf", "d.jpg"}; !slices.Equal(names, want) {
		t.Fatalf("got %v, want %v", names, want)
	}
	truths, err := findTruths(dir, link, files)
	if err != nil || len(truths) != 2 || truths[files[0]] != filepath.Join(dir, "a/z.png.gt.txt") || truths[files[1]] != filepath.Join(dir, "b.gt.txt") {
		t.Errorf("got %v, %v", truths, err)
	}
	truths, err = findTruths(filepath.Join(dir, "flat"), link, files)
	if err != nil || len(truths) != 1 || truths[files[2]] != filepath.Join(dir, "flat", "c.txt") {
		t.Errorf("by the last part of the name: got %v, %v", truths, err)
	}
}

func TestBenchWorksOutWhatFollowsFromItsSums(t *testing.T) {
	r := benchResult{Pages: 30, WallSeconds: 20, CPUSeconds: 40, EngineSeconds: 38}
	var pages []pageEnd
	for i := range 100 {
		pages = append(pages, pageEnd{took: float64(100 - i)})
	}
	r.conclude(pages)
	if r.PagesPerMinute != 90 || r.PagesPerCPUSecond != 0.75 || math.Abs(r.EngineShare-0.95) > 1e-9 {
		t.Errorf("got %+v", r)
	}
	if want := (benchLatency{50, 95, 99, 100}); r.Latency != want {
		t.Errorf("got %+v, want %+v", r.Latency, want)
	}
	var none benchResult
	none.conclude(nil)
	if _, err := json.Marshal(none); err != nil || none.EngineShare != 0 {
		t.Errorf("of nothing: %+v, %v", none, err)
	}
	if !strings.Contains(none.share(), "unknown") {
		t.Errorf("a recognizer that says nothing has a share: %q", none.share())
	}
}

func TestBenchCountsWhatWasReadAndWhatWasNot(t *testing.T) {
	var r benchResult
	failure := core.PageFailure{Page: 2, Failure: core.Failure{Code: core.CodeTimeout, Detail: "too slow"}}
	r.count("dir/a.tif", core.JobView{Pages: core.PageCounts{Total: 3, Done: 3, Blank: 1, Failed: 1}, Failures: []core.PageFailure{failure}})
	for range 2 * maxBenchFailures {
		r.fail("dir/b.tif", fmt.Errorf("no scan"))
	}
	if r.Pages != 2 || r.Blank != 1 || r.Failed != 1+2*maxBenchFailures || len(r.Why) != maxBenchFailures {
		t.Errorf("got %+v", r)
	}
	if r.Why[0].File != "a.tif" || !strings.Contains(r.Why[0].Reason, "page 2") || r.Why[1] != (benchFailure{"b.tif", "no scan"}) {
		t.Errorf("got %+v", r.Why[:2])
	}
}

func TestBenchPageTellsNumbersFailuresAndCharts(t *testing.T) {
	r := benchReport{Result: benchResult{
		Pages: 2, Files: 2, CPUSeconds: 2, EngineSeconds: 1.5, CPUByProgram: map[string]float64{"twinleaf": 0.1, "tesseract": 1.8, "<b>": 0.2},
		Accuracy: &benchAccuracy{Files: 1, CER: 0.01, WER: 0.02, Each: []benchText{{"a.tif", 0.01, 0.02}}},
		Why:      []benchFailure{{"c.tif", "it is <cut>"}},
	}, pages: []pageEnd{{1, 0.9}, {2, 1.1}}, moments: []memoryMoment{{0, 20 << 20, 80 << 20}, {time.Second, 30 << 20, 90 << 20}}}
	r.Result.conclude(r.pages)
	var b bytes.Buffer
	if err := r.page(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"0.750", "c.tif", "it is &lt;cut&gt;", "a.tif", "1.00 %", "tesseract 1.80, &lt;b&gt; 0.20, twinleaf 0.10"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Count(page, "<svg") != 4 || strings.Contains(page, "<script") {
		t.Errorf("the page has %d charts", strings.Count(page, "<svg"))
	}
}

func TestPageClockTakesFromFirstStepToLast(t *testing.T) {
	var c pageClock
	start := time.Now()
	after := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	c.begin("j", 1, after(0))
	c.end("j", 1, after(1))
	c.begin("j", 1, after(3))
	c.end("j", 1, after(5))
	c.begin("j", 2, after(1)) // never ends
	c.begin("k", 1, after(2))
	c.end("k", 1, after(4))
	if got := c.take("j"); !slices.Equal(got, []float64{5}) {
		t.Errorf("got %v, want the one page that ended, 5 s", got)
	}
	if got := c.take("j"); len(got) != 0 || len(c.jobs) != 1 {
		t.Errorf("a job that was taken is kept: %v, %v", got, c.jobs)
	}
}

func TestPageClockLooksOnAtStagesOfPages(t *testing.T) {
	var c pageClock
	fails := fmt.Errorf("no")
	all := c.around(map[core.Stage]pipeline.Stage{
		core.Rasterize: stageFunc(func(context.Context, core.Task) (core.Result, error) { return core.Delivered{}, nil }),
		core.Clean:     stageFunc(func(context.Context, core.Task) (core.Result, error) { return core.Delivered{}, nil }),
		core.Recognize: stageFunc(func(context.Context, core.Task) (core.Result, error) { return nil, fails }),
	})
	for page, stages := range map[int][]core.Stage{1: {core.Rasterize, core.Clean}, 2: {core.Recognize}} {
		for _, s := range stages {
			if _, err := all[s].Run(t.Context(), core.Task{Job: "j", Page: page}); err != nil && err != fails {
				t.Fatal(err)
			}
		}
	}
	if got := c.take("j"); len(got) != 1 {
		t.Errorf("got %v, want one page: the other failed", got)
	}
}

func TestCostWatchKeepsWhatEndedAndBoundsWhatItKeeps(t *testing.T) {
	me := os.Getpid()
	w := newCostWatch([]procs.Process{{PID: 1 << 29, CPU: 2 * time.Second}})
	w.settle(map[int]procs.Process{
		1 << 29:   {PID: 1 << 29, Parent: me, Name: "tesseract", CPU: 5 * time.Second},
		1<<29 + 1: {PID: 1<<29 + 1, Parent: 1 << 29, Name: "pdftoppm", CPU: time.Second},
	})
	if got := w.byProgram(); got["tesseract"] != 3 || got["pdftoppm"] != 1 {
		t.Errorf("got %v", got)
	}
	w.settle(map[int]procs.Process{1<<29 + 2: {PID: 1<<29 + 2, Parent: me, Name: "tesseract", CPU: time.Second}})
	if got := w.byProgram(); got["tesseract"] != 4 || got["pdftoppm"] != 0 {
		t.Errorf("after two ended: got %v, want 3 + 1 s, and the child in its parent's", got)
	}
	for range 3 * maxMoments {
		w.keep(memoryMoment{})
	}
	if len(w.moments) >= maxMoments {
		t.Errorf("%d moments are kept", len(w.moments))
	}
	m := w.look(0)
	if m.server < 1<<20 || w.peak.Total < m.server || w.peak.Server < m.server {
		t.Errorf("this process holds %d bytes, at most %+v", m.server, w.peak)
	}
}
