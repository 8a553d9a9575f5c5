package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// rig is a pipeline with stages that only say what they would have done.
type rig struct {
	*Pipeline
	t      *testing.T
	log    *moodyLog
	blobs  *blob.Store
	stages *fakeStages
	cfg    Config

	stop context.CancelFunc
	done chan error // Run's answer
}

// newRig makes a pipeline on an empty journal and runs it. Call it in a synctest bubble.
func newRig(t *testing.T, cfg Config, pages int) *rig {
	t.Helper()
	blobs, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { blobs.Close() })
	if cfg.Workers == 0 {
		cfg.Workers = 2
	}
	cfg.Defaults.Destinations = map[string]core.Destination{core.DefaultDestination: {Plugin: "folder"}}
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	r := &rig{
		t: t, blobs: blobs, cfg: cfg,
		log:    &moodyLog{Log: journal.NewMemory(journal.Config{Writer: cfg.Server})},
		stages: &fakeStages{pages: pages, takes: time.Second, ran: map[core.TaskKey]int{}},
	}
	r.start()
	return r
}

// start makes a new pipeline on the journal, as after a crash or a stop, and runs it.
func (r *rig) start() {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	all := map[core.Stage]Stage{}
	for _, s := range []core.Stage{core.Ingest, core.Rasterize, core.Clean, core.Recognize, core.Assemble, core.Deliver} {
		all[s] = r.stages
	}
	p, err := New(ctx, r.cfg, r.log, r.blobs, all)
	if err != nil {
		r.t.Fatal(err)
	}
	r.Pipeline, r.stop, r.done = p, stop, make(chan error, 1)
	go func() { r.done <- p.Run(ctx) }()
}

// end stops the pipeline and waits for it.
func (r *rig) end() error {
	r.stop()
	return <-r.done
}

func (r *rig) put(content string) core.File {
	r.t.Helper()
	ref, size, err := r.blobs.Put(r.t.Context(), strings.NewReader(content), 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return core.File{Name: "scan.pdf", Ref: ref, Size: size}
}

func (r *rig) submit(sub core.Submission) core.JobID {
	r.t.Helper()
	if sub.Files == nil {
		sub.Files = []core.File{r.put("scan")}
	}
	acc, err := r.Submit(r.t.Context(), sub)
	if err != nil {
		r.t.Fatal(err)
	}
	return acc.ID
}

// wait lets time pass until the job has the state, at most a day.
func (r *rig) wait(id core.JobID, want core.JobState) core.JobView {
	r.t.Helper()
	for range 24 * 3600 * 4 {
		synctest.Wait()
		v, err := r.Job(id)
		if err != nil {
			r.t.Fatal(err)
		}
		if v.State == want {
			return v
		}
		if !v.State.Open() && !want.Open() {
			r.t.Fatalf("job %s ended as %s (%v), want %s", id, v.State, v.Error, want)
		}
		time.Sleep(250 * time.Millisecond)
	}
	r.t.Fatalf("job %s is not %s after a day", id, want)
	return core.JobView{}
}

// waitEnd lets time pass until the job has ended, at most a day.
func (r *rig) waitEnd(id core.JobID) {
	r.t.Helper()
	for range 24 * 3600 {
		if v, err := r.Job(id); err != nil || !v.State.Open() {
			return
		}
		time.Sleep(time.Second)
		synctest.Wait()
	}
	r.t.Fatalf("job %s has not ended after a day", id)
}

// told gives the events of a type that the journal ever took.
func (r *rig) told(kind string) []core.Event {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.log.taken), func(e core.Event) bool { return e.Body.Type() != kind })
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var f *core.Failure
	if !errors.As(err, &f) || f.Code != code {
		t.Fatalf("got error %v, want code %s", err, code)
	}
}

// moodyLog is a log whose disk may fail.
type moodyLog struct {
	journal.Log
	mu    sync.Mutex // guards what follows
	mood  func(events []core.Event) (take bool, err error)
	taken []core.Event
}

