package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// replaced is the worst day and what the handbook says of it: nothing is left of the
// primary. The secondary ends its jobs, is made a primary, and forms a pair with a new
// server.
func replaced(ctx context.Context, a *act) error {
	if err := a.rest(ctx, time.Second, 3*time.Second); err != nil {
		return err
	}
	dead, left := a.pair.Primary, a.pair.Secondary
	st, err := dead.Status(ctx)
	if err != nil {
		return err
	}
	a.kill(dead, true)
	a.record.DiskLost(history.Lost{Server: dead.Name, At: time.Now()})
	if err := os.RemoveAll(dead.DataDir()); err != nil {
		return err
	}
	err = site.Eventually(ctx, 60*time.Second, left.Name+" ends the jobs of "+dead.Name, func(ctx context.Context) error {
		return ended(ctx, left, st.Here.ID)
	})
	if err != nil {
		return err
	}
	if _, err := a.programs.Run(ctx, "pair", "leave", "--server", left.URL()); err != nil {
		return err
	}
	a.say("%s is alone, %s is set up anew", left.Name, dead.Name)
	if err := errors.Join(a.reach(dead), dead.Start(ctx)); err != nil { // it is no server for clients before it is one of the pair
		return err
	}
	a.pair.Primary, a.pair.Secondary = left, dead
	if err := left.Await(ctx, 30*time.Second); err != nil {
		return err
	}
	if err := a.pair.License(ctx); err != nil {
		return err
	}
	if err := a.pair.Form(ctx); err != nil {
		return err
	}
	if err := a.compare(ctx); err != nil {
		return err
	}
	return a.rest(ctx, time.Second, 3*time.Second)
}

// ended wants no job of a server that is gone to be open any more.
func ended(ctx context.Context, on *site.Server, of string) error {
	for _, state := range []string{"queued", "running", "held"} {
		var list struct {
			Jobs []struct{ ID string }
		}
		if err := on.Get(ctx, "/v1/jobs?limit=1000&state="+state, &list); err != nil {
			return err
		}
		for _, j := range list.Jobs {
			if strings.HasPrefix(j.ID, of) {
				return fmt.Errorf("%s is %s", j.ID, state)
			}
		}
	}
	return nil
}
