package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	twinleaf, faults, plugins string
	seed                      uint64
	kills                     int // at least
	burst                     int // kills in one round
	rounds                    int // of every scene without kills
	round                     int
	only                      string
	keep                      string
	silence                   time.Duration
	workers                   int
	clients                   int
	pageTime                  time.Duration
	settle                    time.Duration
	slack                     float64
	local                     bool
	alone                     bool
	tesseract                 bool
	verbose                   bool
}

func main() {
	var o options
	flag.StringVar(&o.twinleaf, "twinleaf", "bin/twinleaf", "the program")
	flag.StringVar(&o.faults, "faults", "bin/twinleaf-faults", "the program, built with the tag faults")
	flag.StringVar(&o.plugins, "plugins", "bin/plugins", "its plug-ins")
	flag.Uint64Var(&o.seed, "seed", 1, "of all that is random")
	flag.IntVar(&o.kills, "kills", 1000, "SIGKILLs at random moments, at least")
	flag.IntVar(&o.burst, "burst", 25, "of them in one round")
	flag.IntVar(&o.rounds, "rounds", 2, "rounds of every other scene")
	flag.IntVar(&o.round, "round", 0, "play this round alone")
	flag.StringVar(&o.only, "only", "", "scenes, separated by commas; default: all")
	flag.StringVar(&o.keep, "keep", "", "folder in which logs and data are kept; default: a temporary one, and those of broken rounds only")
	flag.DurationVar(&o.silence, "silence", 3*time.Second, "T: silence after which the other server's jobs are taken over")
	flag.IntVar(&o.workers, "workers", 2, "pages that each server works on at once")
	flag.IntVar(&o.clients, "clients", 4, "programs that submit scans")
	flag.DurationVar(&o.pageTime, "page-time", 60*time.Millisecond, "that the engine takes for a page")
	flag.DurationVar(&o.settle, "settle", 90*time.Second, "for all to be quiet after a scene")
	flag.Float64Var(&o.slack, "slack", 1, "times as long as promised are allowed, on a machine that is busy with other things")
	flag.BoolVar(&o.local, "local", false, "no network of its own, even where one can be made")
	flag.BoolVar(&o.tesseract, "tesseract", false, "read real letters with the real engine; what it did is taken from the journals then")
	flag.BoolVar(&o.alone, "alone", false, "form no pair: shows what the run costs by itself, and that it finds what a pair would have saved")
	flag.BoolVar(&o.verbose, "v", false, "tell each step")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	broken, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "robust:", err)
		os.Exit(2)
	}
	if broken {
		os.Exit(1)
	}
}

// planned is one round to be played.
type planned struct {
	number int
	scene  scene
	kills  int // that it has to do
}

// plan gives the rounds their numbers: the kills first, spread between the other scenes.
func plan(o options, all []scene) ([]planned, error) {
	wanted, err := choose(o.only, all)
	if err != nil {
		return nil, err
	}
	var kills, rest []planned
	for _, s := range wanted {
		if s.kills > 0 {
			for left := (o.kills*s.kills + 99) / 100; left > 0; left -= o.burst {
				kills = append(kills, planned{scene: s, kills: min(left, o.burst)})
			}
			continue
		}
		for range o.rounds {
			rest = append(rest, planned{scene: s})
		}
	}
	out := mix(rest, kills)
	for i := range out {
		out[i].number = i + 1
	}
	if o.round > 0 {
		if o.round > len(out) {
			return nil, fmt.Errorf("there are %d rounds, and none has the number %d", len(out), o.round)
		}
		out = out[o.round-1 : o.round]
	}
	return out, nil
}

func choose(only string, all []scene) ([]scene, error) {
	if only == "" {
		return all, nil
	}
	var out []scene
	for name := range strings.SplitSeq(only, ",") {
		s, ok := find(all, name)
		if !ok {
			return nil, fmt.Errorf("there is no scene %q; the scenes are: %s", name, names(all))
		}
		out = append(out, s)
	}
	return out, nil
}

func find(all []scene, name string) (scene, bool) {
	for _, s := range all {
		if s.name == name {
			return s, true
		}
	}
	return scene{}, false
}

func names(all []scene) string {
	var out []string
	for _, s := range all {
		out = append(out, s.name)
	}
	return strings.Join(out, ", ")
}

// mix takes the rounds of both lists in turn, so that each kind follows upon the other.
func mix(a, b []planned) []planned {
	var out []planned
	for len(a) > 0 || len(b) > 0 {
		take := func(from *[]planned, share int) {
			n := min(share, len(*from))
			out = append(out, (*from)[:n]...)
			*from = (*from)[n:]
		}
		take(&a, 1+len(a)/(len(b)+1))
		take(&b, 1+len(b)/(len(a)+1))
	}
	return out
}

// run plays all rounds and prints the table. It reports whether a promise was broken.
func run(ctx context.Context, o options) (broken bool, err error) {
	rounds, err := plan(o, scenes())
	if err != nil {
		return false, err
	}
	c, err := newCrew(ctx, o)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	t := newTable(os.Stdout)
	for _, p := range rounds {
		if why := p.scene.possible(c); why != "" {
			t.skip(p, why)
			continue
		}
		r := c.play(ctx, p)
		if ctx.Err() != nil { // what was cut off proves nothing
			t.note(fmt.Sprintf("interrupted in round %d, which is not counted", p.number))
			break
		}
		t.row(p, r)
	}
	t.end(o)
	return t.broken, nil
}
