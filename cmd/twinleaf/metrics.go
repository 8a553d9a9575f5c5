package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// newRegistry is the server's metrics: the process, the jobs, the stages, the plug-ins, the cache, the workers.
func newRegistry(l *live) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newCollector(l), newKeptCollector(l.keptNumbers), newFarmCollector(l.farmNumbers))
	return r
}

// collector reads the numbers when they are asked for.
type collector struct {
	live *live

	up, jobs, submitted, duplicates, events, unsaved, appendErrors *prometheus.Desc
	running, tasks, busy                                           *prometheus.Desc
	calls, crashes, hung, restarts, refused                        *prometheus.Desc
	processes, memory, quarantined, usable                         *prometheus.Desc
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
		calls:        d("plugin_calls_total", "Calls of a plug-in that ended, well or badly.", "plugin"),
		crashes:      d("plugin_crashes_total", "Crashes of plug-in processes during a call.", "plugin"),
		hung:         d("plugin_hung_total", "Plug-in processes that stopped answering and were replaced.", "plugin"),
		refused:      d("plugin_refused_connections_total", "Connections that a plug-in tried and nobody had granted.", "plugin"),
		restarts:     d("plugin_restarts_total", "Replacements of worn or broken plug-in processes.", "plugin"),
		processes:    d("plugin_processes", "Plug-in processes: idle, busy and starting.", "plugin", "state"),
		memory:       d("plugin_resident_bytes", "Resident memory of all processes of a plug-in, with their children.", "plugin"),
		quarantined:  d("plugin_quarantined", "Whether a plug-in is left alone because it keeps failing.", "plugin"),
		usable:       d("plugin_up", "Whether a plug-in could be started and is not in quarantine.", "plugin"),
	}
}

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.up, c.jobs, c.submitted, c.duplicates, c.events, c.unsaved, c.appendErrors,
		c.running, c.tasks, c.busy, c.calls, c.crashes, c.hung, c.restarts, c.refused,
		c.processes, c.memory, c.quarantined, c.usable,
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
	for _, p := range oneOfEachName(e.host.List()) {
		count(c.calls, float64(p.Calls), p.Name)
		count(c.crashes, float64(p.Crashes), p.Name)
		count(c.hung, float64(p.Hung), p.Name)
		count(c.refused, float64(p.Refused), p.Name)
		count(c.restarts, float64(p.Restarts), p.Name)
		states := map[host.State]int{}
		for _, r := range p.Processes {
			states[r.State]++
		}
		for _, state := range []host.State{host.Starting, host.Idle, host.Busy} {
			gauge(c.processes, float64(states[state]), p.Name, string(state))
		}
		gauge(c.memory, float64(p.MemoryMB<<20), p.Name)
		gauge(c.quarantined, flag(p.Quarantined), p.Name)
		gauge(c.usable, flag(p.Problem == "" && !p.Quarantined && !p.Starting), p.Name)
	}
}

// oneOfEachName leaves out programs that cannot be used and go by the name of one that
// can: a metric has one value for a name.
func oneOfEachName(all []host.Status) []host.Status {
	at := map[string]int{}
	var out []host.Status
	for _, p := range all {
		i, seen := at[p.Name]
		switch {
		case !seen:
			at[p.Name] = len(out)
			out = append(out, p)
		case out[i].Problem != "":
			out[i] = p
		}
	}
	return out
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
