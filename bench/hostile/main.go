// Command hostile feeds hostile and odd files to the program, one by one under
// limits of time and memory, and shows what became of each beside what a good
// server does.
//
//	go run ./bench/hostile -twinleaf bin/twinleaf [-data DIR] [-json] [NAME…]
//
// NAME picks the files whose path contains it. It exits 1 when a run passes a
// limit or ends with an exit code that the contract does not know; whether the
// words fit is for a person to read.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench"
)

func main() {
	program := flag.String("twinleaf", "bin/twinleaf", "the program")
	data := flag.String("data", "", "folder of test files with MANIFEST.tsv (default: shared/data beside the project)")
	asJSON := flag.Bool("json", false, "print JSON instead of paragraphs")
	patience := flag.Duration("timeout", time.Minute, "limit of time of one file")
	memory := flag.Int64("memory", 1536, "limit of memory of one file, MiB over all processes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t := trial{program: *program, data: *data, names: flag.Args(), limits: bench.Limits{Time: *patience, Memory: *memory << 20}}
	results, err := t.run(ctx, show(os.Stdout, *asJSON))
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(2)
	}
	bad := 0
	for _, r := range results {
		if !r.OK {
			bad++
		}
	}
	fmt.Fprintf(os.Stderr, "%d of %d files stayed within the limits and ended in a known way\n", len(results)-bad, len(results))
	if bad > 0 {
		os.Exit(1)
	}
}

// trial is one run over the hostile and odd files.
type trial struct {
	program, data string
	names         []string
	limits        bench.Limits
}

// result is what became of one file.
type result struct {
	File     string  `json:"file"`
	Exit     int     `json:"exit"`
	Killed   string  `json:"killed,omitempty"`
	Said     string  `json:"said"` // first line of standard error
	Text     string  `json:"text"` // beginning of the text
	Seconds  float64 `json:"seconds"`
	PeakMiB  float64 `json:"peak_mib"`
	Expected string  `json:"expected"`
	OK       bool    `json:"ok"`
}

// run calls each for every result as it comes.
func (t trial) run(ctx context.Context, each func(result) error) ([]result, error) {
	dir, entries, err := bench.Pick(t.data, t.names)
	if err != nil {
		return nil, err
	}
	t.data = dir
	var out []result
	for _, e := range entries {
		if e.Kind != "hostile" && e.Kind != "odd" {
			continue
		}
		r, err := t.file(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
		if err := each(r); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no hostile or odd file in %s matches %q", t.data, t.names)
	}
	return out, nil
}

func (t trial) file(ctx context.Context, e bench.Entry) (result, error) {
	dir, err := os.MkdirTemp("", "hostile")
	if err != nil {
		return result{}, err
	}
	defer os.RemoveAll(dir)
	text := filepath.Join(dir, "text.txt")
	o, err := bench.Run(ctx, t.limits, t.program, "ocr", filepath.Join(t.data, e.Path),
		"--lang", cmp.Or(e.Lang, "eng"), "--text", text, "-o", filepath.Join(dir, "out.pdf"))
	if err != nil {
		return result{}, err
	}
	if o.Killed == "interrupt" {
		return result{}, context.Canceled
	}
	return result{
		File: e.Path, Exit: o.Exit, Killed: o.Killed, Said: o.FirstLine(), Text: beginning(text),
		Seconds: o.Wall.Seconds(), PeakMiB: float64(o.Peak) / (1 << 20), Expected: e.Expected,
		OK: o.Killed == "" && known(o.Exit),
	}, nil
}

// known reports whether the contract has the exit code: done, failed, refused or
// partly done.
func known(exit int) bool { return exit == 0 || exit == 1 || exit == 3 || exit == 4 }

// beginning is the first words of a text file, empty if there is none.
func beginning(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 400))
	if err != nil {
		return ""
	}
	words := strings.Fields(strings.ToValidUTF8(string(data), ""))
	return strings.Join(words[:min(len(words), 10)], " ")
}

func show(w io.Writer, asJSON bool) func(result) error {
	if asJSON {
		e := json.NewEncoder(w)
		return func(r result) error { return e.Encode(r) }
	}
	return func(r result) error {
		verdict := fmt.Sprintf("exit %d", r.Exit)
		if r.Killed != "" {
			verdict = "KILLED: " + r.Killed
		} else if !r.OK {
			verdict += " (unknown)"
		}
		_, err := fmt.Fprintf(w, "%s\n  %s, %.1f s, %.0f MiB\n  said:     %s\n  text:     %s\n  expected: %s\n",
			r.File, verdict, r.Seconds, r.PeakMiB, r.Said, r.Text, r.Expected)
		return err
	}
}
