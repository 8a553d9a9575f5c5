package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// player lays sets and has them read.
type player struct {
	setup setup
	where folders
	dir   string // for pages and results
	cut   int    // pages of a set at most; 0: all
	perf  bool   // whether perf is asked
	say   io.Writer
	big   *laid // the thousand pages, kept until something was measured beside them
}

// set lays one set, has all that read it do so, and removes it.
func (p *player) set(ctx context.Context, r *report, s *set) error {
	began := time.Now()
	l, err := lay(ctx, p.where, s, p.dir, p.cut)
	if err != nil {
		return err
	}
	i := l.info()
	fmt.Fprintf(p.say, "%s: %s; %d pages, laid in %.0f s\n", s.Name, s.What, len(l.images), time.Since(began).Seconds())
	defer func() { r.Sets[len(r.Sets)-1].Seconds = time.Since(began).Seconds() }()
	r.Sets = append(r.Sets, i)
	switch s.Name {
	case "again":
		warm := filepath.Join(p.where.repo, "testdata", "letter-1bit.png")
		r.Runs = append(r.Runs, p.setup.twice(ctx, l, p.dir, warm, p.say)...)
		return ctx.Err()
	case "single":
		r.Runs = append(r.Runs, p.setup.pages(ctx, l, p.big, p.dir, p.say)...)
		return ctx.Err()
	case "thousand":
		p.big = l
	}
	got, err := play(ctx, p.setup, l, p.dir, p.say)
	if err != nil {
		return err
	}
	r.Runs = append(r.Runs, got...)
	if s.Name == "dense" {
		r.Profile = runs(got).profile()
		if p.perf && r.Profile != nil {
			r.Profile.Symbols, r.Profile.NoSymbols = p.setup.symbols(ctx, l, p.dir)
		}
	}
	return ctx.Err()
}

// askWithin bounds a question to a program about itself.
const askWithin = time.Minute

// nativeEngine is what the engine that was built for this processor calls itself, or why
// there is none.
func nativeEngine(ctx context.Context, twinleaf string) (build, why string) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, twinleaf, "parity", "--self", "--json", "--native", native)
	var said strings.Builder
	cmd.Stderr = &said
	raw, err := cmd.Output()
	if err != nil {
		line, _, _ := strings.Cut(said.String(), "\n")
		return "", fmt.Sprintf("what engine there is could not be asked: %v %s", err, line)
	}
	var r struct {
		Engines []struct{ Libraries map[string]string }
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return "", "what engine there is was not understood: " + err.Error()
	}
	for _, e := range r.Engines {
		if b := e.Libraries["build"]; strings.HasPrefix(b, "native") {
			return b, ""
		}
	}
	return "", `"make native-engine" was not run, or its engine is left aside ("twinleaf doctor" says why)`
}

// checkName refuses a name that is no plain one.
func checkName(name string) error {
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	}
	if strings.ContainsFunc(name, bad) || name+".json" == jsonFile {
		return fmt.Errorf("%q is no name for results: letters, digits and dashes, not %q", name, "results")
	}
	return nil
}
