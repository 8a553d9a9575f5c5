package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/computer"
	"github.com/twinleaf-scan/twinleaf/bench/stats"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr/score"
)

// benchResult is what --json prints. Times are in seconds, memory in bytes.
type benchResult struct {
	Version   versionInfo      `json:"version"`
	Machine   computer.Machine `json:"machine"`
	Engine    string           `json:"engine"`
	Workers   int              `json:"workers"`
	Languages []string         `json:"languages"`
	PDFA      string           `json:"pdfa"`

	Files  int            `json:"files"`  // that were read, each as often as it was
	Pages  int            `json:"pages"`  // that were done, blank ones among them
	Blank  int            `json:"blank"`  //
	Failed int            `json:"failed"` // files that could not be read, and pages without text
	Why    []benchFailure `json:"failures,omitempty"`

	StartSeconds      float64            `json:"startSeconds"` // until the plug-ins were ready; no part of what follows
	WallSeconds       float64            `json:"wallSeconds"`
	CPUSeconds        float64            `json:"cpuSeconds"`    // of the program, its plug-ins and what they started
	EngineSeconds     float64            `json:"engineSeconds"` // of these, inside recognition, as the recognizer says
	CPUByProgram      map[string]float64 `json:"cpuByProgram"`  // as far as it was seen
	PagesPerMinute    float64            `json:"pagesPerMinute"`
	PagesPerCPUSecond float64            `json:"pagesPerCPUSecond"`
	EngineShare       float64            `json:"engineShare"` // engineSeconds / cpuSeconds
	Memory            benchMemory        `json:"peakMemory"`
	Latency           benchLatency       `json:"latencySeconds"`
	Accuracy          *benchAccuracy     `json:"accuracy,omitempty"`
}

// benchMemory is what was held most. Total is at one moment, the others each at its own.
type benchMemory struct {
	Total   int64 `json:"total"`
	Server  int64 `json:"server"`
	Plugins int64 `json:"plugins"` // with what they started
	Exact   bool  `json:"exact"`   // PSS of every process; else resident size of some, where shared memory counts more than once
}

// benchLatency is how long pages took from their first step until their text was there,
// waiting between the steps included.
type benchLatency struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// benchFailure is a file that could not be read, or not wholly.
type benchFailure struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// benchAccuracy is the mean over the files that have a true text.
type benchAccuracy struct {
	Files int         `json:"files"`
	CER   float64     `json:"cer"`
	WER   float64     `json:"wer"`
	Each  []benchText `json:"each"`
}

// benchText is how far one text is from its truth.
type benchText struct {
	File string  `json:"file"`
	CER  float64 `json:"cer"`
	WER  float64 `json:"wer"`
}

// maxBenchFailures bounds the failures that are told one by one.
const maxBenchFailures = 20

func seconds(d time.Duration) float64 { return d.Seconds() }

func (r *benchResult) fail(file string, err error) {
	r.Failed++
	r.explain(file, err.Error())
}

func (r *benchResult) explain(file, reason string) {
	if len(r.Why) < maxBenchFailures {
		r.Why = append(r.Why, benchFailure{filepath.Base(file), reason})
	}
}

// count takes a file that was read, perhaps not all of it.
func (r *benchResult) count(file string, j core.JobView) {
	r.Pages += j.Pages.Done - j.Pages.Failed
	r.Blank += j.Pages.Blank
	r.Failed += j.Pages.Failed
	for _, f := range j.Failures {
		r.explain(file, fmt.Sprintf("page %d: %s", f.Page, f.Failure.Error()))
	}
}

// conclude works out what follows from the sums.
func (r *benchResult) conclude(pages []pageEnd) {
	took := make([]float64, len(pages))
	for i, p := range pages {
		took[i] = p.took
	}
	of := func(p float64) float64 { return known(stats.Percentile(took, p)) }
	r.Latency = benchLatency{of(50), of(95), of(99), of(100)}
	r.PagesPerMinute = known(stats.Ratio(float64(r.Pages)*60, r.WallSeconds))
	r.PagesPerCPUSecond = known(stats.Ratio(float64(r.Pages), r.CPUSeconds))
	r.EngineShare = known(stats.Ratio(r.EngineSeconds, r.CPUSeconds))
}

