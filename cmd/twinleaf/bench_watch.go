package main

import (
	"context"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/procs"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// pageClock notes when the work on each page begins and ends.
type pageClock struct {
	mu   sync.Mutex // guards what follows
	jobs map[core.JobID]map[int]*stretch
}

// stretch is from the first step of a page to the end of its last.
type stretch struct{ began, ended time.Time }

// around looks on at the stages that work on pages.
func (c *pageClock) around(all map[core.Stage]pipeline.Stage) map[core.Stage]pipeline.Stage {
	for _, name := range []core.Stage{core.Rasterize, core.Clean, core.Recognize} {
		inner := all[name]
		all[name] = stageFunc(func(ctx context.Context, t core.Task) (core.Result, error) {
			c.begin(t.Job, t.Page, time.Now())
			r, err := inner.Run(ctx, t)
			if err == nil {
				c.end(t.Job, t.Page, time.Now())
			}
			return r, err
		})
	}
	return all
}

func (c *pageClock) begin(job core.JobID, page int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.jobs == nil {
		c.jobs = map[core.JobID]map[int]*stretch{}
	}
	pages := c.jobs[job]
	if pages == nil {
		pages = map[int]*stretch{}
		c.jobs[job] = pages
	}
	if pages[page] == nil {
		pages[page] = &stretch{began: now}
	}
}

func (c *pageClock) end(job core.JobID, page int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.jobs[job][page]; s != nil {
		s.ended = now
	}
}

// take gives the seconds that the pages of a job took, and forgets them.
func (c *pageClock) take(job core.JobID) []float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var seconds []float64
	for _, s := range c.jobs[job] {
		if !s.ended.IsZero() {
			seconds = append(seconds, s.ended.Sub(s.began).Seconds())
		}
	}
	delete(c.jobs, job)
	return seconds
}

// costWatch looks at this process and all that it started, every so often: what is held
// most, and what each program did. Its fields belong to the goroutine of run until that
// has ended.
type costWatch struct {
	every   time.Duration
	before  map[int]time.Duration // processor time that is not part of the measurement, by process
	peak    benchMemory
	moments []memoryMoment
	alive   map[int]procs.Process    // as they were seen last
	ended   map[string]time.Duration // by program
	own     time.Duration            // that looking took
}

// memoryMoment is one look.
type memoryMoment struct {
	at              time.Duration
	server, plugins int64 // bytes
}

// watchMemoryEvery is the time between two looks. Each costs some 12 ms, and while it lasts the
// kernel keeps the process that is looked at from getting memory.
const watchMemoryEvery = time.Second

// maxMoments bounds what is kept of a long run: then every second one goes, and they are
// kept half as often.
const maxMoments = 4096

func newCostWatch(before []procs.Process) *costWatch {
	w := &costWatch{
		every: watchMemoryEvery, peak: benchMemory{Exact: true}, before: map[int]time.Duration{},
		alive: map[int]procs.Process{}, ended: map[string]time.Duration{},
	}
	for _, p := range before {
		w.before[p.PID] = p.CPU
	}
	return w
}

// run looks until ctx ends, and once at the end. It has a thread of its own, so that its
// own time can be told apart.
func (w *costWatch) run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began, before := time.Now(), threadTime()
	defer func() { w.own = threadTime() - before }()
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for n, each := 0, 1; ; n++ {
		select {
		case <-ctx.Done():
			w.keep(w.look(time.Since(began)))
			return
		case <-tick.C:
		}
		m := w.look(time.Since(began))
		if n%each == 0 && w.keep(m) {
			each *= 2
		}
	}
}

// keep remembers a moment, and reports whether it made room for that.
func (w *costWatch) keep(m memoryMoment) bool {
	w.moments = append(w.moments, m)
	if len(w.moments) < maxMoments {
		return false
	}
	half := w.moments[:0]
	for i := 0; i < len(w.moments); i += 2 {
		half = append(half, w.moments[i])
	}
	w.moments = half
	return true
}

func (w *costWatch) look(at time.Duration) memoryMoment {
	m := memoryMoment{at: at}
	seen := map[int]procs.Process{}
	for _, p := range procs.Tree(os.Getpid()) {
		held, exact := procs.Memory(p)
		w.peak.Exact = w.peak.Exact && exact
		if p.PID == os.Getpid() {
			m.server += held
			continue
		}
		m.plugins += held
		seen[p.PID] = p
	}
	w.settle(seen)
	w.peak.Total = max(w.peak.Total, m.server+m.plugins)
	w.peak.Server = max(w.peak.Server, m.server)
	w.peak.Plugins = max(w.peak.Plugins, m.plugins)
	return m
}

// settle takes down what processes did that are there no more. Those that a plug-in
// started count for it, since it has waited for them.
func (w *costWatch) settle(seen map[int]procs.Process) {
	for pid, p := range w.alive {
		if _, still := seen[pid]; !still && p.Parent == os.Getpid() {
			w.ended[p.Name] += p.CPU - w.before[pid]
			delete(w.before, pid)
		}
	}
	w.alive = seen
}

// byProgram is the processor time of each program that is not this one, in seconds, as
// far as it was seen: one that ended had a little more.
func (w *costWatch) byProgram() map[string]float64 {
	out := map[string]float64{}
	for name, d := range w.ended {
		out[name] += d.Seconds()
	}
	for pid, p := range w.alive {
		out[p.Name] += (p.CPU - w.before[pid]).Seconds()
	}
	return out
}

// threadTime is the processor time of the calling thread.
func threadTime() time.Duration { return usageOf(unix.RUSAGE_THREAD) }

func usageOf(who int) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
