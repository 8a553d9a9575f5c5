package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// readReport reads results that were kept.
func readReport(path string) (*report, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r report
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, fmt.Errorf("%s holds no results: %w", path, err)
	}
	return &r, nil
}

// summarize prints each row of some results beside each other. all reports whether
// everything that is asked for was measured and held in each of them.
func summarize(w io.Writer, paths []string) (all bool, err error) {
	if len(paths) == 0 {
		return false, errors.New("name the results, e.g. docs/bench/run-1.json docs/bench/run-2.json")
	}
	var reports []*report
	head := []string{"what", "at least"}
	for _, path := range paths {
		r, err := readReport(path)
		if err != nil {
			return false, err
		}
		reports = append(reports, r)
		head = append(head, strings.TrimSuffix(filepath.Base(path), ".json"))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(append(head, "holds in all"), "\t"))
	all = true
	for _, row := range reports[0].Table {
		cells, verdict := row.across(reports)
		all = all && verdict != no
		fmt.Fprintln(t, strings.Join(append(cells, verdict), "\t"))
	}
	for i, r := range reports {
		if r.Cut > 0 {
			fmt.Fprintf(t, "%s is a trial of %d pages.\n", paths[i], r.Cut)
		}
	}
	return all, t.Flush()
}

// The words for whether a row holds.
const (
	yes       = "yes"
	no        = "NO"
	unasked   = "–"
	unmeasure = "not measured"
)

// across is a row in several results, and whether it held in all of them. What is asked
// for and was not measured did not hold.
func (w row) across(reports []*report) (cells []string, verdict string) {
	cells = []string{w.What, w.Want}
	if w.Want == "" {
		cells[1] = unasked
	}
	verdict = yes
	for _, r := range reports {
		other, ok := r.row(w.What)
		switch {
		case !ok || len(other.Figures) == 0:
			cells = append(cells, unmeasure)
		default:
			cells = append(cells, other.short())
		}
		if other.Holds == nil || !*other.Holds {
			verdict = no
		}
	}
	if w.Want == "" {
		verdict = unasked
	}
	return cells, verdict
}

// row finds a row by what it says.
func (r *report) row(what string) (row, bool) {
	for _, w := range r.Table {
		if w.What == what {
			return w, true
		}
	}
	return row{}, false
}

// short are the medians of a row.
func (w row) short() string {
	var got []string
	for _, f := range w.Figures {
		got = append(got, fmt.Sprintf("%s %.2f", f.Name, f.Got))
	}
	return strings.Join(got, ", ")
}
