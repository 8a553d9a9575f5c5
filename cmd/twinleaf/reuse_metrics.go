package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/cache"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
)

// keptNumbers are those of the cache at one moment.
type keptNumbers struct {
	cache.Stats
	Questions map[core.StepKind]reuse.Stats
}

// numbers are those of now; not ok: nothing is kept.
func (k *answers) numbers() (keptNumbers, bool) {
	if k == nil {
		return keptNumbers{}, false
	}
	return keptNumbers{k.store.Stats(), k.memory.Stats()}, true
}

// keptNumbers are those of the data service's cache, if it is there and has one.
func (l *live) keptNumbers() (keptNumbers, bool) {
	e, err := l.get()
	if err != nil {
		return keptNumbers{}, false
	}
	return e.kept.numbers()
}

// keptCollector gives the numbers of the cache when they are asked for.
type keptCollector struct {
	numbers func() (keptNumbers, bool)

	questions, entries, bytes, dropped *prometheus.Desc
}

func newKeptCollector(numbers func() (keptNumbers, bool)) *keptCollector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("twinleaf_cache_"+name, help, labels, nil)
	}
	return &keptCollector{
		numbers:   numbers,
		questions: d("questions_total", "Pages that a plug-in of a kind was to work on: hit (the answer was kept), miss, or unsure (it is not known what answers rest on).", "kind", "result"),
		entries:   d("entries", "Answers that are kept."),
		bytes:     d("bytes", "What they take on disk."),
		dropped:   d("dropped_total", "Answers that are kept no longer, or never were: evicted for want of room, damaged, unkept (too large, or the disk did not take them).", "cause"),
	}
}

func (c *keptCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.questions, c.entries, c.bytes, c.dropped} {
		ch <- d
	}
}

func (c *keptCollector) Collect(ch chan<- prometheus.Metric) {
	n, ok := c.numbers()
	if !ok {
		return
	}
	count := counter(ch)
	for _, kind := range []core.StepKind{core.StepFilter, core.StepRecognizer} {
		s := n.Questions[kind]
		count(c.questions, float64(s.Hits), string(kind), "hit")
		count(c.questions, float64(s.Misses), string(kind), "miss")
		count(c.questions, float64(s.Unsure), string(kind), "unsure")
	}
	ch <- prometheus.MustNewConstMetric(c.entries, prometheus.GaugeValue, float64(n.Entries))
	ch <- prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(n.Bytes))
	count(c.dropped, float64(n.Evicted), "evicted")
	count(c.dropped, float64(n.Damaged), "damaged")
	count(c.dropped, float64(n.Unkept), "unkept")
}
