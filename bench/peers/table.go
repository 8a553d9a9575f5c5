package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/bench/stats"
)

// row is one line of the table: what is asked for, what was measured, whether it holds.
type row struct {
	What    string   `json:"what"`
	Want    string   `json:"want,omitempty"`  // in words; empty: nothing is asked for
	Figures []figure `json:"figures"`         // empty: not measured
	Holds   *bool    `json:"holds,omitempty"` // nil: nothing is asked for, or it was not measured
	Why     string   `json:"why,omitempty"`   // why it was not measured
}

// figure is one number of a row.
type figure struct {
	Name   string    `json:"name"`
	Want   float64   `json:"want,omitempty"` // 0: nothing is asked for
	AtMost bool      `json:"atMost,omitempty"`
	Got    float64   `json:"got"`    // median over the rounds
	Rounds []float64 `json:"rounds"` // the ratio in each
}

// asked is a figure that a row wants.
type asked struct {
	name   string
	value  func(measure) float64
	want   float64
	atMost bool
}

// table compares all runs with what is asked for.
func (r runs) table() []row {
	return []row{
		r.times("clean dense pages over OCRmyPDF default, distribution's engine", "dense", ours, theirs,
			asked{"CPU", cpu, 1.35, false}, asked{"wall", wall, 1.5, false}),
		r.times("the same with the native engine", "dense", oursNative, theirs,
			asked{"CPU", cpu, 1.8, false}, asked{"wall", wall, 2, false}),
		r.times("mixed office batch over OCRmyPDF default --rotate-pages", "mixed", ours, theirsRotate,
			asked{"CPU", cpu, 3, false}, asked{"wall", wall, 3, false}),
		r.times("dense pages over one tesseract process a page", "dense", oursText, processes,
			asked{"CPU", cpu, 1, false}, asked{"wall", wall, 1, false}),
		r.times("pages under 1 s over one tesseract process a page", "short", oursText, processes,
			asked{"CPU", cpu, 1.05, false}, asked{"wall", wall, 1.05, false}),
		r.alone("engine share, clean dense pages", "dense", inside, asked{"share", share, 0.97, false}),
		r.parts("peak PSS of all processes, 1,000 pages, against OCRmyPDF", "thousand", ours, theirs,
			asked{"memory", peak, 0.8, true}),
		r.against("second run over the same 100 pages or more, warm server", "again", firstTime, secondTime, false,
			asked{"wall", wall, 50, false}, asked{"CPU", cpu, 0, false}),
		r.alone("one page through serve, over its recognition", "single", alone, asked{"ms", over, 60, true}),
		r.against("one-page job beside a running 1,000-page job, over its time on an idle server", "single", alone, beside, true,
			asked{"wall", wall, 2, true}),
		r.times("dense pages without PDF/A, over OCRmyPDF --output-type pdf -O0", "dense", oursPlain, theirsPlain,
			asked{"CPU", cpu, 0, false}, asked{"wall", wall, 0, false}),
		r.times("dense pages in one document, over OCRmyPDF default", "dense", oursWhole, theirsWhole,
			asked{"CPU", cpu, 0, false}, asked{"wall", wall, 0, false}),
		r.parts("peak PSS of all processes, dense pages, against OCRmyPDF", "dense", ours, theirs,
			asked{"memory", peak, 0, true}),
	}
}

// against stands the runs of what changes each against the median of what does not, since
// the two did not take turns. swapped: the other way round.
func (r runs) against(what, set, fixed, other string, swapped bool, want ...asked) row {
	out := row{What: what, Want: wanted(want)}
	for _, a := range want {
		x, why1 := r.of(set, fixed, a.value)
		y, why2 := r.of(set, other, a.value)
		if why1+why2 != "" {
			return missing(what, strings.Trim(why1+"; "+why2, "; "), want...)
		}
		x = slices.Repeat([]float64{stats.Median(x)}, len(y))
		if swapped {
			x, y = y, x
		}
		out.add(a, stats.Ratios(x, y))
	}
	return out
}

// missing is a row that was not measured.
func missing(what, why string, want ...asked) row {
	return row{What: what, Want: wanted(want), Why: why, Figures: []figure{}}
}

// wanted is what is asked for, in words.
func wanted(all []asked) string {
	var words []string
	for _, a := range all {
		switch {
		case a.want == 0:
		case a.atMost:
			words = append(words, fmt.Sprintf("%s at most %g", a.name, a.want))
		default:
			words = append(words, fmt.Sprintf("%s %g", a.name, a.want))
		}
	}
	return strings.Join(words, ", ")
}

// times is how many times as much another program needs.
func (r runs) times(what, set, mine, other string, want ...asked) row {
	return r.compare(what, set, other, mine, want)
}

// parts is which part of another program's need ours is.
func (r runs) parts(what, set, mine, other string, want ...asked) row {
	return r.compare(what, set, mine, other, want)
}

func (r runs) compare(what, set, over, under string, want []asked) row {
	out := row{What: what, Want: wanted(want)}
	for _, a := range want {
		x, why1 := r.of(set, over, a.value)
		y, why2 := r.of(set, under, a.value)
		if why1+why2 != "" {
			return missing(what, strings.Trim(why1+"; "+why2, "; "), want...)
		}
		out.add(a, stats.Ratios(x, y))
	}
	return out
}

// alone is a figure of one program.
func (r runs) alone(what, set, program string, want asked) row {
	values, why := r.of(set, program, want.value)
	if why != "" {
		return missing(what, why, want)
	}
	out := row{What: what, Want: wanted([]asked{want})}
	out.add(want, values)
	return out
}

// add takes a figure. Where rounds gave no number, there is none.
func (w *row) add(a asked, rounds []float64) {
	rounds = slices.DeleteFunc(rounds, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	if w.Why != "" {
		return
	}
	if len(rounds) == 0 {
		w.Figures, w.Holds, w.Why = []figure{}, nil, a.name+" could not be measured"
		return
	}
	f := figure{Name: a.name, Want: a.want, AtMost: a.atMost, Got: stats.Median(rounds), Rounds: rounds}
	w.Figures = append(w.Figures, f)
	if f.Want == 0 {
		return
	}
	holds := f.holds() && (w.Holds == nil || *w.Holds)
	w.Holds = &holds
}

func (f figure) holds() bool {
	if f.AtMost {
		return f.Got <= f.Want
	}
	return f.Got >= f.Want
}

// tableHead are the columns of the table.
var tableHead = []string{"what", "at least", "measured", "holds"}

// cells are a row for people.
func (w row) cells() []string {
	var got []string
	for _, f := range w.Figures {
		got = append(got, fmt.Sprintf("%s %.2f (%s)", f.Name, f.Got, f.spread()))
	}
	cells := []string{w.What, w.Want, strings.Join(got, ", "), ""}
	if len(w.Figures) == 0 {
		cells[2] = "not measured: " + w.Why
	}
	for i, empty := range cells {
		if empty == "" {
			cells[i] = "–"
		}
	}
	if w.Holds != nil {
		cells[3] = map[bool]string{true: "yes", false: "NO"}[*w.Holds]
	}
	return cells
}

// spread is from the least round to the greatest.
func (f figure) spread() string {
	if len(f.Rounds) == 1 {
		return "one round"
	}
	return fmt.Sprintf("%.2f–%.2f", slices.Min(f.Rounds), slices.Max(f.Rounds))
}
