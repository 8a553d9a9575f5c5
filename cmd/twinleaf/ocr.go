package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// ocrFlags is the command line of ocr.
type ocrFlags struct {
	out      string
	text     string
	hocr     string
	alto     string
	manifest string
	lang     string
	mode     string
	pdfa     string
	optimize string
	profile  string
	password string
	plugins  string
	store    string
	native   nativeMode
	jobs     int
	pixels   int64
	timeout  time.Duration
	asJSON   bool
}

func newOCR(a *app) *cobra.Command {
	var f ocrFlags
	c := &cobra.Command{
		Use: "ocr INPUT...", Short: "Make searchable PDFs of scans, here and now",
		Long: "Recognises the text of scans and writes searchable PDFs. Several inputs become one document,\n" +
			"in that order, with -o OUT.pdf, and one document each with -o FOLDER or without -o.\n" +
			"\"-\" reads standard input; as an output it is standard output.\n\n" +
			"Without -o the PDF is NAME.pdf in the current folder, NAME-ocr.pdf or NAME-ocr-2.pdf … where that is taken; with\n" +
			"--text, --hocr, --alto or --manifest alone no PDF is written. Where the profile splits the scan into\n" +
			"several documents, each gets a number: OUT-001.pdf, OUT-002.pdf, and so on.",
		Example: "  twinleaf ocr scan.tif -o scan.pdf --lang eng+deu\n" +
			"  twinleaf ocr page1.jpg page2.jpg -o letter.pdf --text letter.txt\n" +
			"  cat scan.pdf | twinleaf ocr - --text -",
		Args: atLeastOne("an input"),
	}
	fl := c.Flags()
	fl.StringVarP(&f.out, "output", "o", "", "the PDF, or a folder")
	fl.StringVar(&f.text, "text", "", "write plain text to this file")
	fl.StringVar(&f.hocr, "hocr", "", "write hOCR to this file")
	fl.StringVar(&f.alto, "alto", "", "write ALTO to this file")
	fl.StringVar(&f.manifest, "manifest", "", "write the manifest to this file")
	fl.StringVarP(&f.lang, "lang", "l", "", "languages, e.g. eng+deu (default eng)")
	fl.StringVar(&f.mode, "mode", "", "pages that carry text: skip, redo or force (default skip)")
	fl.StringVar(&f.pdfa, "pdfa", "", "PDF/A: 2u, 2b, 1b or none (default 2u)")
	fl.StringVar(&f.optimize, "optimize", "", "none or lossless (default none)")
	fl.StringVar(&f.profile, "profile", "", "profile in a YAML file, or \"-\" for standard input; flags go before it")
	fl.StringVar(&f.password, "password", "", "password of an encrypted PDF")
	fl.StringVar(&f.plugins, "plugins", "", "plug-in folder (or TWINLEAF_PLUGINS; default: beside the program)")
	fl.StringVar(&f.store, "store", "", "folder of the plug-ins that were added (or TWINLEAF_STORE; default: plugins in the data folder)")
	f.native.register(fl)
	fl.IntVar(&f.jobs, "jobs", 0, "pages worked on at once (default: number of CPUs)")
	fl.Int64Var(&f.pixels, "max-pixels", 0, "pixels of a page at most (default 150 million)")
	fl.DurationVar(&f.timeout, "timeout-page", 0, "longest time for one step of a page (default 120s)")
	fl.BoolVar(&f.asJSON, "json", false, "print what was done as JSON")
	c.RunE = func(c *cobra.Command, args []string) error { return a.ocr(c.Context(), f, args) }
	return c
}

// options is the profile with the flags over it.
func (f ocrFlags) options(out outputs, stdin io.Reader) (core.Options, error) {
	var o core.Options
	if f.profile != "" {
		data, err := readForm(f.profile, stdin)
		if err != nil {
			return o, err
		}
		p, err := parseProfile(f.profile, data)
		if err != nil {
			return o, err
		}
		o = p.Options
	}
	override(&o.Languages, api.Languages(f.lang), f.lang != "")
	override(&o.Mode, core.Mode(f.mode), f.mode != "")
	override(&o.PDFA, f.pdfa, f.pdfa != "")
	override(&o.Optimize, f.optimize, f.optimize != "")
	override(&o.Limits.Pixels, f.pixels, f.pixels != 0)
	override(&o.Limits.PageTimeout, f.timeout, f.timeout != 0)
	o.Outputs = out.kinds()
	o.Deliver = []string{core.OutputManifest} // nothing is delivered; the outputs are written here
	if err := o.Check(); err != nil {
		return o, usage("", "%s", err)
	}
	return o.WithDefaults(), nil
}

func override[T any](field *T, v T, given bool) {
	if given {
		*field = v
	}
}

// ocr runs the server's own pipeline on a journal in memory.
func (a *app) ocr(ctx context.Context, f ocrFlags, args []string) error {
	context.AfterFunc(ctx, a.stopSignals)
	if f.jobs < 0 || f.pixels < 0 || f.timeout < 0 {
		return usage("leave it out for the default", "--jobs, --max-pixels and --timeout-page cannot be negative")
	}
	if f.profile == "-" && slices.Contains(args, "-") {
		return usage("give the profile in a file", "standard input can be read only once")
	}
	docs, err := plan(f, args, isTerminal(a.std.out))
	if err != nil {
		return err
	}
	options, err := f.options(docs[0].out, a.std.in)
	if err != nil {
		return err
	}
	if err := tryOutputs(docs); err != nil {
		return err
	}
	plugins, err := (&pluginFlags{folder: f.plugins, store: f.store, native: f.native, config: os.Getenv("TWINLEAF_CONFIG")}).all()
	if err != nil {
		return err
	}
	r := &ocrRun{app: a, flags: f, options: options, plugins: plugins.config(), docs: docs}
	return r.run(ctx)
}

// tryOutputs makes sure that all outputs can be written.
func tryOutputs(docs []document) error {
	for _, d := range docs {
		for _, e := range d.out.byKind() {
			if err := tryOutput(e[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// ocrResult is what --json prints of one document.
type ocrResult struct {
	Inputs   []string           `json:"inputs"`
	State    core.JobState      `json:"state"`
	Pages    core.PageCounts    `json:"pages"`
	Outputs  map[string]string  `json:"outputs"` // path by kind
	PDFA     string             `json:"pdfa,omitempty"`
	Why      string             `json:"why,omitempty"` // why the PDF is not what was asked for
	Failures []core.PageFailure `json:"failures,omitempty"`
	Error    *core.Failure      `json:"error,omitempty"`
	Parts    []ocrPart          `json:"parts,omitempty"` // the documents of a scan that was split
	Seconds  float64            `json:"seconds"`
	Exit     int                `json:"exit"`
}

// summary is one line about a document that was written.
func (r ocrResult) summary(wrote []string) string {
	text := fmt.Sprintf("%d page", r.Pages.Total)
	if r.Pages.Total != 1 {
		text += "s"
	}
	if r.Pages.Blank > 0 {
		text += fmt.Sprintf(", %d blank", r.Pages.Blank)
	}
	return fmt.Sprintf("wrote %s (%s, %.1f s)", join(wrote), text, r.Seconds)
}
