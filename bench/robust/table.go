package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
)

// table collects the results and prints them.
type table struct {
	out     io.Writer
	order   []string
	sums    map[string]*sum
	skipped map[string]string // scene: why
	broken  bool
	began   time.Time
	notes   []string
	times   map[string][]time.Duration
}

// sum is what came of all rounds of a scene.
type sum struct {
	rounds int
	tally  history.Tally
	broken int
	took   time.Duration
}

func newTable(out io.Writer) *table {
	return &table{out: out, sums: map[string]*sum{}, skipped: map[string]string{}, times: map[string][]time.Duration{}, began: time.Now()}
}

func (t *table) note(text string) { t.notes = append(t.notes, text) }

func (t *table) skip(p planned, why string) {
	if t.skipped[p.scene.name] == "" {
		fmt.Fprintf(t.out, "round %d: %s skipped: %s\n", p.number, p.scene.name, why)
	}
	t.skipped[p.scene.name] = why
}

// row prints one round as it ends.
func (t *table) row(p planned, r result) {
	s := t.sums[p.scene.name]
	if s == nil {
		s = &sum{}
		t.sums[p.scene.name] = s
		t.order = append(t.order, p.scene.name)
	}
	s.rounds++
	s.tally.Add(r.tally)
	s.took += r.took
	for what, list := range r.times {
		t.times[what] = append(t.times[what], list...)
	}
	state := "ok"
	if len(r.found) > 0 {
		state, t.broken = "BROKEN", true
		s.broken++
	}
	fmt.Fprintf(t.out, "round %d: %s, %d kills, %d+%d jobs, %d pages again, %d deliveries doubled, %.1f s: %s\n", p.number, p.scene.name,
		r.tally.Kills, r.tally.Protected, r.tally.Unprotected, r.tally.Again, r.tally.Doubled, r.took.Seconds(), state)
	for i, f := range r.found {
		if i == maxFound {
			fmt.Fprintf(t.out, "    and %d more\n", len(r.found)-i)
			break
		}
		fmt.Fprintf(t.out, "    %s\n", indent(f))
	}
}

// Bounds of what is printed of a broken round.
const (
	maxFound = 12
	maxLines = 8 // of one of them
	maxLine  = 300
)

// indent keeps the beginning of a long text; the whole of it is in the log.
func indent(text string) string {
	lines := strings.Split(text, "\n")
	if len(lines) > maxLines {
		lines = append(lines[:maxLines], "…")
	}
	for i, l := range lines {
		if len(l) > maxLine {
			lines[i] = l[:maxLine] + "…"
		}
	}
	return strings.Join(lines, "\n      ")
}

// end prints the table.
func (t *table) end(o options) {
	fmt.Fprintln(t.out)
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "scene\trounds\tkills\tprotected\tlost\tunprotected\tlost\twith disk\tpages twice\tdoubled\ttakeover p50\tmax\ttries max\tbroken\t")
	var all sum
	for _, name := range t.order {
		s := t.sums[name]
		line(w, name, *s)
		all.rounds += s.rounds
		all.broken += s.broken
		all.tally.Add(s.tally)
	}
	line(w, "all", all)
	_ = w.Flush() // the table goes where the rest went
	for _, what := range slices.Sorted(maps.Keys(t.times)) {
		p50, most := middle(t.times[what])
		fmt.Fprintf(t.out, "%s: %d times, p50 %s, max %s\n", what, len(t.times[what]), p50, most)
	}
	for name, why := range t.skipped {
		fmt.Fprintf(t.out, "skipped: %s: %s\n", name, why)
	}
	for _, n := range t.notes {
		fmt.Fprintln(t.out, n)
	}
	fmt.Fprintf(t.out, "seed %d, T %v, %d workers a server, page time %v, slack %g, %v in all\n", o.seed, o.silence, o.workers, o.pageTime, o.slack, time.Since(t.began).Round(time.Second))
	if t.broken {
		fmt.Fprintf(t.out, "BROKEN: play a round again with -seed %d -kills %d -burst %d -rounds %d%s -round NUMBER -v\n", o.seed, o.kills, o.burst, o.rounds, onlyFlag(o))
	}
}

func onlyFlag(o options) string {
	if o.only == "" {
		return ""
	}
	return " -only " + o.only
}

func line(w io.Writer, name string, s sum) {
	p50, most := middle(s.tally.Takeovers)
	y := s.tally
	fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%d\t%d\t\n", name, s.rounds, y.Kills,
		y.Protected, y.LostProtected, y.Unprotected, y.LostUnprotected, y.LostWithDisk, y.Again, y.Doubled, p50, most, y.Tries, s.broken)
}

// middle is the median of times and the longest.
func middle(times []time.Duration) (p50, most string) {
	if len(times) == 0 {
		return "-", "-"
	}
	slices.Sort(times)
	return seconds(times[len(times)/2]), seconds(times[len(times)-1])
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
