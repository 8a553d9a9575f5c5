package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/chart"
	"github.com/twinleaf-scan/twinleaf/bench/computer"
)

// report is all of a comparison, as it is kept.
type report struct {
	Taken    time.Time         `json:"taken"`
	Machine  computer.Machine  `json:"machine"`
	Versions map[string]string `json:"versions"`
	Native   string            `json:"nativeEngine,omitempty"` // what it calls itself; empty: there was none
	AtOnce   int               `json:"pagesAtOnce"`
	Cut      int               `json:"cutTo,omitempty"` // pages of a set at most: a trial, whose figures say little
	Seconds  float64           `json:"seconds"`         // that all of it took
	Sets     []setInfo         `json:"sets"`
	Table    []row             `json:"table"`
	Profile  *profile          `json:"profile,omitempty"` // nil: the dense pages were not read
	Medians  []median          `json:"medians"`
	Runs     runs              `json:"runs"`
}

// setInfo is what a set was made of.
type setInfo struct {
	Name      string   `json:"name"`
	What      string   `json:"what"`
	Lang      string   `json:"language"`
	Rounds    int      `json:"rounds"`
	Laid      int      `json:"laid"`
	Pages     int      `json:"pages"`     // in all
	Documents int      `json:"documents"` // in which they are handed in
	Recipe    []string `json:"recipe"`
	Seconds   float64  `json:"seconds"` // that laying and reading it took
}

func (l *laid) info() setInfo {
	i := setInfo{Name: l.set.Name, What: l.set.What, Lang: l.set.Lang, Rounds: l.set.Rounds, Laid: l.set.Laid, Pages: len(l.images), Documents: len(l.documents)}
	for _, p := range l.set.Pages {
		i.Recipe = append(i.Recipe, p.String())
	}
	return i
}

// String is a page of a recipe in words.
func (p page) String() string {
	text := p.File
	if p.Number > 0 {
		text += fmt.Sprintf(", page %d", p.Number)
	}
	if p.Turn != 0 {
		text += fmt.Sprintf(", turned %d°", p.Turn)
	}
	if p.DPI != 0 {
		text += fmt.Sprintf(", %d dpi", p.DPI)
	}
	return text
}

// versions asks the programs what they are; one that is not there is left out.
func versions(ctx context.Context, twinleaf string) map[string]string {
	out := map[string]string{}
	for name, args := range map[string][]string{
		"twinleaf": {twinleaf, "version"}, "ocrmypdf": {"ocrmypdf", "--version"}, "tesseract": {"tesseract", "--version"},
		"ghostscript": {"gs", "--version"}, "qpdf": {"qpdf", "--version"},
	} {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		raw, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
		cancel()
		if err == nil {
			out[name], _, _ = strings.Cut(strings.TrimSpace(string(raw)), "\n")
		}
	}
	return out
}

