package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twinleaf-scan/twinleaf/pipeline/farm/overnats"
)

// searchAgain is how long a worker waits before it looks again for a server that is away.
const searchAgain = 5 * time.Second

// servers are those that a worker works for, each at an address of its own. A pair's worker
// must be of use while one of the two is away: where any of them was reached, those that
// were not are looked for again and again.
type servers struct {
	flags workerFlags
	dial  overnats.Dial // how all are reached
	log   *slog.Logger

	mu    sync.Mutex // guards what follows
	found bool       // one of them, at some time
	away  []absence  // of each server, why it is away
}

// absence is why a server is not there. The zero value: nothing is known against it.
type absence struct {
	kind error // overnats.ErrUnreachable or overnats.ErrNoServer
	err  error // for people
}

func newServers(f workerFlags, dial overnats.Dial, log *slog.Logger) *servers {
	return &servers{flags: f, dial: dial, log: log, away: make([]absence, len(f.urls))}
}

// reach connects to each server once; there is no connection to one that is away. It is
// called before the plug-ins are opened: what is wrong there is told at once.
func (s *servers) reach(ctx context.Context) (conns []*overnats.Conn, err error) {
	conns = make([]*overnats.Conn, len(s.flags.urls))
	for n := range conns {
		conns[n], err = s.connect(ctx, n)
		if ctx.Err() != nil {
			return conns, nil
		}
		if err == nil {
			continue
		}
		if err = s.missed(n, err); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

// work works for all servers until ctx ends, beginning with the connections of reach.
func (s *servers) work(ctx context.Context, conns []*overnats.Conn, b *readingRoom) error {
	g, ctx := errgroup.WithContext(ctx)
	for n, c := range conns {
		g.Go(func() error { return s.workFor(ctx, n, c, b) })
	}
	return g.Wait()
}

// workFor works for one server. One that is away is looked for until it is there.
func (s *servers) workFor(ctx context.Context, n int, c *overnats.Conn, b *readingRoom) (err error) {
	for ; ; pause(ctx, searchAgain) {
		if c == nil {
			c, err = s.connect(ctx, n)
		}
		if err == nil {
			err = s.workOver(ctx, n, c, b)
			c = nil
		}
		if err == nil || ctx.Err() != nil {
			return nil
		}
		if err = s.missed(n, err); err != nil {
			return err
		}
	}
}

func (s *servers) workOver(ctx context.Context, n int, c *overnats.Conn, b *readingRoom) error {
	defer c.Close()
	f := s.flags
	return overnats.Work(ctx, c, overnats.WorkerConfig{
		Server: f.of, Name: f.name, Version: version, Slots: b.slots, Do: b.read, Dir: b.images, Drain: f.drain,
		Found: func() { s.met(n) },
	})
}

func (s *servers) connect(ctx context.Context, n int) (*overnats.Conn, error) {
	return overnats.Connect(ctx, s.dialOf(n))
}

// dialOf is how a server is reached, each time as another worker.
func (s *servers) dialOf(n int) overnats.Dial {
	d := s.dial
	d.URL, d.Name = s.flags.urls[n], overnats.NewID()
	d.Log = s.log.With("nats", d.URL)
	return d
}

// met hears that a server is there.
func (s *servers) met(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found, s.away[n] = true, absence{}
}

// missed hears why a server could not be worked for. It is an error where that does not
// pass, and where all of them are away and none was ever found. Else it is told once.
func (s *servers) missed(n int, err error) error {
	d := s.dialOf(n)
	now := absence{passing(err), explainNats(d, err)}
	if now.kind == nil {
		return now.err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.away[n]
	s.away[n] = now
	if all := s.allAway(); all != nil {
		return all
	}
	if now.kind != before.kind {
		d.Log.Warn("a server is away; it is looked for while another one is there", "cause", firstLine(now.err), "remedy", hintOf(now.err))
	}
	return nil
}

// allAway is why nobody can be worked for; nil: somebody is there, or may be. The caller holds mu.
func (s *servers) allAway() error {
	var all []error
	for _, a := range s.away {
		if s.found || a.kind == nil {
			return nil
		}
		all = append(all, a.err)
	}
	return errors.Join(all...)
}

// passing is the kind of an error that may pass; nil: it does not.
func passing(err error) error {
	for _, kind := range []error{overnats.ErrUnreachable, overnats.ErrNoServer} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}
