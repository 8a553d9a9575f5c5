package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/computer"
)

// ran is a run of rounds with these CPU seconds; wall is half of each.
func ran(set, program string, cpus ...float64) runs {
	var out runs
	for i, c := range cpus {
		out = append(out, measure{Set: set, Program: program, Round: i + 1, Wall: c / 2, CPU: c, Peak: int64(c * 100), Pages: 10, Words: 50})
	}
	return out
}

func rowOf(t *testing.T, rows []row, what string) row {
	t.Helper()
	for _, r := range rows {
		if strings.HasPrefix(r.What, what) {
			return r
		}
	}
	t.Fatalf("no row %q", what)
	return row{}
}

func TestTableHoldsRatiosOfRoundsAgainstWhatIsAskedFor(t *testing.T) {
	all := append(ran("dense", ours, 10, 20, 10), ran("dense", theirs, 15, 32, 14)...)
	all = append(all, append(ran("thousand", ours, 7), ran("thousand", theirs, 10)...)...)
	all = append(all, append(ran("short", oursText, 10, 10, 10), ran("short", processes, 9, 10, 11)...)...)
	for i, s := range []float64{0.96, 0.99, 0.98} {
		all = append(all, measure{Set: "dense", Program: inside, Round: i + 1, Share: s, Pages: 10})
	}
	rows := all.table()

	dense := rowOf(t, rows, "clean dense")
	if got := dense.cells(); got[1] != "CPU 1.35, wall 1.5" || got[2] != "CPU 1.50 (1.40–1.60), wall 1.50 (1.40–1.60)" || got[3] != "yes" {
		t.Errorf("got %q", got)
	}
	if got := rowOf(t, rows, "peak PSS").cells(); got[1] != "memory at most 0.8" || got[2] != "memory 0.70 (one round)" || got[3] != "yes" {
		t.Errorf("got %q", got)
	}
	if got := rowOf(t, rows, "pages under").cells(); got[3] != "NO" {
		t.Errorf("1.0 where 1.05 is asked for: got %q", got)
	}
	if got := rowOf(t, rows, "engine share").cells(); got[2] != "share 0.98 (0.96–0.99)" || got[3] != "yes" {
		t.Errorf("got %q", got)
	}
}

func TestServedRowsStandAgainstTheMedianOfWhatTheyAreComparedWith(t *testing.T) {
	all := append(ran("again", firstTime, 120), ran("again", secondTime, 2, 3, 2)...)
	all = append(all, append(ran("single", alone, 2, 4, 3, 9), ran("single", beside, 3, 6)...)...)
	for i := range all {
		if all[i].Program == alone {
			all[i].Over = 0.01 * float64(i)
		}
	}
	rows := all.table()
	if got := rowOf(t, rows, "second run").cells(); got[2] != "wall 60.00 (40.00–60.00), CPU 60.00 (40.00–60.00)" || got[3] != "yes" {
		t.Errorf("got %q", got)
	}
	if got := rowOf(t, rows, "one-page job beside").cells(); got[2] != "wall 1.29 (0.86–1.71)" || got[1] != "wall at most 2" || got[3] != "yes" {
		t.Errorf("got %q", got)
	}
	if got := rowOf(t, rows, "one page through").cells(); got[2] != "ms 55.00 (40.00–70.00)" || got[1] != "ms at most 60" || got[3] != "yes" {
		t.Errorf("got %q", got)
	}
}

func TestWhatWasNotMeasuredSaysWhyAndHoldsNothing(t *testing.T) {
	all := append(ran("dense", ours, 10), measure{Set: "dense", Program: theirs, Round: 1, Failed: "exit 3: no font"})
	for what, why := range map[string]string{
		"clean dense":              "ocrmypdf: exit 3: no font",
		"mixed office":             "twinleaf was not run on the set mixed",
		"the same with the native": "native engine was not run",
		"second run":               "serve, first time was not run",
		"one page through":         "idle was not run",
		"one-page job beside":      "beside 1,000 was not run",
	} {
		r := rowOf(t, all.table(), what)
		cells := r.cells()
		if r.Holds != nil || len(r.Figures) != 0 || !strings.HasPrefix(cells[2], "not measured: ") || !strings.Contains(cells[2], why) {
			t.Errorf("%s: got %q", what, cells)
		}
		if cells[1] == "–" {
			t.Errorf("%s: what is asked for is lost", what)
		}
	}
	zero := append(ran("dense", ours, 0), ran("dense", theirs, 5)...)
	if r := rowOf(t, zero.table(), "clean dense"); r.Holds != nil || !strings.Contains(r.Why, "could not be measured") {
		t.Errorf("a run without any CPU: got %+v", r)
	}
}

func TestReportIsKeptForProgramsAndForPeople(t *testing.T) {
	all := append(ran("dense", ours, 10, 12), ran("dense", theirs, 15, 18)...)
	r := &report{
		Taken: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Machine: computer.Machine{CPU: "Abacus <1>", Cores: 2}, Versions: map[string]string{"ocrmypdf": "14"},
		AtOnce: 2, Cut: 3, Sets: []setInfo{{Name: "dense", What: "dense pages", Pages: 10, Laid: 1, Recipe: []string{page{"a.tif", 2, 90, 300}.String()}}},
		Table: all.table(), Medians: all.medians(), Runs: all,
	}
	if m := r.Medians; len(m) != 2 || m[0].CPU != 11 || m[0].Wall != 5.5 || m[0].Rounds != 2 || m[1].Program != theirs {
		t.Errorf("got %+v", m)
	}
	raw, err := json.Marshal(r)
	var back report
	if err = joined(err, json.Unmarshal(raw, &back)); err != nil || len(back.Table) != len(r.Table) || len(back.Runs) != 4 || back.Machine.Cores != 2 {
		t.Errorf("as JSON: %v, %+v", err, back)
	}
	var page, text bytes.Buffer
	if err := joined(r.page().Write(&page), r.print(&text)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Abacus &lt;1&gt;", "4 May 2026", "a.tif, page 2, turned 90°, 300 dpi", "A trial", "<svg", "not measured: ", "1.50 (1.50–1.50)"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !strings.Contains(text.String(), "A trial") || strings.Count(text.String(), "\n") < len(r.Table)+3 {
		t.Errorf("got %s", text.String())
	}
	dir := t.TempDir() + "/new"
	if err := r.keep(dir, "run-1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{jsonFile, "run-1.json"} {
		if kept, err := readReport(filepath.Join(dir, name)); err != nil || len(kept.Table) != len(r.Table) || !kept.Taken.Equal(r.Taken) {
			t.Errorf("%s: got %+v, %v", name, kept, err)
		}
	}
}

func joined(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