// print writes the table for people.
func (r *report) print(w io.Writer) error {
	fmt.Fprintf(w, "\n%s\n", r.Machine)
	if r.Cut > 0 {
		fmt.Fprintf(w, "A trial: at most %d pages of each set were read.\n", r.Cut)
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(tableHead, "\t"))
	for _, row := range r.Table {
		fmt.Fprintln(t, strings.Join(row.cells(), "\t"))
	}
	if err := t.Flush(); err != nil || r.Profile == nil {
		return err
	}
	fmt.Fprintf(w, "\nWhere the processor time of Twinleaf goes on the dense pages:\n")
	for _, row := range r.Profile.rows() {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}

// The files of a report.
const (
	jsonFile  = "results.json"
	htmlFile  = "results.html"
	chartFile = "throughput.svg"
)

// keep writes the report into a folder: for programs, under a second name too unless that
// is empty, for people, and the chart alone.
func (r *report) keep(dir, name string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("keep the results: %w", err)
	}
	var html bytes.Buffer
	if err := r.page().Write(&html); err != nil {
		return err
	}
	files := map[string][]byte{jsonFile: append(raw, '\n'), htmlFile: html.Bytes(), chartFile: []byte(r.chart("dense"))}
	if name != "" {
		files[name+".json"] = files[jsonFile]
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// page is the report with charts.
func (r *report) page() chart.Page {
	table := chart.Table{Head: tableHead}
	for _, row := range r.Table {
		table.Rows = append(table.Rows, row.cells())
	}
	runs := chart.Table{Head: []string{"set", "program", "rounds", "wall s", "CPU s", "MB", "pages", "words", "pages/min"}}
	for _, m := range r.Medians {
		runs.Rows = append(runs.Rows, []string{
			m.Set, m.Program, fmt.Sprint(m.Rounds), fmt.Sprintf("%.1f", m.Wall), fmt.Sprintf("%.1f", m.CPU), fmt.Sprintf("%.0f", m.Peak/(1<<20)),
			fmt.Sprint(m.Pages), fmt.Sprint(m.Words), fmt.Sprintf("%.1f", m.PagesPerMinute),
		})
	}
	sets := chart.Table{Head: []string{"set", "what", "pages", "documents", "laid", "one laying", "took"}}
	var charts []template.HTML
	for _, s := range r.Sets {
		sets.Rows = append(sets.Rows, []string{
			s.Name, s.What, fmt.Sprint(s.Pages), fmt.Sprint(s.Documents), fmt.Sprint(s.Laid), strings.Join(s.Recipe, "; "), fmt.Sprintf("%.0f s", s.Seconds),
		})
		if s.Name != "single" && s.Name != "again" {
			charts = append(charts, r.chart(s.Name))
		}
	}
	tables := []chart.Table{table, runs, sets}
	if r.Profile != nil {
		tables = append(tables, chart.Table{Head: []string{"where Twinleaf's processor time goes, dense pages", "function", "CPU", "part"}, Rows: r.Profile.rows()})
	}
	words := []string{
		fmt.Sprintf("Taken %s with \"make bench\" on %s.", r.Taken.Format("2 January 2006"), r.Machine), r.programs() + ".",
		fmt.Sprintf("The programs took turns, each in every round, with %d pages at once. A ratio is that of one round; the median is shown, and the least and greatest in brackets.", r.AtOnce),
		"Documents of a set are handed to Twinleaf in one call and to OCRmyPDF, which takes one a call, one after the other. \"One document\" is all pages of the set in one PDF.",
	}
	if r.Cut > 0 {
		words = append(words, fmt.Sprintf("A trial: at most %d pages of each set were read. Its figures say little.", r.Cut))
	}
	return chart.Page{Title: "Twinleaf beside its peers", Words: words, Tables: tables, Charts: charts}
}

// programs are the measured programs with their versions, in one line.
func (r *report) programs() string {
	var made []string
	for _, name := range []string{"twinleaf", "ocrmypdf", "tesseract", "ghostscript", "qpdf"} {
		if v := strings.TrimPrefix(r.Versions[name], name+" "); v != "" {
			made = append(made, name+" "+v)
		}
	}
	if r.Native != "" {
		made = append(made, "native engine: "+r.Native)
	}
	return strings.Join(made, "; ")
}

// chart is how fast the programs read a set.
func (r *report) chart(set string) template.HTML {
	var bars []chart.Bar
	for _, m := range r.Medians {
		if m.Set != set || m.Program == inside {
			continue
		}
		b := chart.Bar{Label: m.Program, Value: m.PagesPerMinute, Text: fmt.Sprintf("%.1f (%.2f s CPU a page)", m.PagesPerMinute, m.CPU/float64(max(m.Pages, 1)))}
		if !strings.HasPrefix(m.Program, ours) {
			b.Group = 1
		}
		bars = append(bars, b)
	}
	notes := []string{
		fmt.Sprintf("%s, %d cores, %s; %s.", r.Machine.CPU, r.Machine.Cores, r.Machine.System, r.Taken.Format("2 January 2006")), r.programs() + ".",
	}
	if r.Cut > 0 {
		notes = append(notes, "A trial of a few pages, whose figures say little.")
	}
	return chart.Bars(fmt.Sprintf("%s pages: how many a minute (longer is better)", set), bars, notes...)
}