func (l *moodyLog) set(mood func([]core.Event) (bool, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mood = mood
}

var errDisk = errors.New("no space left on device")

// full is the mood of a full disk, mumbling of one that takes what it says to have failed.
func full([]core.Event) (bool, error)     { return false, core.DataDown("append", errDisk) }
func mumbling([]core.Event) (bool, error) { return true, core.DataDown("append", errDisk) }

func (l *moodyLog) Append(ctx context.Context, events ...core.Event) (journal.Seq, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	take, mood := true, error(nil)
	if l.mood != nil {
		take, mood = l.mood(events)
	}
	if !take {
		return 0, mood
	}
	seq, err := l.Log.Append(ctx, events...)
	if err == nil {
		l.taken = append(l.taken, events...)
	}
	return seq, errors.Join(mood, err)
}

// fakeStages is every stage: a document has a number of pages, and each task
// takes a time.
type fakeStages struct {
	pages int
	takes time.Duration
	split int  // documents that a job becomes; 0: one
	dull  bool // what is told to stop finishes nevertheless

	mu    sync.Mutex // guards what follows
	fails func(core.Task) error
	ran   map[core.TaskKey]int
	begun []began
	live  int
	most  int // tasks at once
}

type began struct {
	task core.Task
	at   time.Time
}

func (f *fakeStages) failWith(fails func(core.Task) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails = fails
}

func (f *fakeStages) begin(t core.Task) (fails func(core.Task) error, takes time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ran[t.Key()]++
	f.begun = append(f.begun, began{t, time.Now()})
	f.live++
	f.most = max(f.most, f.live)
	return f.fails, f.takes
}

func (f *fakeStages) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live--
}

// starts gives the tasks of a stage in the order in which they began.
func (f *fakeStages) starts(stage core.Stage) []began {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.begun), func(b began) bool { return b.task.Stage != stage })
}

func (f *fakeStages) Run(ctx context.Context, t core.Task) (core.Result, error) {
	fails, takes := f.begin(t)
	defer f.end()
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		if !f.dull {
			return nil, ctx.Err()
		}
	}
	if fails != nil {
		if err := fails(t); err != nil {
			return nil, err
		}
	}
	return f.result(t), nil
}

func (f *fakeStages) result(t core.Task) core.Result {
	file := core.File{Name: "x", Ref: core.Ref(strings.Repeat("0", 56) + fmt.Sprintf("%08d", t.Page)), Size: 1}
	switch t.Stage {
	case core.Ingest:
		n := f.pages
		if t.Name == "small" {
			n = 1
		}
		return core.DocumentIngested{Inputs: []core.Inspection{{Media: "image/tiff", Pages: make([]core.PageInfo, n)}}}
	case core.Rasterize:
		return core.PageRasterized{Image: core.PageImage{Image: file, Width: 1, Height: 1}}
	case core.Clean:
		return core.PageCleaned{}
	case core.Recognize:
		return core.PageRecognized{Text: core.PageText{Text: file}}
	case core.Assemble:
		if f.split > 0 {
			return f.parts(file)
		}
		return core.DocumentAssembled{Outputs: []core.Output{{Kind: core.OutputPDF, File: file}}}
	}
	return core.Delivered{Receipt: core.Receipt{Location: "there"}}
}

func (f *fakeStages) parts(file core.File) core.DocumentAssembled {
	var a core.DocumentAssembled
	for n := 1; n <= f.split; n++ {
		file.Name = fmt.Sprintf("%d.pdf", n)
		a.Outputs = append(a.Outputs, core.Output{Kind: core.OutputPDF, File: file, Part: n})
		a.Parts = append(a.Parts, core.PartInfo{Part: n, Name: fmt.Sprint(n)})
	}
	return a
}

// on fails the tasks of a stage, all of them or one page's.
func on(stage core.Stage, page int, err error) func(core.Task) error {
	return func(t core.Task) error {
		if t.Stage == stage && (page == 0 || t.Page == page) {
			return err
		}
		return nil
	}
}

var errCrash = &core.Failure{Code: core.CodePlugin, Detail: "it crashed"}
