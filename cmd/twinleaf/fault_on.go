//go:build faults

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

const (
	faultsFile  = "faults" // in the data folder: one fault a line
	faultsEvery = 100 * time.Millisecond
	faultsMost  = 4 << 10 // bytes of the file that are read
)

// faults are what tests have fail, each by itself: the web service (its public listener
// answers nobody), the data service (journal and blobs take no writes), the clock. They are
// switched by --fault and by the file faults in the data folder, one a line.
type faults struct {
	flags []string
	file  string
	log   *slog.Logger

	mu     sync.Mutex // guards what follows
	on     failing
	said   string // the file's text, as it was read last
	open   map[int]context.CancelFunc
	opened int
}

// failing is what fails at one moment.
type failing struct {
	web, data bool
	shift     time.Duration // of the clock
}

func (f *faults) register(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.flags, "fault", nil, "for tests: have web, data or the clock fail (web, data, clock=+5s); again for several,\nor one a line in the file faults in the data folder while the server runs")
}

// begin takes what the command line has fail from the start.
func (f *faults) begin(data string, log *slog.Logger) error {
	f.file, f.log = filepath.Join(data, faultsFile), log
	return f.set(f.flags)
}

// run looks at the file until ctx ends.
func (f *faults) run(ctx context.Context) {
	tick := time.NewTicker(faultsEvery)
	defer tick.Stop()
	for {
		f.look()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look reads the file. What the command line says holds besides.
func (f *faults) look() {
	text, err := readFaults(f.file)
	f.mu.Lock()
	same := text == f.said
	f.said = text
	f.mu.Unlock()
	if err != nil || same {
		return
	}
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
	if err := f.set(append(slices.Clone(f.flags), lines...)); err != nil {
		f.log.Error("faults stay as they are", "error", err)
	}
}

func readFaults(path string) (string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close() // read only
	text, err := io.ReadAll(io.LimitReader(file, faultsMost))
	return string(text), err
}

// set has these things fail from now on and no others.
func (f *faults) set(names []string) error {
	var on failing
	for _, name := range names {
		shift, isClock := strings.CutPrefix(strings.TrimSpace(name), "clock=")
		switch {
		case isClock:
			d, err := time.ParseDuration(shift)
			if err != nil {
				return usage("write it as clock=+5s", "the fault %q has no duration", name)
			}
			on.shift = d
		case strings.TrimSpace(name) == "web":
			on.web = true
		case strings.TrimSpace(name) == "data":
			on.data = true
		default:
			return usage("known are web, data and clock=+5s", "there is no fault %q", name)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if on != f.on {
		f.log.Warn("faults switched", "on", fmt.Sprintf("%+v", on))
	}
	if f.on = on; on.web {
		for _, hangUp := range f.open {
			hangUp()
		}
	}
	return nil
}

// web stands before the public web service: while it fails, connections are broken off
// without an answer, those that wait for events too.
func (f *faults) web(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, hangUp := context.WithCancel(r.Context())
		defer hangUp()
		done := f.enter(hangUp)
		defer func() {
			if done() {
				panic(http.ErrAbortHandler)
			}
		}()
		if ctx.Err() == nil {
			h.ServeHTTP(w, r.WithContext(ctx))
		}
	})
}

// enter notes a request that hangUp breaks off. done forgets it and tells whether the web
// service fails.
func (f *faults) enter(hangUp context.CancelFunc) (done func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[int]context.CancelFunc{}
	}
	f.opened++
	id := f.opened
	f.open[id] = hangUp
	if f.on.web {
		hangUp()
	}
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, id)
		return f.on.web
	}
}

// data is why journal and blobs take no writes; nil: they do.
func (f *faults) data() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on.data {
		return errors.New("the fault data is on, for tests")
	}
	return nil
}

// now is the server's clock.
func (f *faults) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Add(f.on.shift)
}
