// Command accuracy compares the program's text with the truth, file by file, and
// with what the bare engine makes of the same files.
//
//	go run ./bench/accuracy -twinleaf bin/twinleaf [-data DIR] [-json] [NAME…]
//
// NAME picks the files whose path contains it. It exits 1 when a file is worse
// than the engine by more than 0.3 points of CER or WER, or the average is worse
// at all, or a file that should give the very text of the truth does not.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr/score"
)

func main() {
	program := flag.String("twinleaf", "bin/twinleaf", "the program")
	data := flag.String("data", "", "folder of test files with MANIFEST.tsv (default: shared/data beside the project)")
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	patience := flag.Duration("timeout", 5*time.Minute, "of one file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c := check{program: *program, data: *data, names: flag.Args(), patience: *patience}
	r, err := c.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(2)
	}
	if err := r.print(os.Stdout, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(2)
	}
	if !r.OK {
		os.Exit(1)
	}
}

const (
	allowed  = 0.003   // how much worse than the engine one file may be: 0.3 points
	right    = 0.01    // CER of a file of which the manifest expects the truth itself
	rounding = 0.00005 // of the manifest's figures
)

// check is one run over a page set.
type check struct {
	program, data string
	names         []string
	patience      time.Duration
}

// report is what came of it.
type report struct {
	Files []row `json:"files"`
	Mean  row   `json:"mean"` // over the files that have a result
	OK    bool  `json:"ok"`
}

// row is one file: the engine's rates, ours, and whether ours will do.
type row struct {
	File    string  `json:"file"`
	BaseCER float64 `json:"base_cer"`
	BaseWER float64 `json:"base_wer"`
	CER     float64 `json:"cer"`
	WER     float64 `json:"wer"`
	Recall  float64 `json:"recall"`
	Seconds float64 `json:"seconds"`
	OK      bool    `json:"ok"`
	Why     string  `json:"why,omitempty"`
}

func (c check) run(ctx context.Context) (report, error) {
	dir, entries, err := bench.Pick(c.data, c.names)
	if err != nil {
		return report{}, err
	}
	c.data = dir
	r := report{OK: true}
	for _, e := range entries {
		if e.Truth == "" || e.Kind == "truth" {
			continue
		}
		row, err := c.file(ctx, e)
		if err != nil {
			return report{}, fmt.Errorf("%s: %w", e.Path, err)
		}
		fmt.Fprintf(os.Stderr, "%s: CER %.2f %%, WER %.2f %% %s\n", row.File, 100*row.CER, 100*row.WER, row.Why)
		r.Files = append(r.Files, row)
	}
	if len(r.Files) == 0 {
		return report{}, fmt.Errorf("no file with a truth in %s matches %q", c.data, c.names)
	}
	r.conclude()
	return r, nil
}

// file recognises one file and scores it.
func (c check) file(ctx context.Context, e bench.Entry) (row, error) {
	o, err := score.ParseOptions(e.Flags)
	if err != nil {
		return row{}, err
	}
	truth, err := os.ReadFile(filepath.Join(c.data, e.Truth))
	if err != nil {
		return row{}, err
	}
	text, outcome, err := c.recognise(ctx, e)
	if err != nil {
		return row{}, err
	}
	s := score.Compare(string(truth), text, o)
	r := row{File: e.Path, BaseCER: e.CER, BaseWER: e.WER, CER: s.CER, WER: s.WER, Recall: s.Recall, Seconds: outcome.Wall.Seconds()}
	if strings.Contains(e.Measure, "order-insensitive") {
		r.BaseWER, r.WER = e.BagWER, s.BagWER
	}
	r.judge(e)
	if outcome.Exit != 0 {
		r.OK, r.Why = false, fmt.Sprintf("exit %d %s: %s", outcome.Exit, outcome.Killed, outcome.FirstLine())
	}
	return r, nil
}

func (r *row) judge(e bench.Entry) {
	switch {
	case strings.Contains(e.Measure, "word_recall"):
		r.OK = r.Recall >= e.Recall-rounding
		r.Why = fmt.Sprintf("recall %.4f, engine %.4f", r.Recall, e.Recall)
	case strings.Contains(e.Expected, "same text as the truth") && r.CER > right:
		r.Why = "the text should be that of the truth"
	case r.CER > r.BaseCER+allowed:
		r.Why = "CER is worse"
	case r.WER > r.BaseWER+allowed:
		r.Why = "WER is worse"
	default:
		r.OK = true
	}
}

// recognise runs the program on one file as a user does.
func (c check) recognise(ctx context.Context, e bench.Entry) (text string, o bench.Outcome, err error) {
	dir, err := os.MkdirTemp("", "accuracy")
	if err != nil {
		return "", o, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "text.txt")
	o, err = bench.Run(ctx, bench.Limits{Time: c.patience}, c.program, "ocr", filepath.Join(c.data, e.Path),
		"--lang", cmp.Or(e.Lang, "eng"), "--text", out, "-o", filepath.Join(dir, "out.pdf"))
	if err != nil {
		return "", o, err
	}
	if o.Killed == "interrupt" {
		return "", o, context.Canceled
	}
	data, err := os.ReadFile(out)
	if errors.Is(err, os.ErrNotExist) {
		return "", o, nil // the exit code says why
	}
	return string(data), o, err
}

// conclude takes the means and decides.
func (r *report) conclude() {
	r.Mean.File = "mean"
	n := float64(len(r.Files))
	for _, f := range r.Files {
		r.Mean.BaseCER += f.BaseCER / n
		r.Mean.BaseWER += f.BaseWER / n
		r.Mean.CER += f.CER / n
		r.Mean.WER += f.WER / n
		r.Mean.Recall += f.Recall / n
		r.Mean.Seconds += f.Seconds / n
		r.OK = r.OK && f.OK
	}
	r.Mean.OK = r.Mean.CER <= r.Mean.BaseCER+rounding && r.Mean.WER <= r.Mean.BaseWER+rounding
	if !r.Mean.OK {
		r.Mean.Why = "worse than the engine on average"
	}
	r.OK = r.OK && r.Mean.OK
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	t := tabwriter.NewWriter(w, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "engine CER\tWER\tours CER\tWER\tpoints CER\tWER\tseconds\t\t  file")
	for _, f := range append(r.Files, r.Mean) {
		verdict := "ok"
		if !f.OK {
			verdict = "WORSE"
		}
		fmt.Fprintf(t, "%.2f %%\t%.2f %%\t%.2f %%\t%.2f %%\t%+.2f\t%+.2f\t%.1f\t%s\t  %s %s\n", 100*f.BaseCER, 100*f.BaseWER,
			100*f.CER, 100*f.WER, 100*(f.CER-f.BaseCER), 100*(f.WER-f.BaseWER), f.Seconds, verdict, f.File, f.Why)
	}
	return t.Flush()
}
