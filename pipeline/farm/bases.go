package farm

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

const (
	freshness = 10 * time.Second // a basis is not asked about again
	staleness = time.Minute      // it counts until the answer is there: the engine may be at work on a page
	maxBases  = 256              // steps whose basis is remembered
)

// bases remembers what the answers of steps rest on. It is asked about again every few
// seconds, at the side of the pages and not before them.
type bases struct {
	of Basis

	mu  sync.Mutex // guards all
	all map[string]*based
}

// based is what the answers of one step rest on.
type based struct {
	asking chan struct{} // holds one while somebody asks

	mu sync.Mutex // guards what follows
	on string
	at time.Time
}

func newBases(of Basis) *bases { return &bases{of: of, all: map[string]*based{}} }

// shared is the part of a basis that is the same on all machines.
func shared(basis string) string {
	s, _, _ := strings.Cut(basis, ".")
	return s
}

// on gives the basis of a recognizer's step.
func (b *bases) on(ctx context.Context, s core.Step, about string) (string, error) {
	at := b.at(keyOf(s))
	on, age := at.get()
	if on != "" && age < freshness {
		return on, nil
	}
	known := on != "" && age < staleness
	select {
	case at.asking <- struct{}{}:
	default:
		if known {
			return on, nil
		}
		select {
		case at.asking <- struct{}{}:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		if on, age := at.get(); on != "" && age < freshness { // found out meanwhile
			<-at.asking
			return on, nil
		}
	}
	if known {
		go func() { _, _ = b.ask(context.WithoutCancel(ctx), at, s, about) }()
		return on, nil
	}
	return b.ask(ctx, at, s, about)
}

// now gives the basis as it is after a page was read, however lately it was asked about.
func (b *bases) now(ctx context.Context, s core.Step, about string) (string, error) {
	at := b.at(keyOf(s))
	select {
	case at.asking <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	return b.ask(ctx, at, s, about)
}

func keyOf(s core.Step) string { return s.Plugin + "\x00" + s.Component + "\x00" + string(s.Settings) }

// ask asks, and lets the next one ask.
func (b *bases) ask(ctx context.Context, at *based, s core.Step, about string) (string, error) {
	defer func() { <-at.asking }()
	ctx, stop := context.WithTimeout(ctx, staleness)
	defer stop()
	now := time.Now()
	on, err := b.of.Basis(ctx, core.StepRecognizer, s, about)
	at.mu.Lock()
	defer at.mu.Unlock()
	switch {
	case err == nil:
		at.on, at.at = on, now
	case ctx.Err() == nil:
		at.on = ""
	}
	return on, err
}

func (a *based) get() (on string, age time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.on, time.Since(a.at)
}

func (b *bases) at(step string) *based {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all[step] == nil {
		if len(b.all) >= maxBases {
			clear(b.all)
		}
		b.all[step] = &based{asking: make(chan struct{}, 1)}
	}
	return b.all[step]
}
