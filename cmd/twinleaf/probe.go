package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Times of a probe.
const (
	probeEvery = 3 * time.Second
	probeSlow  = 15 * time.Second // a disk that does not answer for so long counts as down
)

// probe knows whether the disk takes what is written, before a scan comes that
// needs to know. It writes the same few bytes again and again.
type probe struct {
	mu    sync.Mutex // guards what follows
	cause string     // why the last write failed; empty: it did not
	since time.Time  // of cause
	begun time.Time  // of the write that is under way; zero: none
}

type putter interface {
	Put(ctx context.Context, r io.Reader, limit int64) (core.Ref, int64, error)
}

// run probes until ctx ends.
func (p *probe) run(ctx context.Context, store func() (putter, error)) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		if s, err := store(); err == nil {
			p.begin(time.Now())
			_, _, err := s.Put(ctx, strings.NewReader("is the disk well?"), 0)
			p.note(err, time.Now())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *probe) begin(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = now
}

// note takes the result of a write. What is no failure of the disk says nothing.
func (p *probe) note(err error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun = time.Time{}
	var f *core.Failure
	switch {
	case err == nil:
		p.cause = ""
	case errors.As(err, &f) && f.Code == core.CodeDataDown:
		if p.cause == "" {
			p.since = now
		}
		p.cause = f.Detail
	}
}

// item lays what the probe knows over the pipeline's word.
func (p *probe) item(data core.Item, now time.Time) core.Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case data.State != "up":
		return data
	case p.cause != "":
		return core.Item{State: "down", Cause: p.cause, Since: p.since}
	case !p.begun.IsZero() && now.Sub(p.begun) > probeSlow:
		return core.Item{State: "down", Cause: "the disk does not answer", Since: p.begun}
	}
	return data
}
