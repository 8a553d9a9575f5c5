package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// farmNumbers are those of the workers at one moment.
type farmNumbers struct {
	workers       []farm.View
	here, waiting int   // pages
	forPeer       int64 // pages
}

// farmNumbers are those of the data service, if it is there.
func (l *live) farmNumbers() (farmNumbers, bool) {
	e, err := l.get()
	if err != nil || e.farm == nil {
		return farmNumbers{}, false
	}
	n := farmNumbers{workers: e.farm.Workers()}
	n.here, n.waiting = e.farm.Load()
	if e.member != nil && e.member.pages != nil {
		n.forPeer = e.member.pages.done.Load()
	}
	return n, true
}

// farmCollector gives the numbers of the workers when they are asked for.
type farmCollector struct {
	numbers func() (farmNumbers, bool)

	here, waiting, forPeer                *prometheus.Desc
	slots, busy, pages, failures, resting *prometheus.Desc
}

func newFarmCollector(numbers func() (farmNumbers, bool)) *farmCollector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("twinleaf_"+name, help, labels, nil)
	}
	return &farmCollector{
		numbers:  numbers,
		here:     d("pages_reading", "Pages that this server's own engine reads for its jobs."),
		waiting:  d("pages_waiting", "Pages that wait for a place to be read in, here or at a worker."),
		forPeer:  d("pair_pages_read_total", "Pages that this server read for the other one of its pair, or had read before."),
		slots:    d("worker_slots", "Pages that a worker takes at once; 0 while it rests.", "worker"),
		busy:     d("worker_busy", "Pages that a worker has.", "worker"),
		pages:    d("worker_pages_total", "Pages that a worker read since it joined.", "worker"),
		failures: d("worker_failures_total", "Times since it joined that a worker gave no text; the page was read elsewhere.", "worker"),
		resting:  d("worker_resting", "Whether a worker gets no pages for a while: its engine is another one, or it failed again and again.", "worker"),
	}
}

func (c *farmCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.here, c.waiting, c.forPeer, c.slots, c.busy, c.pages, c.failures, c.resting} {
		ch <- d
	}
}

func (c *farmCollector) Collect(ch chan<- prometheus.Metric) {
	n, ok := c.numbers()
	if !ok {
		return
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := counter(ch)
	gauge(c.here, float64(n.here))
	gauge(c.waiting, float64(n.waiting))
	count(c.forPeer, float64(n.forPeer))
	for _, w := range n.workers {
		gauge(c.slots, float64(w.Slots), w.Name)
		gauge(c.busy, float64(w.Busy), w.Name)
		count(c.pages, float64(w.Pages), w.Name)
		count(c.failures, float64(w.Failures), w.Name)
		gauge(c.resting, flag(!w.Rests.IsZero()), w.Name)
	}
}