// known is v, or 0 where there is nothing to tell: JSON knows no NaN.
func known(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

func (a *benchAccuracy) add(file string, s score.Result) {
	a.Each = append(a.Each, benchText{file, s.CER, s.WER})
}

func (a *benchAccuracy) conclude() {
	a.Files = len(a.Each)
	for _, t := range a.Each {
		a.CER += t.CER / float64(a.Files)
		a.WER += t.WER / float64(a.Files)
	}
}

// rows are the result for people: names and values.
func (r benchResult) rows() [][]string {
	rows := [][]string{
		{"pages", fmt.Sprintf("%d, of them %d blank, from %d files", r.Pages, r.Blank, r.Files)},
		{"wall", fmt.Sprintf("%.2f s, after a start of %.2f s", r.WallSeconds, r.StartSeconds)},
		{"CPU", fmt.Sprintf("%.2f s: %s", r.CPUSeconds, r.programs())},
		{"pages a minute", fmt.Sprintf("%.1f", r.PagesPerMinute)},
		{"pages a CPU second", fmt.Sprintf("%.3f", r.PagesPerCPUSecond)},
		{"engine share", r.share()},
		{"peak memory", r.Memory.String()},
		{"page latency", fmt.Sprintf("p50 %.2f s, p95 %.2f s, p99 %.2f s, longest %.2f s", r.Latency.P50, r.Latency.P95, r.Latency.P99, r.Latency.Max)},
	}
	if a := r.Accuracy; a != nil {
		rows = append(rows, []string{"accuracy", fmt.Sprintf("CER %.2f %%, WER %.2f %%, mean over %d files", 100*a.CER, 100*a.WER, a.Files)})
	}
	if r.Failed > 0 {
		rows = append(rows, []string{"failed", fmt.Sprint(r.Failed)})
	}
	return append(rows,
		[]string{"engine", fmt.Sprintf("%s, languages %s, PDF/A %s, %d pages at once", r.Engine, strings.Join(r.Languages, "+"), r.PDFA, r.Workers)},
		[]string{"machine", r.Machine.String()},
		[]string{"program", fmt.Sprintf("twinleaf %s, %s", r.Version.Version, r.Version.Go)},
	)
}

// share says how much of all processor time the engine has.
func (r benchResult) share() string {
	if r.EngineSeconds == 0 {
		return "unknown: the recognizer does not say what its engine took"
	}
	return fmt.Sprintf("%.3f (%.2f s inside recognition)", r.EngineShare, r.EngineSeconds)
}

// programs lists processor time by program, the greatest first.
func (r benchResult) programs() string {
	names := slices.SortedFunc(maps.Keys(r.CPUByProgram), func(a, b string) int {
		if d := r.CPUByProgram[b] - r.CPUByProgram[a]; d != 0 {
			return int(math.Copysign(1, d))
		}
		return strings.Compare(a, b)
	})
	var list []string
	for _, name := range names {
		if s := r.CPUByProgram[name]; s >= 0.005 {
			list = append(list, fmt.Sprintf("%s %.2f", printable(name), s))
		}
	}
	return strings.Join(list, ", ")
}

func (m benchMemory) String() string {
	text := fmt.Sprintf("%.0f MB together; server %.0f MB, plug-ins %.0f MB", megabytes(m.Total), megabytes(m.Server), megabytes(m.Plugins))
	if !m.Exact {
		text += " (shared memory counted more than once: this user may not see it)"
	}
	return text
}

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// print writes the result for people.
func (r benchResult) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range r.rows() {
		fmt.Fprintf(t, "%s\t%s\n", row[0], printable(row[1]))
	}
	return t.Flush()
}
