package main

import (
	"context"
	"fmt"
	"io"

	"github.com/twinleaf-scan/twinleaf/bench/stats"
)

// play runs all programs of a set, round by round: in each round every program once,
// beginning with another one, so that what changes on the machine meanwhile meets all.
// A program that failed is not run again.
func play(ctx context.Context, s setup, l *laid, dir string, say io.Writer) ([]measure, error) {
	all := s.entries(l)
	failed := map[string]bool{}
	var out []measure
	for round := range l.set.Rounds {
		for i := range all {
			e := all[(i+round)%len(all)]
			if failed[e.name] || (e.rounds > 0 && round >= e.rounds) {
				continue
			}
			m, err := e.once(ctx, s, dir, round+1)
			if err != nil {
				return out, fmt.Errorf("%s on %s: %w", e.name, l.set.Name, err)
			}
			failed[e.name] = m.Failed != ""
			out = append(out, m)
			fmt.Fprintln(say, m)
		}
	}
	return out, nil
}

// String is a run in one line.
func (m measure) String() string {
	if m.Failed != "" {
		return fmt.Sprintf("%s, round %d, %s: FAILED: %s", m.Set, m.Round, m.Program, m.Failed)
	}
	text := fmt.Sprintf("%s, round %d, %s: wall %.2f s, %d pages", m.Set, m.Round, m.Program, m.Wall, m.Pages)
	if m.CPU > 0 {
		text += fmt.Sprintf(", CPU %.1f s, %.0f MB, %d words", m.CPU, float64(m.Peak)/(1<<20), m.Words)
	}
	if m.Over != 0 {
		text += fmt.Sprintf(", %.0f ms of it not recognition", over(m))
	}
	return text
}

// runs are all measures.
type runs []measure

// of are the values of a program on a set, round by round. why says why there are none.
func (r runs) of(set, program string, value func(measure) float64) (values []float64, why string) {
	for _, m := range r {
		switch {
		case m.Set != set || m.Program != program:
		case m.Failed != "":
			return nil, m.Program + ": " + m.Failed
		default:
			values = append(values, value(m))
		}
	}
	if len(values) == 0 {
		return nil, fmt.Sprintf("%s was not run on the set %s", program, set)
	}
	return values, ""
}

func wall(m measure) float64  { return m.Wall }
func cpu(m measure) float64   { return m.CPU }
func peak(m measure) float64  { return float64(m.Peak) }
func share(m measure) float64 { return m.Share }

// over is in milliseconds.
func over(m measure) float64 { return m.Over * 1000 }

// median is a program's middle run in each respect.
type median struct {
	Set            string  `json:"set"`
	Program        string  `json:"program"`
	Rounds         int     `json:"rounds"`
	Wall           float64 `json:"wallSeconds"`
	CPU            float64 `json:"cpuSeconds"`
	Peak           float64 `json:"peakBytes"`
	Pages          int     `json:"pages"`
	Words          int     `json:"words"`
	PagesPerMinute float64 `json:"pagesPerMinute"`
}

// medians are those of all programs that did not fail, in the order in which they ran first.
func (r runs) medians() []median {
	var out []median
	seen := map[[2]string]bool{}
	for _, m := range r {
		key := [2]string{m.Set, m.Program}
		walls, why := r.of(m.Set, m.Program, wall)
		if seen[key] || why != "" {
			continue
		}
		seen[key] = true
		cpus, _ := r.of(m.Set, m.Program, cpu)
		peaks, _ := r.of(m.Set, m.Program, peak)
		d := median{
			Set: m.Set, Program: m.Program, Rounds: len(walls), Pages: m.Pages, Words: m.Words,
			Wall: stats.Median(walls), CPU: stats.Median(cpus), Peak: stats.Median(peaks),
		}
		if d.Wall > 0 {
			d.PagesPerMinute = float64(d.Pages) * 60 / d.Wall
		}
		out = append(out, d)
	}
	return out
}
