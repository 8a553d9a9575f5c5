package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/load"
	"github.com/twinleaf-scan/twinleaf/bench/robust/sink"
	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// result is what came of a round.
type result struct {
	tally history.Tally
	found []string                   // promises that were broken
	times map[string][]time.Duration // that the scene measured, by what they are
	took  time.Duration
}

// act is a round while it is played.
type act struct {
	*crew
	planned
	random *rand.Rand
	record *history.Record
	first  int // number of its first job
	times  map[string][]time.Duration
	found  []string // what the scene itself found wrong
}

func (a *act) find(format string, args ...any) {
	a.found = append(a.found, fmt.Sprintf(format, args...))
}

// play plays a round from a quiet pair to a quiet pair and judges it.
func (c *crew) play(ctx context.Context, p planned) result {
	began := time.Now()
	c.say("round %d: %s", p.number, p.scene.name)
	a := &act{crew: c, planned: p, random: c.random(p.number), record: c.begin(), first: int(c.job.Load()) + 1}
	err := c.muster(ctx, p.scene.disks)
	if err == nil {
		err = a.perform(ctx)
	}
	if c.pair != nil {
		a.readLogs()
	}
	if err == nil && c.o.tesseract {
		err = a.readJournals(ctx)
	}
	bounds := p.scene.bounds(c.o, p)
	bounds.Foreign = c.o.tesseract
	tally, found := history.Judge(a.record.Round(), bounds)
	found = append(found, a.found...)
	if err != nil && ctx.Err() == nil {
		found = append(found, err.Error())
	}
	if len(found) > 0 && ctx.Err() == nil {
		c.keep = true
		_ = c.dismiss() // its folder stays; the next round begins with a new pair
	}
	return result{tally, found, a.times, time.Since(began)}
}

// perform is the scene with clients at work all the while, and then quiet.
func (a *act) perform(ctx context.Context) error {
	busy, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	for n := range a.o.clients {
		clients.Go(func() { a.submit(ctx, busy, n) })
	}
	err := a.scene.play(ctx, a)
	stop()
	err = errors.Join(err, a.restore(ctx))
	clients.Wait()
	if err != nil {
		return err
	}
	if err := a.quiet(ctx); err != nil {
		return err
	}
	if a.o.alone || a.scene.parts {
		return nil
	}
	return a.lists(ctx)
}

// sessionLength is how many scans a client submits in one session.
const sessionLength = 12

// maxOpen is how many acknowledged jobs may wait before the clients submit one every
// trickle only: somebody has to find out that a server is away.
const (
	maxOpen     = 24
	maxOpenReal = 8 // with the real engine
	trickle     = 1200 * time.Millisecond
)

// submit submits job after job until busy ends.
func (a *act) submit(ctx, busy context.Context, n int) {
	client := a.client(n)
	random := rand.New(rand.NewPCG(a.o.seed, uint64(a.number)<<16|uint64(n)))
	most := maxOpen
	if a.o.tesseract {
		most = maxOpenReal
	}
	for count := 1; busy.Err() == nil; count++ {
		for began := time.Now(); a.record.Open() >= most && time.Since(began) < trickle && busy.Err() == nil; {
			_ = site.Pause(busy, 50*time.Millisecond) // Err says when it is over
		}
		if count%sessionLength == 0 {
			client.Begin(fmt.Sprintf("robust-%d-%d-%d", a.number, n, count))
		}
		a.one(ctx, client, 1+random.IntN(3))
		_ = site.Pause(busy, time.Duration(random.IntN(60))*time.Millisecond)
	}
}

// one submits one job. That nobody takes it in a minute and a half is a fault.
func (a *act) one(ctx context.Context, client *load.Client, pages int) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	job := int(a.job.Add(1))
	answer, err := client.Submit(ctx, job, pages)
	if err == nil {
		a.record.Answered(answer)
		return
	}
	if !errors.Is(err, context.Canceled) {
		a.record.Refused(fmt.Sprintf("job %d after %d tries: %v", job, answer.Tries, err))
	}
}

// restore undoes what a scene has left undone, so that quiet can come.
func (a *act) restore(ctx context.Context) error {
	if a.room != nil {
		if err := a.room.MendAll(ctx); err != nil {
			return err
		}
	}
	for _, s := range a.pair.Both() {
		if s.Ended() != nil || len(s.Faults) > 0 {
			s.Kill()
			s.Faults = nil
			if err := s.Start(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// quiet waits until every job has arrived and the pair protects again.
func (a *act) quiet(ctx context.Context) error {
	began := time.Now()
	err := site.Eventually(ctx, a.o.settle, "every job arrives", func(context.Context) error {
		for _, s := range a.pair.Both() {
			if err := s.Ended(); err != nil {
				return &site.Final{Err: err}
			}
		}
		if n := a.record.Open(); n > 0 {
			return fmt.Errorf("%d jobs have not arrived", n)
		}
		return nil
	})
	err = errors.Join(err, a.protected(ctx, a.o.settle))
	a.say("quiet after %v", time.Since(began).Round(time.Millisecond))
	return err
}

// lists takes down how both servers list the jobs of the round. They may need a moment to
// tell each other the last.
func (a *act) lists(ctx context.Context) error {
	var last map[string][]history.Listed
	err := site.Eventually(ctx, 20*time.Second, "both servers list the same", func(ctx context.Context) error {
		last = map[string][]history.Listed{}
		states := map[string]string{}
		for _, s := range a.pair.Both() {
			list, err := jobs(ctx, s, a.first)
			if err != nil {
				return err
			}
			last[s.Name] = list
			for _, l := range list {
				if l.State == "queued" || l.State == "running" {
					return fmt.Errorf("%s is %s on %s", l.ID, l.State, s.Name)
				}
				if other, ok := states[l.ID]; ok && other != l.State {
					return fmt.Errorf("%s is %s and %s", l.ID, other, l.State)
				}
				states[l.ID] = l.State
			}
		}
		if len(last[a.pair.Primary.Name]) != len(last[a.pair.Secondary.Name]) {
			return errors.New("the lists are not equally long")
		}
		return nil
	})
	for name, list := range last {
		a.record.Listed(name, list)
	}
	if err != nil {
		a.say("%v", err) // the judge says which
	}
	return nil
}

// jobs lists the jobs from a number on, as a server knows them.
func jobs(ctx context.Context, s *site.Server, first int) ([]history.Listed, error) {
	var out []history.Listed
	for after := ""; ; {
		var page struct {
			Jobs []struct {
				ID, Name, State string
				Error           struct{ Code, Detail string }
			}
			Next string
		}
		if err := s.Get(ctx, "/v1/jobs?limit=1000&after="+after, &page); err != nil {
			return nil, err
		}
		for _, j := range page.Jobs {
			if n := sink.Number(j.Name); n >= first {
				out = append(out, history.Listed{Job: n, ID: j.ID, State: j.State, Why: strings.TrimSpace(j.Error.Code + " " + j.Error.Detail)})
			}
		}
		if page.Next == "" || len(page.Jobs) == 0 {
			return out, nil
		}
		after = page.Next
	}
}
