// Command native holds the engine that was built for this processor ("make
// native-engine") against the distribution's: it has the program read every scan of the
// test files with both and compares text and confidence, and what they cost.
//
//	go run ./bench/native -twinleaf bin/twinleaf [-data DIR] [-json] [NAME…]
//
// NAME picks the files whose path contains it. It exits 1 when a text differs by one byte
// or a confidence by more than -confidence points, and 2 when there is nothing to compare.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench"
)

func main() {
	program := flag.String("twinleaf", "bin/twinleaf", "the program")
	data := flag.String("data", "", "folder of test files with MANIFEST.tsv (default: shared/data beside the project)")
	asJSON := flag.Bool("json", false, "print JSON instead of a table")
	points := flag.Int("confidence", 2, "points of 100 by which the confidence in a word may differ")
	patience := flag.Duration("timeout", 5*time.Minute, "of one file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	c := check{program: *program, data: *data, names: flag.Args(), patience: *patience, points: *points}
	r, err := c.run(ctx)
	if err == nil {
		err = r.print(os.Stdout, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "native:", err)
		os.Exit(2)
	}
	if !r.OK {
		os.Exit(1)
	}
}

// check is one run over the test files.
type check struct {
	program, data string
	names         []string
	patience      time.Duration
	points        int
}

// report is what came of it.
type report struct {
	Build string `json:"build"` // what the native engine says of itself
	Files []row  `json:"files"`
	Total row    `json:"total"`
	OK    bool   `json:"ok"`
}

// row is one file, or all of them.
type row struct {
	File       string  `json:"file"`
	Words      int     `json:"words"`
	Text       bool    `json:"text"`       // byte-identical
	Layout     bool    `json:"layout"`     // hOCR without confidences byte-identical
	Confidence int     `json:"confidence"` // greatest difference, points of 100
	Moved      int     `json:"moved"`      // words with another confidence
	System     float64 `json:"systemCPUSeconds"`
	Native     float64 `json:"nativeCPUSeconds"`
	Neither    bool    `json:"neither,omitempty"` // the program refuses the file with both
	Why        string  `json:"why,omitempty"`
}

// read are the kinds of test files that are scans of some sort.
var read = []string{"scans-with-truth", "mfd", "odd"}

func (c check) run(ctx context.Context) (report, error) {
	dir, entries, err := bench.Pick(c.data, c.names)
	if err != nil {
		return report{}, err
	}
	c.data = dir
	r := report{OK: true}
	if r.Build, err = c.build(ctx); err != nil {
		return report{}, err
	}
	for _, e := range entries {
		if !slices.Contains(read, e.Kind) {
			continue
		}
		row, err := c.file(ctx, e)
		if err != nil {
			return report{}, fmt.Errorf("%s: %w", e.Path, err)
		}
		fmt.Fprintln(os.Stderr, row.File, row.verdict())
		r.Files = append(r.Files, row)
	}
	if len(r.Files) == 0 {
		return report{}, fmt.Errorf("no scan in %s matches %q", c.data, c.names)
	}
	r.conclude(c.points)
	return r, nil
}

// build is what the native engine calls itself; an error where the program does not use one.
func (c check) build(ctx context.Context) (string, error) {
	var m struct {
		Engines []struct {
			Plugin    string
			Libraries map[string]string
		}
	}
	raw, err := c.output(ctx, "parity", "--self", "--json", "--native", "auto")
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", fmt.Errorf("%s parity --self --json: %w", c.program, err)
	}
	for _, e := range m.Engines {
		if b := e.Libraries["build"]; strings.HasPrefix(b, "native") {
			return e.Plugin + ", " + b, nil
		}
	}
	return "", fmt.Errorf("%s uses no native engine: run \"make native-engine\"; \"twinleaf doctor\" says why one is left aside", c.program)
}

// file has both engines read one file.
func (c check) file(ctx context.Context, e bench.Entry) (row, error) {
	system, err := c.recognise(ctx, e, "off")
	if err != nil {
		return row{}, err
	}
	native, err := c.recognise(ctx, e, "auto")
	if err != nil {
		return row{}, err
	}
	r := compare(system, native)
	r.File = e.Path
	return r, nil
}

// reading is what the program made of a file.
type reading struct {
	text, hocr string
	exit       int
	told       string // in one line, when it had ended
	cpu        float64
}

// recognise has every page read, also those that carry text.
func (c check) recognise(ctx context.Context, e bench.Entry, mode string) (reading, error) {
	dir, err := os.MkdirTemp("", "native-*")
	if err != nil {
		return reading{}, err
	}
	defer os.RemoveAll(dir)
	text, hocr := filepath.Join(dir, "page.txt"), filepath.Join(dir, "page.hocr")
	args := []string{"ocr", filepath.Join(c.data, e.Path), "--native", mode, "--mode", "force", "--text", text, "--hocr", hocr}
	if e.Lang != "" {
		args = append(args, "--lang", e.Lang)
	}
	o, err := bench.Run(ctx, bench.Limits{Time: c.patience}, c.program, args...)
	if err != nil {
		return reading{}, err
	}
	got := reading{exit: o.Exit, told: cmp.Or(o.Killed, o.FirstLine()), cpu: o.CPU.Seconds()}
	for path, into := range map[string]*string{text: &got.text, hocr: &got.hocr} {
		raw, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return got, err
		}
		*into = string(raw)
	}
	return got, nil
}

// output runs the program and gives what it prints.
func (c check) output(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.program, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", c.program, args[0], err)
	}
	return out, nil
}

func (r row) verdict() string {
	switch {
	case r.Why != "":
		return r.Why
	case r.Neither:
		return "neither reads it"
	case !r.Text:
		return "another text"
	case !r.Layout:
		return "the same text at other places"
	case r.Moved > 0:
		return fmt.Sprintf("the same text; %d words with another confidence, by %d at most", r.Moved, r.Confidence)
	}
	return "the same to the byte"
}

func (r row) ratio() float64 {
	if r.Native == 0 {
		return 0
	}
	return r.System / r.Native
}

// conclude sums up.
func (r *report) conclude(points int) {
	t := row{File: "all", Text: true, Layout: true}
	for _, f := range r.Files {
		t.Words, t.Moved, t.System, t.Native = t.Words+f.Words, t.Moved+f.Moved, t.System+f.System, t.Native+f.Native
		t.Text, t.Layout, t.Confidence = t.Text && f.Text, t.Layout && f.Layout, max(t.Confidence, f.Confidence)
		r.OK = r.OK && f.Why == ""
	}
	r.OK = r.OK && t.Text && t.Confidence <= points
	r.Total = t
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	fmt.Fprintf(w, "%s\n\n", r.Build)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "file\twords\tCPU s, distribution's\tnative\tratio\tcompared")
	for _, f := range append(slices.Clone(r.Files), r.Total) {
		fmt.Fprintf(t, "%s\t%d\t%.2f\t%.2f\t%.2f\t%s\n", f.File, f.Words, f.System, f.Native, f.ratio(), f.verdict())
	}
	return t.Flush()
}
