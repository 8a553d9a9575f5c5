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
	oursNative   = "twinleaf, native engine"        // the same
	oursPlain    = "twinleaf --pdfa none"           // PDF in, PDF out
	oursText     = "twinleaf --text"                // images in, text out
	oursWhole    = "twinleaf, one document"         // PDF of all pages in, PDF/A out
	theirs       = "ocrmypdf"                       // PDF in, PDF/A out
	theirsPlain  = "ocrmypdf --output-type pdf -O0" // PDF in, PDF out
	theirsRotate = "ocrmypdf --rotate-pages"        // PDF in, PDF/A out
	theirsWhole  = "ocrmypdf, one document"         // PDF of all pages in, PDF/A out
	processes    = "tesseract, one process a page"  // images in, text out
	inside       = "twinleaf bench"                 // images in, PDF/A out; tells the engine share
)

// entry is one program on one set.
type entry struct {
	name   string
	in     *laid
	rounds int    // at most; 0: as many as the set has
	needs  string // the program, where the command line begins with another
	why    string // why it cannot be run; empty: it can
	args   func(out string) []string
}

// setup is what all entries need.
type setup struct {
	twinleaf string // path
	at       int    // pages worked on at once
	patience time.Duration
	noNative string // why there is no native engine; empty: there is one
}

// The values of twinleaf's flag --native.
const (
	distribution = "off"
	native       = "auto"
)

// mine is Twinleaf on documents: all of a set in one call.
func (s setup) mine(name string, l *laid, engine string, pdfs []string, args ...string) entry {
	return entry{name: name, in: l, args: func(out string) []string {
		all := append([]string{s.twinleaf, "ocr"}, pdfs...)
		all = append(all, "-o", out+"/", "--lang", l.set.Lang, "--jobs", strconv.Itoa(s.at), "--native", engine)
		return append(all, args...)
	}}
}

// eachDocument runs ocrmypdf with its options on one document after the other, until one
// fails. Names go to the shell as arguments, never as a part of its words; the documents
// stand in one argument, a line each.
const eachDocument = `out=$1 all=$2; shift 2
printf '%s\n' "$all" | while IFS= read -r pdf; do ocrmypdf "$@" "$pdf" "$out/${pdf##*/}" </dev/null || exit; done`

// peer is OCRmyPDF on documents. It takes one a call, so that it is called for one after
// the other.
func (s setup) peer(name string, l *laid, pdfs []string, options ...string) entry {
	return entry{name: name, in: l, needs: "ocrmypdf", args: func(out string) []string {
		all := []string{"sh", "-c", eachDocument, "sh", out, strings.Join(pdfs, "\n"), "--quiet", "--language", l.set.Lang, "--jobs", strconv.Itoa(s.at)}
		return append(all, options...)
	}}
}

// texts are Twinleaf and one tesseract process a page, on images.
func (s setup) texts(l *laid) []entry {
	lang, at := l.set.Lang, strconv.Itoa(s.at)
	return []entry{
		{name: oursText, in: l, args: func(out string) []string {
			all := append([]string{s.twinleaf, "ocr"}, l.images...)
			return append(all, "--text", out+"/", "--lang", lang, "--jobs", at, "--native", distribution)
		}},
		{name: processes, in: l, needs: "tesseract", args: func(out string) []string {
			one := `exec tesseract "$3" "$1/$(basename "$3")" -l "$2"`
			return []string{"env", "OMP_THREAD_LIMIT=1", "xargs", "-0", "-a", l.list(), "-n", "1", "-P", at, "sh", "-c", one, "sh", out, lang}
		}},
	}
}

// share is twinleaf bench, which knows what the engine took.
func (s setup) share(l *laid) entry {
	return entry{name: inside, in: l, args: func(out string) []string {
		return []string{"sh", "-c", `exec "$1" bench --pages "$2" --lang "$3" --jobs "$4" --native "$5" --json >"$6"`, "sh",
			s.twinleaf, l.dir, l.set.Lang, strconv.Itoa(s.at), distribution, filepath.Join(out, insideFile)}
	}}
}

// entries are the programs that read a set, in the order of the first round. What each
// row of the table compares stands side by side. What nothing is asked of runs once.
func (s setup) entries(l *laid) []entry {
	once := func(e entry) entry { e.rounds = 1; return e }
	off := distribution
	switch l.set.Name {
	case "mixed":
		return []entry{s.mine(ours, l, off, l.documents), s.peer(theirsRotate, l, l.documents, "--rotate-pages")}
	case "short":
		return s.texts(l)
	case "dense":
		fast := s.mine(oursNative, l, native, l.documents)
		fast.why = s.noNative
		all := []entry{s.mine(ours, l, off, l.documents), s.peer(theirs, l, l.documents), fast}
		all = append(append(all, s.texts(l)...), s.share(l))
		return append(all,
			once(s.mine(oursPlain, l, off, l.documents, "--pdfa", "none")), once(s.peer(theirsPlain, l, l.documents, "--output-type", "pdf", "-O0")),
			once(s.mine(oursWhole, l, off, []string{l.whole})), once(s.peer(theirsWhole, l, []string{l.whole})))
	}
	return []entry{s.mine(ours, l, off, l.documents), s.peer(theirs, l, l.documents)}
}

// measure is one run of one program: what the report keeps of it.
type measure struct {
	Set     string  `json:"set"`
	Program string  `json:"program"`
	Round   int     `json:"round"`
	Wall    float64 `json:"wallSeconds"`
	CPU     float64 `json:"cpuSeconds"`
	Peak    int64   `json:"peakBytes"` // PSS of all its processes, looked at every 50 ms
	Pages   int     `json:"pages"`
	Words   int     `json:"words"`            // found on them
	Failed  string  `json:"failed,omitempty"` // why it is not counted

	Share     float64            `json:"engineShare,omitempty"`
	Engine    float64            `json:"engineSeconds,omitempty"`
	ByProgram map[string]float64 `json:"cpuByProgram,omitempty"`
	Over      float64            `json:"overRecognitionSeconds,omitempty"` // of a page through a server: what it took besides
}

// once runs a program on its set, in a folder of its own, and looks at what it made.
func (e entry) once(ctx context.Context, s setup, dir string, round int) (measure, error) {
	m := measure{Set: e.in.set.Name, Program: e.name, Round: round}
	if e.why != "" {
		m.Failed = e.why
		return m, nil
	}
	out, err := os.MkdirTemp(dir, "run-")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(out) // the folder above goes at the end in any case
	args := e.args(out)
	if e.needs == "" {
		e.needs = args[0]
	}
	_, err = exec.LookPath(e.needs)
	var o bench.Outcome
	if err == nil {
		o, err = bench.Run(ctx, bench.Limits{Time: s.patience}, args[0], args[1:]...)
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		m.Failed = fmt.Sprintf("%s is not installed", e.needs)
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
