// Command farm measures what workers on other machines bring, on this machine.
//
//	go run ./bench/farm
//
// First a server that recognises nothing itself gives pages to 1, 2, 4 and 8 workers
// whose engine (bench/standin) takes as long as a page takes and no processor. What N
// workers read is held against N times what one reads: 1.00 is linear.
//
// Then real pages are read on this machine's cores by a server alone and by a server with
// one worker that has all the places, in turns. What is left between them is what the way
// over NATS costs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

type options struct {
	twinleaf, plugins, real string
	page                    time.Duration
	slots, each, rounds     int
}

func main() {
	var o options
	flag.StringVar(&o.twinleaf, "twinleaf", "bin/twinleaf", "the program")
	flag.StringVar(&o.plugins, "plugins", "bin/plugins", "its plug-ins")
	flag.StringVar(&o.real, "real", "testdata", "folder of real pages; empty: only the stand-in is measured")
	flag.DurationVar(&o.page, "page", time.Second, "time that a page takes the stand-in")
	flag.IntVar(&o.slots, "slots", 2, "pages at once of each worker")
	flag.IntVar(&o.each, "each", 10, "pages of each place")
	flag.IntVar(&o.rounds, "rounds", 3, "of the comparison with real pages")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "farm:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	for _, path := range []*string{&o.twinleaf, &o.plugins} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "farm-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	light, err := lightPlugins(ctx, dir, o)
	if err != nil {
		return err
	}
	fmt.Printf("stand-in engine, %v a page, %d places a worker\n", o.page, o.slots)
	fmt.Println("workers   pages/s   linearity   server CPU ms/page   loopback KB/page   journal B/page   blobs KB/page")
	one := 0.0
	for _, n := range []int{1, 2, 4, 8} {
		m, err := scale(ctx, dir, light, o, n)
		if err != nil {
			return fmt.Errorf("%d workers: %w", n, err)
		}
		if n == 1 {
			one = m.rate
		}
		fmt.Printf("%7d %9.2f %11.2f %20.1f %18.1f %16.0f %15.1f\n", n, m.rate, m.rate/one/float64(n), m.cpu*1000, m.wire/1024, m.journal, m.blobs/1024)
	}
	if o.real == "" {
		return nil
	}
	return compare(ctx, dir, o)
}

// scale lets n workers read pages that are all different.
func scale(ctx context.Context, dir, plugins string, o options, n int) (m measured, err error) {
	at := filepath.Join(dir, fmt.Sprint("scale-", n))
	f, err := open(ctx, at, o.twinleaf, plugins, n, o.slots, true)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	input := filepath.Join(at, "many.tif")
	if err := writePages(input, n*o.slots*o.each); err != nil {
		return m, err
	}
	return f.measure(ctx, n*o.slots, input)
}

// compare has real pages read without workers and by one, in turns.
func compare(ctx context.Context, dir string, o options) error {
	var pages []string
	for _, pattern := range []string{"letter-*.png", "letter-*.jpg", "minutes-*.tif", "notice-*.tif", "two-*.png", "skewed.png"} {
		found, err := filepath.Glob(filepath.Join(o.real, pattern))
		if err != nil {
			return err
		}
		pages = append(pages, found...)
	}
	if len(pages) < 2 {
		return fmt.Errorf("there are no two pages in %s", o.real)
	}
	fmt.Printf("\nreal pages (%d), %d at once, %d rounds\n", len(pages)-1, o.slots, o.rounds)
	var alone, worker []time.Duration
	for round := range o.rounds {
		for _, n := range []int{0, 1} {
			at := filepath.Join(dir, fmt.Sprint("real-", round, "-", n))
			f, err := open(ctx, at, o.twinleaf, o.plugins, n, o.slots, n == 1)
			if err != nil {
				return err
			}
			_, err = f.measure(ctx, 0, pages[0]) // the engines are known and warm then
			m, bad := f.measure(ctx, 0, pages[1:]...)
			if err = errors.Join(err, bad); err != nil {
				return errors.Join(err, f.close())
			}
			if err := f.close(); err != nil {
				return err
			}
			if n == 0 {
				alone = append(alone, m.took)
			} else {
				worker = append(worker, m.took)
			}
		}
	}
	a, w := median(alone), median(worker)
	fmt.Printf("server alone %.2f s, with one worker %.2f s: %.2f of its speed\n", a.Seconds(), w.Seconds(), a.Seconds()/w.Seconds())
	return nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
