package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// ocrRun is one call of ocr.
type ocrRun struct {
	app     *app
	flags   ocrFlags
	options core.Options
	plugins host.Config
	docs    []document

	engine *engine
	scans  *pageCount
}

// done is what became of one document.
type done struct {
	result ocrResult
	err    error
	stdout []byte // an output for standard output; printed in the inputs' order
}

// run opens an engine in a temporary folder, works on all documents and closes it.
func (r *ocrRun) run(ctx context.Context) (err error) {
	log, err := r.app.logger(slog.LevelError) // what goes wrong is told at the end, for people
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "twinleaf-ocr-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w\nhint: TMPDIR names another place", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	r.engine, err = openOnce(ctx, onceConfig{dir: dir, plugins: r.plugins, workers: r.flags.jobs, password: r.flags.password, sparing: len(r.docs) == 1, log: log})
	if err != nil {
		return err
	}
	if err := r.checkSteps(ctx); err != nil {
		return errors.Join(err, r.engine.close())
	}
	m := newMeter(r.app.std.err, r.title())
	r.scans = &pageCount{meter: m, jobs: map[core.JobID]core.PageCounts{}}
	results := r.all(ctx)
	m.end()
	return errors.Join(r.tell(results), r.engine.close())
}

// checkSteps refuses a profile whose plug-ins are not there, or do not take their settings,
// before any work begins.
func (r *ocrRun) checkSteps(ctx context.Context) error {
	for kind, step := range r.options.Steps() {
		if err := r.engine.checkStep(ctx, kind, step); err != nil {
			return usage("", "%s: %s", r.flags.profile, err)
		}
	}
	return nil
}

func (r *ocrRun) title() string {
	if len(r.docs) == 1 {
		return r.docs[0].name
	}
	return fmt.Sprintf("%d documents", len(r.docs))
}

// all works on the documents, a few at once so that no core waits for the end of
// a short one. A document that fails does not stop the others.
func (r *ocrRun) all(ctx context.Context) []done {
	results := make([]done, len(r.docs))
	var g errgroup.Group
	g.SetLimit(max(2, r.engine.workers))
	for i, d := range r.docs {
		g.Go(func() error {
			results[i] = r.one(ctx, d)
			return nil
		})
	}
	_ = g.Wait() // each result has its own error
	return results
}

func (r *ocrRun) one(ctx context.Context, d document) (out done) {
	start := time.Now()
	out.result = ocrResult{Inputs: d.inputs, State: core.Failed, Outputs: map[string]string{}}
	job, err := r.work(ctx, d)
	out.result.Seconds = time.Since(start).Round(time.Millisecond).Seconds()
	if err == nil {
		out.result.State, out.result.Pages, out.result.Failures = job.State, job.Pages, job.Failures
		err = r.outcome(job)
	}
	if err == nil || errors.As(err, new(*partlyError)) {
		werr := r.write(d, job, &out)
		if werr != nil {
			err = werr
		}
	}
	if out.err = err; err != nil {
		var f *core.Failure
		if errors.As(err, &f) {
			out.result.Error = f
		}
		out.err = about(d, err)
	}
	out.result.Exit = code(out.err)
	return out
}

// about says which document an error is about, unless it says so itself.
func about(d document, err error) error {
	if errors.As(err, new(*partlyError)) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %w", printable(join(d.inputs)), err)
}

// work puts the inputs into the store and follows the job to its end.
func (r *ocrRun) work(ctx context.Context, d document) (core.JobView, error) {
	sub := core.Submission{Name: d.name, Override: func(o *core.Options) { *o = r.options }}
	left := r.options.Limits.Bytes
	for _, in := range d.inputs {
		file, err := r.take(ctx, in, left)
		if err != nil {
			return core.JobView{}, err
		}
		left -= file.Size
		sub.Files = append(sub.Files, file)
	}
	acc, err := r.engine.pipe.Submit(ctx, sub)
	if err != nil {
		return core.JobView{}, err
	}
	return r.engine.wait(ctx, acc.ID, r.scans.see)
}

func (r *ocrRun) take(ctx context.Context, path string, limit int64) (core.File, error) {
	if limit <= 0 { // which the store would take for no limit
		return core.File{}, core.Refuse(core.CodeOverLimit, "split the document, or raise limits.bytes in the profile",
			"the files before %s have the %d bytes that are the limit", filepath.Base(path), r.options.Limits.Bytes)
	}
	src, name := r.app.std.in, "scan"
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return core.File{}, unreadable(path, err)
		}
		defer f.Close() // read only
		src, name = f, filepath.Base(path)
	}
	ref, size, err := r.engine.blobs.Put(ctx, src, limit)
	if err != nil {
		return core.File{}, err
	}
	if size == 0 {
		return core.File{}, emptyScan()
	}
	return core.File{Name: name, Ref: ref, Size: size}, nil
}

// outcome turns a job's end into an error.
func (r *ocrRun) outcome(j core.JobView) error {
	switch {
	case j.State == core.Partial:
		return partly(j)
	case j.State == core.Completed:
		return nil
	case j.Error != nil:
		return j.Error
	}
	return fmt.Errorf("the document was not made: it is %s", j.State)
}

func (r *ocrRun) copy(ref core.Ref, to string, stdout io.Writer) error {
	f, err := r.engine.blobs.Open(ref)
	if err != nil {
		return err
	}
	defer f.Close() // read only
	return writeWhole(to, f, stdout)
}

// tell prints the results in the order of the inputs; the worst exit code wins.
func (r *ocrRun) tell(results []done) error {
	worst := exitOK
	for _, d := range results {
		if _, err := r.app.std.out.Write(d.stdout); err != nil {
			return fmt.Errorf("write to standard output: %w", err)
		}
		if wrote := d.result.files(); len(wrote) > 0 {
			fmt.Fprintln(r.app.std.err, d.result.summary(wrote))
		}
		if d.err != nil {
			explain(r.app.std.err, d.err)
			worst = worse(worst, code(d.err))
		}
	}
	if r.flags.asJSON {
		if err := r.json(results); err != nil {
			return err
		}
	}
	if worst == exitOK {
		return nil
	}
	return &worstError{worst}
}

func (r *ocrRun) json(results []done) error {
	if len(results) == 1 {
		return writeJSON(r.app.std.out, results[0].result)
	}
	list := make([]ocrResult, len(results))
	for i, d := range results {
		list[i] = d.result
	}
	return writeJSON(r.app.std.out, map[string]any{"documents": list})
}

func join(list []string) string { return strings.Join(list, ", ") }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// pageCount adds up the pages of all documents for the one bar.
type pageCount struct {
	mu    sync.Mutex // guards what follows
	jobs  map[core.JobID]core.PageCounts
	meter *meter
}

func (c *pageCount) see(j core.JobView) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs[j.ID] = j.Pages
	var sum core.JobView
	for _, p := range c.jobs {
		sum.Pages.Total += p.Total
		sum.Pages.Done += p.Done
	}
	c.meter.see(sum)
}
