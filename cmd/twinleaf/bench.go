package main

import (
	"context"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// benchFlags is the command line of bench.
type benchFlags struct {
	pages    string
	truth    string
	html     string
	lang     string
	plugins  string
	store    string
	native   nativeMode
	pdfa     string
	count    int
	jobs     int
	duration time.Duration
	asJSON   bool
}

// The bounds of a measurement.
const (
	maxBenchFiles    = 10_000
	maxBenchCount    = 100_000
	maxBenchDuration = 24 * time.Hour
	maxBenchDepth    = 8 // folders below that of the pages
)

func newBench(a *app) *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use: "bench", Short: "Measure how fast pages become text on this machine",
		Long: "Makes searchable PDFs of all scans below a folder, as \"twinleaf ocr\" would, throws them away and says\n" +
			"what that cost: time, processor time of the program and its plug-ins, the engine's share of it, memory,\n" +
			"and how long a page takes from its first step until its text is there.\n\n" +
			"Without --count and --duration each file is read once. With --truth the text is compared with\n" +
			"NAME.EXT.gt.txt, NAME.gt.txt or NAME.txt of that folder, after the measurement.",
		Example: "  twinleaf bench --pages scans --html bench.html\n" +
			"  twinleaf bench --pages scans --duration 5m --json\n" +
			"  twinleaf bench --pages testdata --truth testdata --count 20",
		Args: exactly(0, "no arguments"),
	}
	fl := c.Flags()
	fl.StringVar(&f.pages, "pages", os.Getenv("TWINLEAF_DATA"), "folder of scans (or TWINLEAF_DATA)")
	fl.StringVar(&f.truth, "truth", "", "folder of true texts: tells CER and WER")
	fl.StringVar(&f.html, "html", "", "write a page with charts to this file")
	fl.StringVarP(&f.lang, "lang", "l", "", "languages, e.g. eng+deu (default eng)")
	fl.StringVar(&f.pdfa, "pdfa", "", "PDF/A: 2u, 2b, 1b or none (default 2u)")
	fl.StringVar(&f.plugins, "plugins", "", "plug-in folder (or TWINLEAF_PLUGINS; default: beside the program)")
	fl.StringVar(&f.store, "store", "", "folder of the plug-ins that were added (or TWINLEAF_STORE; default: plugins in the data folder)")
	f.native.register(fl)
	fl.IntVar(&f.count, "count", 0, "files to read, over and over in order of their names (default: each once)")
	fl.DurationVar(&f.duration, "duration", 0, "begin new files for this long, e.g. 5m, over and over")
	fl.IntVar(&f.jobs, "jobs", 0, "pages worked on at once (default: number of CPUs)")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON")
	c.RunE = func(c *cobra.Command, _ []string) error { return a.bench(c.Context(), f) }
	return c
}

// check refuses what cannot be measured.
func (f benchFlags) check() error {
	switch {
	case f.pages == "":
		return usage("say --pages DIR, or set TWINLEAF_DATA", "bench needs a folder of scans")
	case f.count < 0 || f.count > maxBenchCount:
		return usage("", "--count is 1 to %d files", maxBenchCount)
	case f.duration < 0 || f.duration > maxBenchDuration:
		return usage("", "--duration is at most %v", maxBenchDuration)
	case f.count > 0 && f.duration > 0:
		return usage("", "a measurement ends by --count or by --duration, not by both")
	case f.jobs < 0:
		return usage("leave it out for the default", "--jobs cannot be negative")
	}
	return nil
}

// options is what each file is made into: what ocr makes, and its text where that is
// compared.
func (f benchFlags) options() (core.Options, error) {
	var o core.Options
	override(&o.Languages, api.Languages(f.lang), f.lang != "")
	override(&o.PDFA, f.pdfa, f.pdfa != "")
	o.Outputs = []string{core.OutputPDF}
	if f.truth != "" {
		o.Outputs = append(o.Outputs, core.OutputText)
	}
	o.Deliver = []string{core.OutputManifest} // nothing is delivered
	if err := o.Check(); err != nil {
		return o, usage("", "%s", err)
	}
	return o.WithDefaults(), nil
}

// bench measures, prints and writes the page with charts.
func (a *app) bench(ctx context.Context, f benchFlags) error {
	context.AfterFunc(ctx, a.stopSignals)
	if err := f.check(); err != nil {
		return err
	}
	options, err := f.options()
	if err != nil {
		return err
	}
	files, err := benchFiles(f.pages)
	if err != nil {
		return err
	}
	truths, err := findTruths(f.truth, f.pages, files)
	if err != nil {
		return err
	}
	if err := tryOutput(f.html); err != nil {
		return err
	}
	plugins, err := (&pluginFlags{folder: f.plugins, store: f.store, native: f.native, config: os.Getenv("TWINLEAF_CONFIG")}).all()
	if err != nil {
		return err
	}
	b := &benchRun{app: a, flags: f, options: options, files: files, truths: truths, plugins: plugins.config()}
	if b.most = f.count; f.count == 0 {
		b.most = len(files)
	}
	if f.duration > 0 {
		b.most = math.MaxInt
	}
	r, err := b.run(ctx)
	if err != nil {
		return err
	}
	return a.tellBench(f, r)
}
