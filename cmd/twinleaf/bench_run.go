package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/bench/computer"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/procs"
	"github.com/twinleaf-scan/twinleaf/pipeline"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// benchRun is one measurement.
type benchRun struct {
	app     *app
	flags   benchFlags
	options core.Options
	files   []string
	truths  map[string]string // path of the true text by file; nil: nothing is compared
	plugins host.Config
	most    int // files to begin

	engine *engine
	clock  pageClock
	meter  *meter
	began  time.Time

	mu     sync.Mutex // guards what follows
	result benchResult
	pages  []pageEnd
	texts  map[string]string // path of the recognised text by file
	dir    string
}

// pageEnd is one page: when it was done, and how long it took, in seconds.
type pageEnd struct{ at, took float64 }

// maxBenchPages bounds the pages of one measurement.
const maxBenchPages = 1_000_000

// readyWithin bounds the wait for the plug-ins before the measurement.
const readyWithin = 60 * time.Second

// benchKeep makes a run of hours hold no more than one of minutes.
func benchKeep() pipeline.Config {
	return pipeline.Config{Keep: 200, SnapshotEvery: 5000, SweepEvery: time.Minute, SweepAge: time.Minute}
}

// run opens the engine, measures and closes it.
func (b *benchRun) run(ctx context.Context) (r *benchReport, err error) {
	log, err := b.app.logger(slog.LevelError)
	if err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "twinleaf-bench-"); err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w\nhint: TMPDIR names another place", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	looked := computer.Look()
	began := time.Now()
	b.engine, err = openOnce(ctx, onceConfig{
		dir: b.dir, plugins: b.plugins, workers: b.flags.jobs, log: log, keep: benchKeep(), around: b.clock.around,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.engine.close()) }()
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	b.result = benchResult{
		Version: versionOfProgram(), Machine: looked, Engine: b.engineName(), Workers: b.engine.workers,
		StartSeconds: seconds(time.Since(began)), Languages: b.options.Languages, PDFA: b.options.PDFA,
	}
	watch, err := b.measure(ctx)
	if err != nil {
		return nil, err
	}
	b.result.conclude(b.pages)
	if err := b.compare(); err != nil {
		return nil, err
	}
	return &benchReport{Result: b.result, pages: b.pages, moments: watch.moments}, nil
}

