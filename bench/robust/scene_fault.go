package main

import (
	"context"
	"errors"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// skew runs the secondary with a clock that is wrong. That may keep from synchronising
// settings, never from shipping jobs and from taking over.
func skew(ctx context.Context, a *act) error {
	if err := a.again(ctx, a.pair.Secondary, "clock=+5s"); err != nil {
		return err
	}
	err := a.protected(ctx, 30*time.Second)
	if err == nil {
		err = takeover(ctx, a)
	}
	return errors.Join(err, a.again(ctx, a.pair.Secondary))
}

// again restarts a server with faults, or without.
func (a *act) again(ctx context.Context, s *site.Server, faults ...string) error {
	a.say("restart %s with %v", s.Name, faults)
	s.Stop()
	s.Faults = faults
	return s.Start(ctx)
}

// fault makes one service of the primary fail, which alone has to be enough for the
// secondary to go on.
func fault(name string) func(context.Context, *act) error {
	return func(ctx context.Context, a *act) error {
		if err := a.rest(ctx, time.Second, 2*time.Second); err != nil {
			return err
		}
		s := a.pair.Primary
		a.say("restart %s with the fault %s", s.Name, name)
		s.Stop()
		s.Faults = []string{name}
		if err := s.Launch(); err != nil {
			return err
		}
		err := a.rest(ctx, a.o.silence+time.Second, a.o.silence+4*time.Second)
		return errors.Join(err, a.again(ctx, s), a.rest(ctx, time.Second, 2*time.Second))
	}
}
