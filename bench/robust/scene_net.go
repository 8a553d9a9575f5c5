package main

import (
	"context"
	"errors"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/room"
)

// cut drops what goes between two, in both directions.
func (a *act) cut(ctx context.Context, one, other string) error {
	a.say("cut %s from %s", one, other)
	return errors.Join(a.room.Cut(ctx, one, other), a.room.Cut(ctx, other, one))
}

func (a *act) mend(ctx context.Context) error {
	a.say("mend")
	return a.room.MendAll(ctx)
}

// apart is a time for which servers do not see each other: most often long enough to
// make both work.
func (a *act) apart(ctx context.Context) error {
	return a.rest(ctx, time.Second, 2*a.o.silence+3*time.Second)
}

func silence(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 2*time.Second); err != nil {
		return err
	}
	if err := a.cut(ctx, room.North, room.South); err != nil {
		return err
	}
	err := a.apart(ctx)
	return errors.Join(err, a.mend(ctx), a.rest(ctx, time.Second, 3*time.Second))
}

func oneWay(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 2*time.Second); err != nil {
		return err
	}
	from, to := room.North, room.South
	if a.random.IntN(2) == 0 {
		from, to = to, from
	}
	a.say("cut the way from %s to %s", from, to)
	if err := a.room.Cut(ctx, from, to); err != nil {
		return err
	}
	err := a.apart(ctx)
	return errors.Join(err, a.mend(ctx), a.rest(ctx, time.Second, 3*time.Second))
}

func flapping(ctx context.Context, a *act) error {
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end); {
		if err := a.rest(ctx, 100*time.Millisecond, 2*time.Second); err != nil {
			return err
		}
		if err := a.cut(ctx, room.North, room.South); err != nil {
			return err
		}
		err := a.rest(ctx, 100*time.Millisecond, 2*time.Second)
		if err := errors.Join(err, a.mend(ctx)); err != nil {
			return err
		}
	}
	return a.rest(ctx, time.Second, 2*time.Second)
}

// clientsCut is cause 1 as a client sees it: it cannot reach the primary, which is well and
// is seen to be well by the secondary. What comes over is the secondary's own job at once.
func clientsCut(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 2*time.Second); err != nil {
		return err
	}
	if err := a.cut(ctx, room.Clients, a.pair.Primary.Name); err != nil {
		return err
	}
	err := a.apart(ctx)
	return errors.Join(err, a.mend(ctx), a.rest(ctx, time.Second, 3*time.Second))
}

// island leaves the primary alone: without clients, secondary, and destination.
func island(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 2*time.Second); err != nil {
		return err
	}
	for _, who := range []string{room.Clients, a.pair.Secondary.Name, room.Desk} {
		if err := a.cut(ctx, a.pair.Primary.Name, who); err != nil {
			return err
		}
	}
	err := a.apart(ctx)
	return errors.Join(err, a.mend(ctx), a.rest(ctx, time.Second, 3*time.Second))
}
