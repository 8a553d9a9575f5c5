package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/cache"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
)

func TestTheSizeOfTheCacheIsReadStrictly(t *testing.T) {
	for text, want := range map[string]byteSize{
		"1GiB": 1 << 30, "512 MiB": 512 << 20, "1048576": 1 << 20, "2TiB": 2 << 40, "64KiB": 64 << 10, "off": -1, "0": -1, "false": -1,
	} {
		if got, err := parseBytes(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1GB", "GiB", "1.5GiB", "9999999999GiB", "some"} {
		if got, err := parseBytes(text); err == nil {
			t.Errorf("%q: got %d", text, got)
		}
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	for text, ok := range map[string]bool{"cache: {bytes: 1GiB}": true, "cache: {bytes: off}": true, "cache: {bytes: [1]}": false, "cache: {bytes: much}": false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readConfig(path); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheCacheCanBeSwitchedOff(t *testing.T) {
	dir := t.TempDir()
	off := openKept(dir, cacheConfig{Bytes: -1}, nil, slog.New(slog.DiscardHandler))
	if off.again() != nil {
		t.Error("it remembers")
	}
	off.close()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("it left %v, %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(dir, cacheFolder), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if openKept(dir, cacheConfig{}, nil, slog.New(slog.DiscardHandler)).again() != nil {
		t.Error("a folder that cannot be made remembers")
	}
}

func TestTheNumbersOfTheCache(t *testing.T) {
	there := true
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newKeptCollector(func() (keptNumbers, bool) {
		return keptNumbers{
			cache.Stats{Entries: 3, Bytes: 4096, Evicted: 4, Damaged: 5, Unkept: 6},
			map[core.StepKind]reuse.Stats{core.StepRecognizer: {Hits: 7, Misses: 8, Unsure: 9}},
		}, there
	}))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[strings.Join(append([]string{f.GetName()}, labels...), " ")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"entries": 3, "bytes": 4096, "dropped_total evicted": 4, "dropped_total damaged": 5, "dropped_total unkept": 6,
		"questions_total recognizer hit": 7, "questions_total recognizer miss": 8, "questions_total recognizer unsure": 9, "questions_total filter hit": 0,
	} {
		if value, ok := got["twinleaf_cache_"+name]; !ok || value != want {
			t.Errorf("%s: got %v (%v), want %v", name, value, ok, want)
		}
	}
	there = false
	if families, err := r.Gather(); err != nil || len(families) > 0 {
		t.Errorf("without a cache there are %v, %v", families, err)
	}
}
