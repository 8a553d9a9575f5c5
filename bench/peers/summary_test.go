package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/computer"
)

// kept writes results with these rows and gives their path.
func kept(t *testing.T, dir, name string, cut int, rows ...row) string {
	t.Helper()
	r := &report{Taken: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Cut: cut, Table: rows, Versions: map[string]string{}}
	if err := r.keep(dir, name); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name+".json")
}

func got(what string, want float64, ratio float64) row {
	w := row{What: what, Want: wanted([]asked{{"wall", wall, want, false}})}
	w.add(asked{"wall", wall, want, false}, []float64{ratio})
	return w
}

func TestSummaryHoldsWhatHeldInAllRuns(t *testing.T) {
	dir := t.TempDir()
	lost := missing("lost", "it broke", asked{"wall", wall, 2, false})
	one := kept(t, dir, "run-1", 0, got("good", 2, 2.5), got("once", 2, 2.1), got("free", 0, 0.5), got("lost", 2, 3))
	two := kept(t, dir, "run-2", 7, got("good", 2, 2), got("once", 2, 1.9), got("free", 0, 0.6), lost)
	var b bytes.Buffer
	all, err := summarize(&b, []string{one, two})
	if err != nil || all {
		t.Fatalf("got %v, %v, want what did not hold", all, err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{
		"what at least run-1 run-2 holds in all", "good wall 2 wall 2.50 wall 2.00 yes", "once wall 2 wall 2.10 wall 1.90 NO",
		"free – wall 0.50 wall 0.60 –", "lost wall 2 wall 3.00 not measured NO", two + " is a trial of 7 pages.",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("line %d: got %q, want %q", i+1, got, want)
		}
	}
	if all, err = summarize(&b, []string{kept(t, dir, "run-3", 0, got("good", 2, 2), got("free", 0, 1))}); err != nil || !all {
		t.Errorf("all held: got %v, %v", all, err)
	}
	for _, bad := range [][]string{nil, {filepath.Join(dir, "nowhere.json")}, {filepath.Join(dir, chartFile)}} {
		if _, err := summarize(&b, bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestNamesOfResultsArePlain(t *testing.T) {
	for name, good := range map[string]bool{"": true, "run-1": true, "results": false, "a/b": false, "a.b": false, "..": false} {
		if err := checkName(name); (err == nil) != good {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestReadmeGetsTableAndChartBetweenItsMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "README.md")
	r := &report{
		Taken: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), Machine: computer.Machine{CPU: "Abacus", Cores: 2},
		Versions: map[string]string{"ocrmypdf": "14.0.1"}, Table: []row{got("dense pages", 1.5, 1.62), missing("native", "nobody built it")},
	}
	if err := os.WriteFile(path, []byte("# T\n\n"+beginMark+"\nstale words\n"+endMark+"\n\nrest\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // writing twice changes nothing
		if err := r.readme(path); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, want := range []string{"| dense pages | wall 1.5 | wall 1.62 (one round) | yes |", "| native | – | not measured: nobody built it | – |", "4 May 2026", "ocrmypdf 14.0.1", "docs/bench/throughput.svg", "\n\nrest\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "stale words") || strings.Count(text, beginMark) != 1 || !strings.HasPrefix(text, "# T\n\n") {
		t.Errorf("got %s", text)
	}
	if _, err := between("no marks", "x"); err == nil {
		t.Error("a text without marks was changed")
	}
}

// The figures of the README are those that were kept: nobody writes them by hand.
func TestReadmeOfTheProjectSaysWhatWasMeasured(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	r, err := readReport("../../docs/bench/" + jsonFile)
	if os.IsNotExist(err) {
		if strings.Contains(string(raw), "docs/bench/"+chartFile) {
			t.Error("README.md shows figures, and docs/bench has none")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want, err := between(string(raw), r.markdown())
	if err != nil || want != string(raw) {
		t.Errorf("README.md does not say what docs/bench/%s says (%v): run \"make bench\", or \"go run ./bench/peers -show docs/bench/%s -readme README.md\"", jsonFile, err, jsonFile)
	}
}
