package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/disk"
	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/load"
	"github.com/twinleaf-scan/twinleaf/bench/robust/room"
	"github.com/twinleaf-scan/twinleaf/bench/robust/sink"
	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// crew is what lives through all rounds: programs, network, destination, and the pair,
// which is made anew when a scene wants one of its own or has broken it.
type crew struct {
	o        options
	dir      string // of the whole run
	keep     bool   // dir stays: somebody wants it, or something in it is worth a look
	programs site.Programs
	room     *room.Room // nil: there is none
	noRoom   error      // why
	noDisks  error      // why there can be no disks of our own
	sink     *sink.Sink

	pairs int
	doors int        // addresses that servers were given
	pair  *site.Pair // nil: none, or the last one is broken
	disks map[string]*disk.Disk
	logs  map[string]*site.LogReader

	paper image.Image  // behind the numbers of pages; nil: nothing
	job   atomic.Int64 // the last one submitted

	mu     sync.Mutex // guards record
	record *history.Record
}

// Plug-ins that a round needs of the installed ones. The engine is its own, unless the real
// one is wanted.
var (
	pluginNames = []string{"image", "pdf", "folder", "webhook"}
	realEngine  = []string{"leptonica", "tesseract"}
)

// letter is what real engines read.
const letter = "testdata/letter-1bit.png"

func newCrew(ctx context.Context, o options) (_ *crew, err error) {
	c := &crew{o: o, keep: o.keep != "", record: &history.Record{}, noDisks: disk.Possible()}
	if c.dir, err = os.MkdirTemp(o.keep, "robust-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err := os.Chmod(c.dir, 0o755); err != nil { // plug-ins run as other users
		return nil, err
	}
	if err := c.build(ctx); err != nil {
		return nil, err
	}
	address := "127.0.0.1:0"
	c.noRoom = errors.New("it was not wanted")
	if !o.local {
		c.room, c.noRoom = room.Open(ctx)
	}
	if c.room != nil {
		address = c.room.Address(room.Desk) + ":0"
	}
	c.sink, err = sink.Open(address, func(a history.Arrival) { c.now().Arrived(a) })
	return c, err
}

// build makes the engine and the folder of plug-ins.
func (c *crew) build(ctx context.Context) error {
	var err error
	if c.programs.Twinleaf, err = filepath.Abs(c.o.twinleaf); err != nil {
		return err
	}
	if faults, err := filepath.Abs(c.o.faults); err == nil {
		if _, err := os.Stat(faults); err == nil {
			c.programs.Faults = faults
		}
	}
	c.programs.Plugins = filepath.Join(c.dir, "plugins")
	if c.o.tesseract {
		if c.paper, err = picture(letter); err != nil {
			return err
		}
		return site.Folder(c.programs.Plugins, c.o.plugins, slices.Concat(pluginNames, realEngine))
	}
	if err := site.Folder(c.programs.Plugins, c.o.plugins, pluginNames); err != nil {
		return err
	}
	engine := filepath.Join(c.programs.Plugins, "engine")
	flags := fmt.Sprintf("-s -w -X main.pageTime=%v", c.o.pageTime)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", engine, "github.com/twinleaf-scan/twinleaf/bench/robust/engine")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the engine: %w: %s", err, out)
	}
	return nil
}

func picture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return png.Decode(f)
}

// now is the record of the round that is being played.
func (c *crew) now() *history.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.record
}

func (c *crew) begin() *history.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.record = &history.Record{}
	return c.record
}

// close ends everything.
func (c *crew) close() error {
	err := c.dismiss()
	if c.sink != nil {
		err = errors.Join(err, c.sink.Close())
	}
	if c.room != nil {
		err = errors.Join(err, c.room.Close())
	}
	if c.keep {
		fmt.Fprintln(os.Stderr, "logs and data are in", c.dir)
		return err
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// dismiss ends the present pair. The next round gets a new one.
func (c *crew) dismiss() error {
	var err error
	if c.pair != nil {
		c.pair.Kill()
		if !c.keep {
			defer os.RemoveAll(c.pair.Dir)
		}
	}
	for _, d := range c.disks {
		err = errors.Join(err, d.Close())
	}
	c.pair, c.disks = nil, nil
	return err
}

// random is the source of all that happens in a round.
func (c *crew) random(number int) *rand.Rand { return rand.New(rand.NewPCG(c.o.seed, uint64(number))) }

// say tells a step, if somebody wants to know.
func (c *crew) say(format string, a ...any) {
	if c.o.verbose {
		fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05.000 ")+format+"\n", a...)
	}
}

// protected waits until the pair protects.
func (c *crew) protected(ctx context.Context, patience time.Duration) error {
	if c.o.alone {
		return nil
	}
	return c.pair.Protected(ctx, patience)
}

// client is a program that submits.
func (c *crew) client(n int) *load.Client {
	local := ""
	if c.room != nil {
		local = c.room.Address(room.Clients)
	}
	cl := &load.Client{Profile: profile, Paper: c.paper, HTTP: load.NewHTTP(local, 4*time.Second)}
	for i, s := range c.pair.Both() {
		cl.Servers[i] = load.Server{Name: s.Name, URL: s.URL()}
	}
	cl.Begin(fmt.Sprintf("robust-%d-%d", n, c.job.Load()))
	return cl
}
