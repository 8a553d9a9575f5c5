package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// What is measured, and the bounds of it.
const (
	primaryBack  = "primary active after its start"
	handedOver   = "maintenance handed over"
	returnBound  = 2 * time.Second
	handingBound = time.Second
)

// takeover kills the primary while all is well, leaves it away until the secondary works,
// and starts it again.
func takeover(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 3*time.Second); err != nil {
		return err
	}
	place := a.kill(a.pair.Primary, true)
	if err := site.Pause(ctx, a.o.silence+2500*time.Millisecond); err != nil {
		return err
	}
	if err := a.launch(a.pair.Primary, place); err != nil {
		return err
	}
	if err := a.returned(ctx); err != nil {
		return err
	}
	return a.rest(ctx, time.Second, 2*time.Second)
}

// returned measures how long a primary that has just been started takes to work again.
func (a *act) returned(ctx context.Context) error {
	began := time.Now()
	err := site.Eventually(ctx, 30*time.Second, "the primary works again", func(ctx context.Context) error {
		return working(ctx, a.pair.Primary)
	})
	if err == nil {
		a.measured(primaryBack, time.Since(began), returnBound)
	}
	return err
}

// working wants a server to be at its own jobs.
func working(ctx context.Context, s *site.Server) error {
	st, err := s.Status(ctx)
	if err == nil && st.Here.Phase != "working" {
		err = fmt.Errorf("%s: phase %s (%s)", s.Name, st.Here.Phase, st.Here.Cause)
	}
	return err
}

// maintenance is the planned kind: nothing may be done twice.
func maintenance(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 3*time.Second); err != nil {
		return err
	}
	switching := func(mode string) error {
		_, err := a.programs.Run(ctx, "pair", "maintenance", mode, "--server", a.pair.Primary.URL())
		return err
	}
	began := time.Now()
	if err := switching("on"); err != nil {
		return err
	}
	a.measured(handedOver, time.Since(began), handingBound)
	if err := a.rest(ctx, time.Second, 3*time.Second); err != nil {
		return err
	}
	if err := switching("off"); err != nil {
		return err
	}
	return a.rest(ctx, time.Second, 2*time.Second)
}

// restarts stops and starts both servers in turn, as an update does (EP13).
func restarts(ctx context.Context, a *act) error {
	for _, s := range a.pair.Both() {
		if err := a.rest(ctx, 500*time.Millisecond, 2*time.Second); err != nil {
			return err
		}
		a.say("restart %s", s.Name)
		s.Stop()
		if err := a.rest(ctx, 0, a.o.silence); err != nil {
			return err
		}
		if err := s.Start(ctx); err != nil {
			return err
		}
		if err := a.protected(ctx, 30*time.Second); err != nil {
			return err
		}
	}
	return a.rest(ctx, 500*time.Millisecond, time.Second)
}

// kills kills primary, secondary or both, again and again, now and then before a server
// has come back from the last time.
func kills(ctx context.Context, a *act) error {
	for done := 0; done < a.planned.kills; {
		if err := a.rest(ctx, 20*time.Millisecond, 900*time.Millisecond); err != nil {
			return err
		}
		n, err := a.strike(ctx)
		if err != nil {
			return err
		}
		done += n
	}
	return nil
}

// plain kills one server at a time, and only when the pair is well. It comes back at once,
// or after its jobs were taken over.
func plain(ctx context.Context, a *act) error {
	for range a.planned.kills {
		if err := a.protected(ctx, 30*time.Second); err != nil {
			return err
		}
		if err := a.rest(ctx, 200*time.Millisecond, time.Second); err != nil {
			return err
		}
		s := a.either()
		place := a.kill(s, true)
		away := between(a.random, 0, 500*time.Millisecond)
		if a.random.IntN(2) == 0 {
			away = between(a.random, a.o.silence, a.o.silence+2*time.Second)
		}
		if err := site.Pause(ctx, away); err != nil {
			return err
		}
		if err := a.launch(s, place); err != nil {
			return err
		}
	}
	return nil
}

// strike kills once, or both servers, and starts them again after a while.
func (a *act) strike(ctx context.Context) (n int, err error) {
	victims := a.pair.Both()
	switch dice := a.random.IntN(100); {
	case dice < 45:
		victims = victims[:1]
	case dice < 75:
		victims = victims[1:]
	case dice < 90:
		victims[0], victims[1] = victims[1], victims[0]
	}
	places := map[*site.Server]int{}
	for i, s := range victims {
		if i > 0 && a.random.IntN(2) == 0 {
			if err := a.rest(ctx, 0, 300*time.Millisecond); err != nil {
				return n, err
			}
		}
		places[s] = a.kill(s, false)
		n++
	}
	for _, s := range victims {
		away := between(a.random, 0, 400*time.Millisecond)
		if a.random.IntN(3) == 0 {
			away = between(a.random, 0, a.o.silence+1500*time.Millisecond)
		}
		if err := site.Pause(ctx, away); err != nil {
			return n, err
		}
		if err := a.launch(s, places[s]); err != nil {
			return n, err
		}
	}
	return n, nil
}

// freeze stops a server where it is, for less or for more than the silence.
func freeze(ctx context.Context, a *act) error {
	for range 3 {
		s := a.either()
		if a.random.IntN(3) > 0 {
			s = a.pair.Primary
		}
		if err := a.rest(ctx, time.Second, 2*time.Second); err != nil {
			return err
		}
		a.say("freeze %s", s.Name)
		if err := s.Freeze(); err != nil {
			return err
		}
		paused := a.rest(ctx, 200*time.Millisecond, 2*a.o.silence+2*time.Second)
		a.say("thaw %s", s.Name)
		if err := s.Thaw(); err != nil {
			return err
		}
		if paused != nil {
			return paused
		}
	}
	return a.rest(ctx, time.Second, 2*time.Second)
}
