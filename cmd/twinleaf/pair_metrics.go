package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// pairNumbers are a pair's at one moment. The zero value is that of a server in no pair.
type pairNumbers struct {
	node.Metrics
	Paired bool
	Role   pair.Role
	Mode   string // one of pair's modes

	Alone       time.Duration           // for how long by now nothing has been sure to reach the peer; 0: it is
	Skew        time.Duration           // how far the peer's clock is ahead
	Sessions    int                     // open here
	Withheld    int                     // jobs of the peer
	Differences map[parity.Severity]int // nil: the servers were not compared yet
}

// pairCollector gives a pair's numbers when they are asked for.
type pairCollector struct {
	numbers func() pairNumbers

	paired, role, mode, epoch                 *prometheus.Desc
	linked, lag, skew                         *prometheus.Desc
	alone, unprotected, healed                *prometheus.Desc
	takeovers, handBacks, firstJobs, refusals *prometheus.Desc
	sessions, withheld, parity, differences   *prometheus.Desc
}

func newPairCollector(numbers func() pairNumbers) *pairCollector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("twinleaf_"+name, help, labels, nil)
	}
	return &pairCollector{
		numbers:     numbers,
		paired:      d("paired", "Whether the server is in a pair. The other numbers of a pair are there only then."),
		role:        d("pair_role", "What the server is licensed for: 1 for its role.", "role"),
		mode:        d("pair_mode", "The server's mode: 1 for the one that it is in.", "mode"),
		epoch:       d("pair_epoch", "Highest epoch of any takeover."),
		linked:      d("pair_linked", "Whether the servers hear each other."),
		lag:         d("pair_lag_entries", "Entries of this server's journal that the other one does not have yet."),
		alone:       d("pair_unprotected_seconds", "For how long by now what is taken here has been on this server only; 0 while it is on both."),
		unprotected: d("pair_unprotected_seconds_total", "Time in which that was so, in all."),
		healed:      d("pair_healed_blobs_total", "Files that were missing here and were fetched from the other server."),
		skew:        d("pair_skew_seconds", "How far the other server's clock is ahead."),
		takeovers:   d("pair_takeovers_total", "Takeovers of the other server's jobs, by cause.", "cause"),
		handBacks:   d("pair_handbacks_total", "Takeovers that were handed back."),
		firstJobs:   d("pair_first_jobs_total", "Failovers in which a client brought its job to the secondary."),
		refusals:    d("pair_refusals_total", "What the pair refused, by code.", "code"),
		sessions:    d("pair_sessions", "Sessions of people and clients that are open on this server."),
		withheld:    d("pair_withheld_jobs", "Jobs of the other server that do not run here because they need what differs."),
		parity:      d("pair_parity", "Whether the servers are at parity: there are warnings at most."),
		differences: d("pair_differences", "In how much the servers differ, by severity.", "severity"),
	}
}

func (c *pairCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.paired, c.role, c.mode, c.epoch, c.linked, c.lag, c.skew, c.alone, c.unprotected, c.healed,
		c.takeovers, c.handBacks, c.firstJobs, c.refusals, c.sessions, c.withheld, c.parity, c.differences,
	} {
		ch <- d
	}
}

func (c *pairCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	n := c.numbers()
	gauge(c.paired, flag(n.Paired))
	if !n.Paired {
		return
	}
	for _, r := range []pair.Role{pair.Primary, pair.Secondary} {
		gauge(c.role, flag(r == n.Role), string(r))
	}
	for _, m := range []string{pair.ModeActive, pair.ModeStandby, pair.ModeMaintenance, pair.ModeDraining} {
		gauge(c.mode, flag(m == n.Mode), m)
	}
	gauge(c.sessions, float64(n.Sessions))
	gauge(c.withheld, float64(n.Withheld))
	gauge(c.skew, n.Skew.Seconds())
	c.counted(n.Metrics, ch, gauge)
	gauge(c.alone, n.Alone.Seconds())
	c.compared(n, gauge)
}

// counted gives what the node counts.
func (c *pairCollector) counted(n node.Metrics, ch chan<- prometheus.Metric, gauge func(*prometheus.Desc, float64, ...string)) {
	count := counter(ch)
	gauge(c.epoch, float64(n.Epoch))
	gauge(c.linked, flag(n.Linked))
	gauge(c.lag, float64(n.Lag))
	count(c.unprotected, n.Unprotected.Seconds())
	count(c.healed, float64(n.Healed))
	for _, cause := range []pair.Cause{pair.Network, pair.Web, pair.Data, pair.Maintenance, pair.Operator, pair.Engine} {
		count(c.takeovers, float64(n.Takeovers[cause]), string(cause))
	}
	count(c.handBacks, float64(n.HandBacks))
	count(c.firstJobs, float64(n.FirstJobs))
	for code, times := range n.Refusals {
		count(c.refusals, float64(times), code)
	}
}

// compared gives how the servers differ, if they were compared.
func (c *pairCollector) compared(n pairNumbers, gauge func(*prometheus.Desc, float64, ...string)) {
	if n.Differences == nil {
		return
	}
	graver := 0
	for _, s := range []parity.Severity{parity.Warning, parity.Differs, parity.BlocksForming, parity.BlocksSync} {
		gauge(c.differences, float64(n.Differences[s]), string(s))
		if s != parity.Warning {
			graver += n.Differences[s]
		}
	}
	gauge(c.parity, flag(graver == 0))
}