// ready waits until the plug-ins have started and are idle, so that what is measured is
// the work.
func (b *benchRun) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for !b.warm() {
		select {
		case <-ctx.Done():
			if ctx.Err() == context.DeadlineExceeded {
				return fmt.Errorf("the plug-ins were not ready within %v\nhint: run \"twinleaf plugin list\"", readyWithin)
			}
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func (b *benchRun) warm() bool {
	for _, p := range b.engine.host.List() {
		if p.Starting {
			return false
		}
		for _, process := range p.Processes {
			if process.State == host.Starting {
				return false
			}
		}
	}
	return true
}

// engineName is what recognises, as its plug-in says.
func (b *benchRun) engineName() string {
	for _, p := range b.engine.host.List() {
		if p.Engine != "" && p.Problem == "" {
			if p.Native != nil && p.Native.Aside == "" {
				return p.Engine + ", built for this processor"
			}
			return p.Engine
		}
	}
	return ""
}

// engineSeconds is the processor time of recognition alone, since the engine was opened.
func (b *benchRun) engineSeconds() float64 {
	sum := 0.0
	for _, p := range b.engine.host.List() {
		sum += p.EngineSeconds
	}
	return sum
}

// measure reads the files and takes down what that cost.
func (b *benchRun) measure(ctx context.Context) (*costWatch, error) {
	b.meter = newMeter(b.app.std.err, "bench")
	defer b.meter.end()
	runtime.GC() // what opening left
	before, own, engine := procs.Tree(os.Getpid()), usageOf(unix.RUSAGE_SELF), b.engineSeconds()
	watch := newCostWatch(before)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var g sync.WaitGroup
	g.Go(func() { watch.run(watching) })
	b.began = time.Now()
	b.meter.start = b.began
	err := b.readAll(ctx)
	wall := time.Since(b.began)
	stop()
	g.Wait()
	cpu := procs.CPU(procs.Tree(os.Getpid())) - procs.CPU(before) - watch.own
	r := &b.result
	r.WallSeconds, r.CPUSeconds, r.EngineSeconds = seconds(wall), seconds(cpu), b.engineSeconds()-engine
	r.Memory, r.CPUByProgram = watch.peak, watch.byProgram()
	r.CPUByProgram["twinleaf"] = seconds(usageOf(unix.RUSAGE_SELF) - own - watch.own)
	return watch, err
}

// readAll begins file after file, as many at once as ocr does, until there were enough.
func (b *benchRun) readAll(ctx context.Context) error {
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(max(2, b.engine.workers))
	for i := 0; i < b.most && working.Err() == nil && !b.enough(); i++ {
		file, again := b.files[i%len(b.files)], i >= len(b.files)
		g.Go(func() error { return b.one(working, file, again) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// enough reports whether no other file is to be begun, be it by the clock or because no
// more can be kept of them.
func (b *benchRun) enough() bool {
	if b.flags.duration > 0 && time.Since(b.began) >= b.flags.duration {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.pages) >= maxBenchPages
}

// one reads a file. That the file cannot be read is counted; an error ends the measurement.
func (b *benchRun) one(ctx context.Context, file string, again bool) error {
	job, err := b.work(ctx, file)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	took := b.clock.take(job.ID)
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.progress()
	b.result.Files++
	for _, t := range took {
		b.pages = append(b.pages, pageEnd{time.Since(b.began).Seconds(), t})
	}
	if err == nil && (job.State == core.Failed || job.State == core.Cancelled) {
		err = fmt.Errorf("it is %s", job.State)
		if job.Error != nil {
			err = job.Error
		}
	}
	if err != nil {
		b.result.fail(file, err)
		return nil
	}
	b.result.count(file, job)
	if again || b.truths[file] == "" {
		return nil
	}
	return b.keepText(file, job)
}

func (b *benchRun) work(ctx context.Context, file string) (core.JobView, error) {
	f, err := os.Open(file)
	if err != nil {
		return core.JobView{}, unreadable(file, err)
	}
	defer f.Close() // read only
	ref, size, err := b.engine.blobs.Put(ctx, f, b.options.Limits.Bytes)
	if err != nil {
		return core.JobView{}, err
	}
	acc, err := b.engine.pipe.Submit(ctx, core.Submission{
		Name: stem(file), Files: []core.File{{Name: filepath.Base(file), Ref: ref, Size: size}},
		Override: func(o *core.Options) { *o = b.options },
	})
	if err != nil {
		return core.JobView{}, err
	}
	return b.engine.wait(ctx, acc.ID, func(core.JobView) {})
}

// keepText lays a recognised text aside, to be compared when nothing is measured any more.
func (b *benchRun) keepText(file string, job core.JobView) error {
	o, ok := outputOf(job, core.OutputText, 0)
	if !ok {
		return nil // split, or refused in part: there is no one text to compare
	}
	from, err := b.engine.blobs.Open(o.File.Ref)
	if err != nil {
		return err
	}
	defer from.Close() // read only
	to := filepath.Join(b.dir, fmt.Sprintf("text-%d.txt", len(b.texts)))
	if b.texts == nil {
		b.texts = map[string]string{}
	}
	b.texts[file] = to
	return writeWhole(to, io.LimitReader(from, maxBenchText+1), io.Discard)
}

// progress shows the files that are done, or with --duration how much of the time is
// over. The caller holds mu.
func (b *benchRun) progress() {
	if b.flags.duration > 0 {
		b.meter.set(int(b.flags.duration.Seconds())+1, int(time.Since(b.began).Seconds()), b.result.Pages)
		return
	}
	b.meter.set(b.most, b.result.Files, b.result.Pages)
}

// compare scores the texts that were laid aside.
func (b *benchRun) compare() error {
	if b.truths == nil {
		return nil
	}
	a := &benchAccuracy{}
	for _, file := range b.files {
		if b.texts[file] == "" {
			continue
		}
		f, err := os.Open(b.texts[file])
		if err != nil {
			return err
		}
		s, err := compare(b.truths[file], f)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		a.add(filepath.Base(file), s)
	}
	a.conclude()
	b.result.Accuracy = a
	return nil
}
