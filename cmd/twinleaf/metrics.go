package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/twinleaf-scan/twinleaf/core"
)

// newRegistry is the server's metrics: the process, the jobs, the stages, the plug-ins.
func newRegistry(l *live) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newCollector(l))
	return r
}

// collector reads the numbers when they are asked for.
type collector struct {
	live *live

	up, jobs, submitted, duplicates, events, unsaved, appendErrors *prometheus.Desc
	running, tasks, busy                                           *prometheus.Desc
	crashes, restarts, processes                                   *prometheus.Desc
}

func newCollector(l *live) *collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("twinleaf_"+name, help, labels, nil)
	}
	return &collector{
		live:         l,
		up:           d("up", "Whether a part of the server is up: web, data, mode (active).", "item"),
		jobs:         d("jobs", "Jobs by state.", "state"),
		submitted:    d("jobs_submitted_total", "Jobs that were taken since the start."),
		duplicates:   d("jobs_duplicate_total", "Submissions whose key was seen before."),
		events:       d("journal_events", "Events in the journal's life."),
		unsaved:      d("journal_unsaved_results", "Results that wait for the journal to take them."),
		appendErrors: d("journal_append_errors_total", "Appends that the journal did not take."),
		running:      d("tasks_running", "Tasks that are being worked on.", "stage"),
		tasks:        d("tasks_total", "Tasks that ended, by stage and result: done, retried, failed. A task of a page stage is one page.", "stage", "result"),
		busy:         d("stage_seconds_total", "Time that tasks took.", "stage"),
		crashes:      d("plugin_crashes_total", "Crashes of plug-in processes during a call.", "plugin"),
		restarts:     d("plugin_restarts_total", "Replacements of worn or broken plug-in processes.", "plugin"),
		processes:    d("plugin_processes", "Plug-in processes: idle and busy.", "plugin", "state"),
	}
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.up, c.jobs, c.submitted, c.duplicates, c.events, c.unsaved, c.appendErrors,
		c.running, c.tasks, c.busy, c.crashes, c.restarts, c.processes,
	} {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	h := c.live.health()
	gauge(c.up, flag(h.Web.State == "up"), "web")
	gauge(c.up, flag(h.Data.State == "up"), "data")
	gauge(c.up, flag(h.Mode.State == "active"), "mode")
	if e, err := c.live.get(); err == nil {
		c.pipeline(ch, e, gauge)
		c.plugins(ch, e, gauge)
	}
}

func (c *collector) pipeline(ch chan<- prometheus.Metric, e *engine, gauge func(*prometheus.Desc, float64, ...string)) {
	count := counter(ch)
	s := e.pipe.Stats()
	for _, state := range []core.JobState{core.Queued, core.Running, core.Held, core.Completed, core.Partial, core.Failed, core.Cancelled} {
		gauge(c.jobs, float64(s.Jobs[state]), string(state))
	}
	count(c.submitted, float64(s.Submitted))
	count(c.duplicates, float64(s.Duplicates))
	count(c.appendErrors, float64(s.AppendErrors))
	gauge(c.events, float64(s.Events))
	gauge(c.unsaved, float64(s.Unsaved))
	for stage, v := range s.Stages {
		gauge(c.running, float64(v.Running), string(stage))
		count(c.tasks, float64(v.Done), string(stage), "done")
		count(c.tasks, float64(v.Retried), string(stage), "retried")
		count(c.tasks, float64(v.Failed), string(stage), "failed")
		count(c.busy, v.Busy.Seconds(), string(stage))
	}
}

func (c *collector) plugins(ch chan<- prometheus.Metric, e *engine, gauge func(*prometheus.Desc, float64, ...string)) {
	count := counter(ch)
	for _, p := range e.host.List() {
		count(c.crashes, float64(p.Crashes), p.Name)
		count(c.restarts, float64(p.Restarts), p.Name)
		gauge(c.processes, float64(p.Idle), p.Name, "idle")
		gauge(c.processes, float64(p.Busy), p.Name, "busy")
	}
}

func counter(ch chan<- prometheus.Metric) func(*prometheus.Desc, float64, ...string) {
	return func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
