package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/twinleaf-scan/twinleaf/bench/latency"
)

// What a running server is measured doing, as the report names it.
const (
	firstTime  = "twinleaf serve, first time"
	secondTime = "twinleaf serve, again"
	alone      = "twinleaf serve, one page, idle"
	beside     = "twinleaf serve, one page beside 1,000"
)

// again is how often the same documents are submitted once more.
const again = 3

// withServer starts a server on a data folder of its own, has it do something, and stops it.
func (s setup) withServer(ctx context.Context, dir, lang string, work func(*latency.Server) error) (err error) {
	at, err := os.MkdirTemp(dir, "serve-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(at) // the folder above goes at the end in any case
	server, err := latency.Start(ctx, latency.Config{
		Twinleaf: s.twinleaf, Dir: at, Native: distribution, Workers: s.at, Lang: lang, Patience: s.patience,
	})
	if err != nil {
		return err
	}
	defer server.Close() // it has nothing left to say
	return work(server)
}

// twice has a server read the documents of a set, and then again: a first page of another
// document warms it up.
func (s setup) twice(ctx context.Context, l *laid, dir string, warm string, say io.Writer) []measure {
	var out []measure
	err := s.withServer(ctx, dir, l.set.Lang, func(server *latency.Server) error {
		if _, err := server.Each(ctx, []string{warm}); err != nil {
			return err
		}
		for round := range 1 + again {
			c, err := server.Batch(ctx, l.documents)
			if err != nil {
				return err
			}
			m := batch(l, round, c)
			out = append(out, m)
			fmt.Fprintln(say, m)
		}
		return nil
	})
	return failedToo(out, err, l.set.Name, say, firstTime, secondTime)
}

// batch is the measure of a batch: round 0 is the first time. A page that was read before
// must be answered from that the second time, and none may be the first.
func batch(l *laid, round int, c latency.Cost) measure {
	m := measure{
		Set: l.set.Name, Program: secondTime, Round: round,
		Wall: c.Wall.Seconds(), CPU: c.CPU.Seconds(), Peak: c.Peak, Pages: c.Pages, Words: c.Words,
	}
	kept := c.Pages
	if round == 0 {
		m.Program, m.Round, kept = firstTime, 1, 0
	}
	switch {
	case c.Pages != len(l.images):
		m.Failed = fmt.Sprintf("it made %d of %d pages", c.Pages, len(l.images))
	case c.Kept != kept:
		m.Failed = fmt.Sprintf("%d of %d pages were answered from what was read before, not %d", c.Kept, c.Pages, kept)
	}
	return m
}

// failedToo adds the programs that an error kept from being measured.
func failedToo(out []measure, err error, set string, say io.Writer, programs ...string) []measure {
	if err == nil {
		return out
	}
	for _, p := range programs {
		m := measure{Set: set, Program: p, Round: 1, Failed: err.Error()}
		out = append(out, m)
		fmt.Fprintln(say, m)
	}
	return out
}

// shares divides the pages of a set: some warm the server up, some come alone, the others
// beside a big job.
func shares[T any](all []T) (warm, idle, busy []T) {
	n := len(all)
	w, i := n/17, n*20/34
	return all[:w], all[w : w+i], all[w+i:]
}

// pages has a server read documents of one page, alone and beside the big document, which
// may be missing.
func (s setup) pages(ctx context.Context, l *laid, big *laid, dir string, say io.Writer) []measure {
	warm, idle, busy := shares(l.documents)
	var out []measure
	take := func(program string, pages []latency.Page, err error) {
		for i, p := range pages {
			m := measure{
				Set: l.set.Name, Program: program, Round: i + 1,
				Wall: p.Wall.Seconds(), Over: (p.Wall - p.Recognition).Seconds(), Pages: 1,
			}
			out = append(out, m)
			fmt.Fprintln(say, m)
		}
		out = failedToo(out, err, l.set.Name, say, program)
	}
	err := s.withServer(ctx, dir, l.set.Lang, func(server *latency.Server) error {
		if _, err := server.Each(ctx, warm); err != nil {
			return err
		}
		got, err := server.Each(ctx, idle)
		take(alone, got, err)
		got, err = besideBig(ctx, server, big, busy)
		take(beside, got, err)
		return nil
	})
	return failedToo(out, err, l.set.Name, say, alone, beside)
}

// besideBig measures beside a big document.
func besideBig(ctx context.Context, server *latency.Server, big *laid, pdfs []string) ([]latency.Page, error) {
	if big == nil {
		return nil, errors.New("the set thousand, beside which it is measured, was not laid")
	}
	pages, n, err := server.Beside(ctx, big.whole, pdfs)
	if err == nil && n != len(big.images) {
		err = fmt.Errorf("the big job has %d of %d pages", n, len(big.images))
	}
	return pages, err
}
