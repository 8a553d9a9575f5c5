package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/bench"
	"github.com/twinleaf-scan/twinleaf/bench/stats"
)

// profile is where the processor time of Twinleaf goes that is not the engine's, on the
// dense pages.
type profile struct {
	Engine    float64  `json:"engineSeconds"`  // inside recognition
	Outside   float64  `json:"outsideSeconds"` // all else
	Programs  []spent  `json:"programs"`       // of Outside, the most first
	Symbols   []symbol `json:"symbols,omitempty"`
	NoSymbols string   `json:"noSymbols,omitempty"` // why there are none
}

// spent is what one program took of the time outside the engine.
type spent struct {
	Program string  `json:"program"`
	Seconds float64 `json:"seconds"`
	Part    float64 `json:"part"` // of all processor time
}

// symbol is one function and its part of all processor time.
type symbol struct {
	Program string  `json:"program"`
	Library string  `json:"library"`
	Name    string  `json:"name"`
	Part    float64 `json:"part"`
}

// engineProgram is the plug-in around the engine.
const engineProgram = "tesseract"

// top is how many programs and symbols are told.
const top = 10

// profile is that of the round whose engine share is the middle one; nil where twinleaf
// bench was not run.
func (r runs) profile() *profile {
	shares, why := r.of("dense", inside, share)
	if why != "" {
		return nil
	}
	middle := stats.Percentile(shares, 50)
	at := slices.IndexFunc(r, func(m measure) bool { return m.Program == inside && m.Share == middle })
	m := r[at]
	if m.Share <= 0 {
		return nil
	}
	all := m.Engine / m.Share
	p := &profile{Engine: m.Engine, Outside: all - m.Engine}
	for _, name := range slices.Sorted(maps.Keys(m.ByProgram)) {
		s := m.ByProgram[name]
		if name == engineProgram {
			s -= m.Engine
			name += ", outside recognition"
		}
		p.Programs = append(p.Programs, spent{name, s, s / all})
	}
	slices.SortStableFunc(p.Programs, func(a, b spent) int { return cmp.Compare(b.Seconds, a.Seconds) })
	p.Programs = p.Programs[:min(top, len(p.Programs))]
	return p
}

// symbols has perf look at one more run of twinleaf bench. why says why it could not.
func (s setup) symbols(ctx context.Context, l *laid, dir string) (list []symbol, why string) {
	out, err := os.MkdirTemp(dir, "perf-")
	if err != nil {
		return nil, err.Error()
	}
	defer os.RemoveAll(out) // the folder above goes at the end in any case
	data, told := filepath.Join(out, "perf.data"), filepath.Join(out, "symbols")
	record := append([]string{"record", "-q", "-F", "199", "-o", data, "--"}, s.share(l).args(out)...)
	for _, args := range [][]string{record, {"report", "-q", "-i", data, "--sort", "comm,dso,symbol", "-t", "|", "-F", "overhead,comm,dso,symbol", "--percent-limit", "0.01"}} {
		if args[0] == "report" {
			args = append([]string{"-c", `to=$1; shift; exec perf "$@" >"$to"`, "sh", told}, args...)
			args = append([]string{"sh"}, args...)
		} else {
			args = append([]string{"perf"}, args...)
		}
		o, err := bench.Run(ctx, bench.Limits{Time: s.patience}, args[0], args[1:]...)
		switch {
		case err != nil:
			return nil, "perf: " + err.Error()
		case o.Exit != 0:
			return nil, fmt.Sprintf("perf %s: exit %d: %s", args[0], o.Exit, o.FirstLine())
		}
	}
	f, err := os.Open(told)
	if err != nil {
		return nil, err.Error()
	}
	defer f.Close() // read only
	if list, err = readSymbols(f); err != nil {
		return nil, err.Error()
	}
	return list, ""
}

// engineLibrary matches what works for the engine inside its own process.
var engineLibrary = regexp.MustCompile(`^lib(tesseract|lept|m|c|stdc\+\+|gomp|jemalloc|png|jpeg|tiff|z|deflate)[-.0-9]|^lib(m|c)\.so|^ld-`)

// lookingAtMemory begins the names of what the kernel does for who measures memory: that
// is left out of the processor time too.
const lookingAtMemory = "smaps_"

// readSymbols takes the most costly functions of a report of perf, without those of the
// engine and of what works for it in its process.
func readSymbols(r io.Reader) ([]symbol, error) {
	var out []symbol
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		cells := strings.SplitN(lines.Text(), "|", 4)
		if len(cells) < 4 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(cells[0], "%"), 64)
		if err != nil || (cells[1] == engineProgram && engineLibrary.MatchString(cells[2])) {
			continue
		}
		name, _, _ := strings.Cut(cells[3], "|")
		name = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(name), "[.]"), "[k]"))
		if strings.HasPrefix(name, lookingAtMemory) {
			continue
		}
		out = append(out, symbol{cells[1], cells[2], name, percent / 100})
	}
	slices.SortStableFunc(out, func(a, b symbol) int { return cmp.Compare(b.Part, a.Part) })
	return out[:min(top, len(out))], lines.Err()
}

// rows are the profile for people.
func (p *profile) rows() [][]string {
	all := p.Engine + p.Outside
	rows := [][]string{{"the engine's recognition", "", fmt.Sprintf("%.2f s", p.Engine), percent(p.Engine / all)}}
	for _, s := range p.Programs {
		rows = append(rows, []string{s.Program, "", fmt.Sprintf("%.2f s", s.Seconds), percent(s.Part)})
	}
	for _, s := range p.Symbols {
		rows = append(rows, []string{s.Program, fmt.Sprintf("%s (%s)", s.Name, s.Library), "", percent(s.Part)})
	}
	if p.NoSymbols != "" {
		rows = append(rows, []string{"functions", p.NoSymbols, "", ""})
	}
	return rows
}

func percent(part float64) string { return fmt.Sprintf("%.2f %%", 100*part) }
