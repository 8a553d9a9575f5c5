package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// gathered are the metrics of a pair as name{label} value.
func gathered(t *testing.T, n pairNumbers) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newPairCollector(func() pairNumbers { return n }))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		if f.GetHelp() == "" || !strings.HasPrefix(f.GetName(), "twinleaf_pair") {
			t.Errorf("%s: help %q", f.GetName(), f.GetHelp())
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += fmt.Sprintf("{%s}", l.GetValue())
			}
			all[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return all
}

func TestAServerAloneHasNoNumbersOfAPair(t *testing.T) {
	if got := gathered(t, pairNumbers{}); len(got) != 1 || got["twinleaf_paired"] != 0 {
		t.Errorf("got %v", got)
	}
}

// GS31: the four causes are counted apart.
func TestTheNumbersOfAPair(t *testing.T) {
	got := gathered(t, pairNumbers{
		Metrics: node.Metrics{
			Takeovers: map[pair.Cause]uint64{pair.Network: 1, pair.Web: 2, pair.Data: 3, pair.Maintenance: 4}, HandBacks: 5, FirstJobs: 6, Epoch: 7, Linked: true, Lag: 12,
			Refusals: map[string]uint64{"unwell": 10}, Unprotected: 1500 * time.Millisecond, Healed: 11,
		},
		Paired: true, Role: pair.Secondary, Mode: pair.ModeActive, Alone: 2500 * time.Millisecond, Skew: -20 * time.Millisecond, Sessions: 8, Withheld: 9,
		Differences: map[parity.Severity]int{parity.Warning: 2, parity.Differs: 1},
	})
	for name, want := range map[string]float64{
		"paired": 1, "pair_role{secondary}": 1, "pair_role{primary}": 0, "pair_mode{active}": 1, "pair_mode{standby}": 0, "pair_mode{maintenance}": 0, "pair_mode{draining}": 0,
		"pair_epoch": 7, "pair_linked": 1, "pair_lag_entries": 12, "pair_unprotected_seconds": 2.5, "pair_unprotected_seconds_total": 1.5, "pair_healed_blobs_total": 11, "pair_refusals_total{unwell}": 10, "pair_skew_seconds": -0.02,
		"pair_takeovers_total{network}": 1, "pair_takeovers_total{web}": 2, "pair_takeovers_total{data}": 3, "pair_takeovers_total{maintenance}": 4,
		"pair_takeovers_total{operator}": 0, "pair_takeovers_total{engine}": 0, "pair_handbacks_total": 5, "pair_first_jobs_total": 6,
		"pair_sessions": 8, "pair_withheld_jobs": 9, "pair_parity": 0, "pair_differences{warning}": 2, "pair_differences{difference}": 1,
		"pair_differences{blocks-forming}": 0, "pair_differences{blocks-sync}": 0,
	} {
		if v, there := got["twinleaf_"+name]; !there || v != want {
			t.Errorf("%s: got %v %v, want %v", name, v, there, want)
		}
		delete(got, "twinleaf_"+name)
	}
	if len(got) > 0 {
		t.Errorf("nobody asked for %v", got)
	}
}

func TestWarningsAloneAreParity(t *testing.T) {
	for severity, want := range map[parity.Severity]float64{parity.Warning: 1, parity.Differs: 0, parity.BlocksForming: 0, parity.BlocksSync: 0} {
		if got := gathered(t, pairNumbers{Paired: true, Differences: map[parity.Severity]int{severity: 1}}); got["twinleaf_pair_parity"] != want {
			t.Errorf("%s: got %v", severity, got["twinleaf_pair_parity"])
		}
	}
	if _, there := gathered(t, pairNumbers{Paired: true})["twinleaf_pair_parity"]; there {
		t.Error("parity is told before the servers were compared")
	}
}
