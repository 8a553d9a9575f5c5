package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench"
)

// The programs that are measured, as the report names them.
const (
	ours         = "twinleaf"                       // PDF in, PDF/A out
	oursPlain    = "twinleaf --pdfa none"           // PDF in, PDF out
	oursText     = "twinleaf --text"                // images in, text out
	theirs       = "ocrmypdf"                       // PDF in, PDF/A out
	theirsPlain  = "ocrmypdf --output-type pdf -O0" // PDF in, PDF out
	theirsRotate = "ocrmypdf --rotate-pages"        // PDF in, PDF/A out
	processes    = "tesseract, one process a page"  // images in, text out
	inside       = "twinleaf bench"                 // images in, PDF/A out; tells the engine share
)

// entry is one program on one set.
type entry struct {
	name string
	in   *laid
	args func(out string) []string // the program and its arguments; out is a folder of the run's own
}

// setup is what all entries need.
type setup struct {
	twinleaf string // path
	at       int    // pages worked on at once
	patience time.Duration
}

// entries are the programs that read a set, in the order of the first round. What each
// row of the table compares stands side by side.
func (s setup) entries(l *laid) []entry {
	lang, at := l.set.Lang, strconv.Itoa(s.at)
	mine := func(name string, args ...string) entry {
		return entry{name, l, func(out string) []string {
			all := []string{s.twinleaf, "ocr", l.pdf, "-o", filepath.Join(out, "out.pdf"), "--lang", lang, "--jobs", at}
			return append(all, args...)
		}}
	}
	peer := func(name string, args ...string) entry {
		return entry{name, l, func(out string) []string {
			all := append([]string{"ocrmypdf", "--quiet", "--language", lang, "--jobs", at}, args...)
			return append(all, l.pdf, filepath.Join(out, "out.pdf"))
		}}
	}
	texts := []entry{
		{oursText, l, func(out string) []string {
			all := append([]string{s.twinleaf, "ocr"}, l.images...)
			return append(all, "--text", out+"/", "--lang", lang, "--jobs", at)
		}},
		{processes, l, func(out string) []string {
			// The name of a page goes to the shell as an argument, never as a part of its words.
			one := fmt.Sprintf(`exec tesseract "$1" "%s/$(basename "$1")" -l %s`, out, lang)
			return []string{"env", "OMP_THREAD_LIMIT=1", "xargs", "-0", "-a", filepath.Join(filepath.Dir(l.pdf), l.set.Name+".list"),
				"-n", "1", "-P", at, "sh", "-c", one, "sh"}
		}},
	}
	measured := entry{inside, l, func(out string) []string {
		return []string{"sh", "-c", `exec "$1" bench --pages "$2" --lang "$3" --jobs "$4" --json >"$5"`, "sh",
			s.twinleaf, l.dir, lang, at, filepath.Join(out, insideFile)}
	}}
	switch l.set.Name {
	case "mixed":
		return []entry{mine(ours), peer(theirsRotate, "--rotate-pages")}
	case "short":
		return texts
	case "thousand":
		return []entry{mine(ours), peer(theirs)}
	case "dense":
		all := []entry{mine(ours), peer(theirs), mine(oursPlain, "--pdfa", "none"), peer(theirsPlain, "--output-type", "pdf", "-O0")}
		return append(append(all, texts...), measured)
	}
	return []entry{mine(ours), peer(theirs)}
}

// insideFile takes what twinleaf bench prints.
const insideFile = "bench.json"

// measure is one run of one program: what the report keeps of it.
type measure struct {
	Set     string  `json:"set"`
	Program string  `json:"program"`
	Round   int     `json:"round"`
	Wall    float64 `json:"wallSeconds"`
	CPU     float64 `json:"cpuSeconds"`
	Peak    int64   `json:"peakBytes"` // PSS of all its processes, looked at every 50 ms
	Pages   int     `json:"pages"`
	Words   int     `json:"words"` // found on them
	Share   float64 `json:"engineShare,omitempty"`
	Failed  string  `json:"failed,omitempty"` // why it is not counted
}

// once runs a program on its set, in a folder of its own, and looks at what it made.
func (e entry) once(ctx context.Context, s setup, dir string, round int) (measure, error) {
	m := measure{Set: e.in.set.Name, Program: e.name, Round: round}
	out, err := os.MkdirTemp(dir, "run-")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(out) // the folder above goes at the end in any case
	args := e.args(out)
	o, err := bench.Run(ctx, bench.Limits{Time: s.patience}, args[0], args[1:]...)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		m.Failed = fmt.Sprintf("%s is not installed", args[0])
		return m, nil
	}
	if err != nil {
		return m, err
	}
	m.Wall, m.CPU, m.Peak = o.Wall.Seconds(), o.CPU.Seconds(), o.Peak
	switch {
	case o.Killed == "interrupt":
		return m, context.Canceled
	case o.Killed != "":
		m.Failed = fmt.Sprintf("it took longer than %v", s.patience)
	case o.Exit != 0:
		m.Failed = fmt.Sprintf("exit %d: %s", o.Exit, o.FirstLine())
	default:
		m.Failed = m.look(ctx, out, len(e.in.images))
	}
	return m, nil
}

// look counts the pages and words of what a run made, and says what is wrong with it.
func (m *measure) look(ctx context.Context, out string, want int) string {
	var err error
	switch m.Program {
	case inside:
		err = m.readBench(filepath.Join(out, insideFile))
	case oursText, processes:
		err = m.readTexts(out)
	default:
		err = m.readPDF(ctx, filepath.Join(out, "out.pdf"))
	}
	switch {
	case err != nil:
		return err.Error()
	case m.Pages != want:
		return fmt.Sprintf("it made %d of %d pages", m.Pages, want)
	}
	return ""
}

func (m *measure) readTexts(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		m.Pages, m.Words = m.Pages+1, m.Words+len(strings.Fields(string(text)))
	}
	return nil
}

func (m *measure) readPDF(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, prepareWithin)
	defer cancel()
	raw, err := exec.CommandContext(ctx, "qpdf", "--show-npages", path).Output()
	if err != nil {
		return fmt.Errorf("count the pages of the PDF: %w", err)
	}
	if m.Pages, err = strconv.Atoi(strings.TrimSpace(string(raw))); err != nil {
		return err
	}
	text, err := exec.CommandContext(ctx, "pdftotext", path, "-").Output()
	if err != nil {
		return fmt.Errorf("read the text of the PDF: %w", err)
	}
	m.Words = len(strings.Fields(string(text)))
	return nil
}
