package main

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"

	"github.com/twinleaf-scan/twinleaf/bench/chart"
	"github.com/twinleaf-scan/twinleaf/bench/stats"
)

// benchReport is a result with what its charts are drawn from.
type benchReport struct {
	Result  benchResult
	pages   []pageEnd
	moments []memoryMoment
}

// tellBench prints a result, writes its page and says what failed.
func (a *app) tellBench(f benchFlags, r *benchReport) error {
	if f.html != "" {
		var page bytes.Buffer
		if err := r.page(&page); err != nil {
			return err
		}
		if err := writeWhole(f.html, &page, a.std.out); err != nil {
			return err
		}
	}
	if err := a.printBench(f, r.Result); err != nil {
		return err
	}
	switch failed := r.Result.Why; {
	case r.Result.Failed == 0:
		return nil
	case r.Result.Pages == 0:
		return fmt.Errorf("no page was read; %s: %s", failed[0].File, failed[0].Reason)
	default:
		return &partlyError{fmt.Sprintf("%d files or pages were not read, %s among them: %s", r.Result.Failed, failed[0].File, failed[0].Reason)}
	}
}

func (a *app) printBench(f benchFlags, r benchResult) error {
	switch {
	case f.asJSON:
		return writeJSON(a.std.out, r)
	case f.html == "-":
		return nil
	}
	return r.print(a.std.out)
}

// page writes one self-contained page with charts.
func (r *benchReport) page(w io.Writer) error {
	p := chart.Page{
		Title:  "twinleaf bench",
		Tables: []chart.Table{{Rows: r.Result.rows()}},
		Charts: []template.HTML{r.cpuChart(), r.speedChart(), r.latencyChart(), r.memoryChart()},
		Words: []string{
			"Wall and CPU time run from the first file handed over until the last is a PDF; the plug-ins were started before. CPU is that of the program, its plug-ins " +
				"and what they started; looking at their memory is left out. The engine's share is the thread's CPU time around the one recognition call, as the recognizer reports it.",
			"Memory is the sum of the shares (PSS) of all processes, looked at every second. A page's latency runs from its first step until its text is there.",
		},
	}
	if a := r.Result.Accuracy; a != nil {
		t := chart.Table{Head: []string{"file", "CER", "WER"}}
		for _, e := range a.Each {
			t.Rows = append(t.Rows, []string{e.File, fmt.Sprintf("%.2f %%", 100*e.CER), fmt.Sprintf("%.2f %%", 100*e.WER)})
		}
		p.Tables = append(p.Tables, t)
	}
	if len(r.Result.Why) > 0 {
		t := chart.Table{Head: []string{"not read", "why"}}
		for _, f := range r.Result.Why {
			t.Rows = append(t.Rows, []string{f.File, f.Reason})
		}
		p.Tables = append(p.Tables, t)
	}
	return p.Write(w)
}

// cpuChart is where the processor time went, the engine's own apart.
func (r *benchReport) cpuChart() template.HTML {
	bars := []chart.Bar{{Label: "recognition itself", Value: r.Result.EngineSeconds, Text: fmt.Sprintf("%.2f s", r.Result.EngineSeconds)}}
	for _, name := range slices.Sorted(maps.Keys(r.Result.CPUByProgram)) {
		s := r.Result.CPUByProgram[name]
		bars = append(bars, chart.Bar{Label: "all of " + name, Value: s, Text: fmt.Sprintf("%.2f s", s)})
	}
	return chart.Bars("CPU seconds", bars)
}

// speedChart is pages a minute over time, in up to fifty stretches.
func (r *benchReport) speedChart() template.HTML {
	at := make([]float64, len(r.pages))
	for i, p := range r.pages {
		at[i] = p.at
	}
	counts, width := stats.Histogram(at, min(max(len(at)/4, 1), 50))
	var points []chart.Point
	for i, n := range counts {
		if width > 0 {
			points = append(points, chart.Point{X: (float64(i) + 0.5) * width, Y: float64(n) / width * 60})
		}
	}
	return chart.Lines("pages a minute", "seconds", chart.Series{Name: "pages a minute", Points: points})
}

func (r *benchReport) latencyChart() template.HTML {
	took := make([]float64, len(r.pages))
	for i, p := range r.pages {
		took[i] = p.took
	}
	counts, width := stats.Histogram(took, 20)
	columns := make([]chart.Bar, len(counts))
	for i, n := range counts {
		columns[i] = chart.Bar{Label: chart.Number(float64(i) * width), Value: float64(n)}
	}
	return chart.Columns("page latency: pages by seconds, from", "seconds", columns)
}

func (r *benchReport) memoryChart() template.HTML {
	var server, plugins chart.Series
	server.Name, plugins.Name = "server", "plug-ins"
	for _, m := range r.moments {
		server.Points = append(server.Points, chart.Point{X: m.at.Seconds(), Y: megabytes(m.server)})
		plugins.Points = append(plugins.Points, chart.Point{X: m.at.Seconds(), Y: megabytes(m.plugins)})
	}
	return chart.Lines("memory, MB", "seconds", server, plugins)
}
