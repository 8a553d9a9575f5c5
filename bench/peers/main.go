// Command peers reads the page sets of bench/sets.tsv with Twinleaf, with OCRmyPDF and
// with one tesseract process a page, in turns, and prints how they compare.
//
//	go run ./bench/peers -twinleaf bin/twinleaf [-only dense,mixed] [-cut 2] [-out docs/bench] [-name run-1]
//	go run ./bench/peers -show docs/bench/results.json [-readme README.md]
//	go run ./bench/peers -summary docs/bench/run-1.json docs/bench/run-2.json docs/bench/run-3.json
//
// It exits 1 when a ratio is not what is asked for. What is not measured is no such
// ratio; the table says why it was not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench"
	"github.com/twinleaf-scan/twinleaf/bench/computer"
)

type options struct {
	twinleaf, recipe, data, out string
	only, name, readme          string
	rounds, cut                 int
	patience                    time.Duration
	summary, noPerf             bool
	show                        string
}

func main() {
	var o options
	flag.StringVar(&o.twinleaf, "twinleaf", "bin/twinleaf", "the program")
	flag.StringVar(&o.recipe, "sets", "bench/sets.tsv", "the recipe of the page sets")
	flag.StringVar(&o.data, "data", os.Getenv("TWINLEAF_DATA"), "folder of test files (or TWINLEAF_DATA; default: shared/data beside the project)")
	flag.StringVar(&o.out, "out", "docs/bench", "folder that keeps the results")
	flag.StringVar(&o.only, "only", "", "page sets, separated by commas (default: all)")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds of a set at most (default: as the recipe says)")
	flag.IntVar(&o.cut, "cut", 0, "pages of a set at most, for a trial")
	flag.StringVar(&o.name, "name", "", "keep the results under this name too, e.g. run-1 (letters, digits and dashes)")
	flag.StringVar(&o.readme, "readme", "", "put table and chart of a whole run into this file")
	flag.BoolVar(&o.summary, "summary", false, "say what held in all of the results that are named")
	flag.StringVar(&o.show, "show", "", "measure nothing; print these results, and put them into the file of -readme")
	flag.BoolVar(&o.noPerf, "no-perf", false, "leave out the profile that perf takes")
	flag.DurationVar(&o.patience, "timeout", 2*time.Hour, "of one run")
	flag.Parse()
	if o.show != "" {
		if err := o.shown(); err != nil {
			fmt.Fprintln(os.Stderr, "peers:", err)
			os.Exit(2)
		}
		return
	}
	if o.summary {
		held, err := summarize(os.Stdout, flag.Args())
		if err != nil {
			fmt.Fprintln(os.Stderr, "peers:", err)
			os.Exit(2)
		}
		if !held {
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := o.run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(2)
	}
	for _, row := range r.Table {
		if row.Holds != nil && !*row.Holds {
			os.Exit(1)
		}
	}
}

// run measures, prints the table and keeps the results.
func (o options) run(ctx context.Context) (_ *report, err error) {
	sets, where, err := o.sets()
	if err != nil {
		return nil, err
	}
	if o.twinleaf, err = filepath.Abs(o.twinleaf); err != nil {
		return nil, err
	}
	if err := errors.Join(tools(o.twinleaf), checkName(o.name)); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "twinleaf-peers-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &report{Taken: time.Now().UTC(), Machine: computer.Look(), Versions: versions(ctx, o.twinleaf), AtOnce: runtime.NumCPU(), Cut: o.cut}
	s := setup{twinleaf: o.twinleaf, at: r.AtOnce, patience: o.patience}
	r.Native, s.noNative = nativeEngine(ctx, o.twinleaf)
	p := &player{setup: s, where: where, dir: dir, cut: o.cut, perf: !o.noPerf, say: os.Stderr}
	for _, set := range sets {
		if err := p.set(ctx, r, set); err != nil {
			return nil, err
		}
	}
	r.Table, r.Medians = r.Runs.table(), r.Runs.medians()
	r.Seconds = time.Since(r.Taken).Seconds()
	if err := r.print(os.Stdout); err != nil {
		return nil, err
	}
	if err := r.keep(o.out, o.name); err != nil {
		return nil, err
	}
	if o.readme == "" || o.cut > 0 || o.only != "" || o.rounds > 0 {
		return r, nil // a trial says nothing to readers
	}
	return r, r.readme(o.readme)
}

// shown prints results that were kept.
func (o options) shown() error {
	r, err := readReport(o.show)
	if err == nil {
		err = r.print(os.Stdout)
	}
	if err != nil || o.readme == "" {
		return err
	}
	return r.readme(o.readme)
}

// sets reads the recipe and finds all its files.
func (o options) sets() ([]*set, folders, error) {
	f, err := os.Open(o.recipe)
	if err != nil {
		return nil, folders{}, fmt.Errorf("the page sets: %w", err)
	}
	defer f.Close() // read only
	sets, err := readRecipe(f)
	if err != nil {
		return nil, folders{}, err
	}
	if sets, err = choose(sets, strings.FieldsFunc(o.only, func(r rune) bool { return r == ',' })); err != nil {
		return nil, folders{}, err
	}
	where := folders{data: o.data, repo: filepath.Dir(filepath.Dir(o.recipe))}
	if where.data == "" {
		where.data, where.why = bench.DataDir()
		if where.why != nil {
			where.data = ""
		}
	}
	o.limit(sets)
	for _, s := range sets {
		if err := where.check(s); err != nil {
			return nil, folders{}, err
		}
	}
	return sets, where, nil
}

// limit gives sets fewer rounds where that is asked for.
func (o options) limit(sets []*set) {
	for _, s := range sets {
		if o.rounds > 0 {
			s.Rounds = min(s.Rounds, o.rounds)
		}
	}
}

// tools finds what preparing pages and looking at results needs. A peer that is not there
// is a row that is not measured.
func tools(twinleaf string) error {
	if _, err := os.Stat(twinleaf); err != nil {
		return fmt.Errorf("%w\nhint: run \"make build\" first", err)
	}
	for program, pkg := range map[string]string{
		"convert": "imagemagick", "img2pdf": "img2pdf", "qpdf": "qpdf", "pdftotext": "poppler-utils", "pdftoppm": "poppler-utils", "xargs": "findutils",
	} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing\nhint: apt install %s", program, pkg)
		}
	}
	return nil
}
