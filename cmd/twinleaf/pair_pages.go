package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// While both servers of a pair are at parity, the standby reads pages of the primary's
// jobs. What it read stays in its cache: after a takeover it is not read again.

// reading reads pages for the other server, as a link.Reader. What is under way when the
// other server dies is read to its end, for this one will need it.
type reading struct {
	read   func(ctx context.Context, t farm.Task) (farm.Answer, error)
	places func() int

	life context.Context // of all that is read
	end  context.CancelFunc
	busy sync.WaitGroup
	done atomic.Int64 // pages that were read

	mu  sync.Mutex // guards now
	now int        // pages under way
}

func newReading(read func(context.Context, farm.Task) (farm.Answer, error), places func() int) *reading {
	p := &reading{read: read, places: places}
	p.life, p.end = context.WithCancel(context.Background())
	return p
}

// stop ends what is under way and takes nothing more.
func (p *reading) stop() {
	p.mu.Lock()
	p.end()
	p.mu.Unlock()
	p.busy.Wait()
}

// Places implements link.Reader.
func (p *reading) Places() int { return min(p.places(), link.MaxPages) }

// Page implements link.Reader.
func (p *reading) Page(ctx context.Context, raw []byte) ([]byte, error) {
	t, err := farm.DecodeTask(raw)
	if err != nil {
		return nil, core.Refuse(core.CodeBadRequest, "install the same version on both servers", "%v", err)
	}
	if !p.enter() {
		return nil, farm.AsFailure(farm.ErrBusy)
	}
	answers := make(chan func() ([]byte, error), 1)
	go func() {
		defer p.leave()
		during, stop := context.WithTimeout(p.life, t.Options.Limits.WithDefaults().PageTimeout)
		defer stop()
		a, err := p.read(during, t)
		if err != nil {
			answers <- func() ([]byte, error) { return nil, farm.AsFailure(err) }
			return
		}
		p.done.Add(1)
		answers <- a.Encode
	}()
	select {
	case answer := <-answers:
		return answer()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (p *reading) enter() bool {
	places := p.Places()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now >= places || p.life.Err() != nil {
		return false
	}
	p.now++
	p.busy.Add(1)
	return true
}

func (p *reading) leave() {
	p.mu.Lock()
	p.now--
	p.mu.Unlock()
	p.busy.Done()
}

// reader reads pages for the other server with the engine of this one.
func (m *paired) reader(e *engine) *reading {
	crew := farm.Answering(secretsHost{e.host, e.secrets}, e.host, e.kept.again(), e.blobs.Temp)
	return newReading(func(ctx context.Context, t farm.Task) (farm.Answer, error) {
		if err := crew.Check(ctx, t); err != nil {
			return farm.Answer{}, err
		}
		if err := m.node.Heal(ctx, t.Image.Ref); err != nil {
			return farm.Answer{}, err
		}
		path, err := e.blobs.Path(t.Image.Ref)
		if err != nil {
			return farm.Answer{}, err
		}
		return crew.Answer(ctx, t, path)
	}, func() int { return m.spare(e.workers) })
}

// spare is how many of the primary's pages this server would read at once: as many as it
// has workers while it is the standby and has nothing else to do.
func (m *paired) spare(workers int) int {
	s := m.node.Status()
	if s.Role != pair.Secondary || s.Peer.Role != pair.Primary || s.Peer.Phase != pair.Working || !m.apart(s.Status) || s.Mode == pair.ModeDraining {
		return 0
	}
	if m.part.live.health().Mode.State == pair.ModeDraining || m.busy() {
		return 0
	}
	return workers
}

// apart reports whether each server has its own jobs, they hear each other, nothing but
// warnings is between them, and this one's licence lets it work as it can.
func (m *paired) apart(s pair.Status) bool {
	parity, _ := m.checker.verdict()
	return s.Linked && s.Stand == pair.Standby && s.Peer.Taken == 0 && parity == pair.ParitySame && !m.pipe.Limited()
}

// busy reports whether this server is at work on a job.
func (m *paired) busy() bool {
	for _, s := range m.pipe.Stats().Stages {
		if s.Running > 0 {
			return true
		}
	}
	return false
}

// helper is the other server as a worker, for as long as it is one.
type helper struct {
	name  string
	link  *link.Client
	slots atomic.Int64
	alive context.Context
}

// Name implements farm.Worker.
func (h *helper) Name() string { return h.name }

// Slots implements farm.Worker.
func (h *helper) Slots() int { return int(h.slots.Load()) }

// Recognize implements farm.Worker.
func (h *helper) Recognize(ctx context.Context, t farm.Task) (farm.Answer, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(h.alive, func() { stop(farm.ErrGone) })()
	raw, err := json.Marshal(t)
	if err != nil {
		return farm.Answer{}, err
	}
	text, err := h.link.Page(ctx, raw)
	if h.alive.Err() != nil && err != nil {
		return farm.Answer{}, fmt.Errorf("%w: %w", farm.ErrGone, err)
	}
	if err != nil {
		return farm.Answer{}, farm.FromFailure(err)
	}
	return farm.DecodeAnswer(text)
}

// helperName is that of the other server among the workers. No other worker has a space in
// its name.
func (m *paired) helperName() string { return "standby " + m.formed.Peer.Name }

// hired makes the other server a worker, until leave. What it has by then it reads to its end,
// for as long as it is alive.
func (m *paired) hired(pool *farm.Pool, slots int, alive context.Context) (h *helper, leave func()) {
	h = &helper{name: m.helperName(), link: m.client, alive: alive}
	h.slots.Store(int64(slots))
	return h, pool.Join(h)
}

// worker is the other server as a worker of this one; nil: it is none.
func (m *paired) worker() *api.PairWorker {
	for _, w := range m.farm.Workers() {
		if w.Name == m.helperName() {
			return &api.PairWorker{Slots: w.Slots, Busy: w.Busy, Pages: w.Pages, Failures: w.Failures, Problem: w.Problem}
		}
	}
	return nil
}

// hearing is while the other server is heard.
type hearing struct {
	alive context.Context
	end   context.CancelFunc
}

func newHearing(ctx context.Context) hearing {
	var h hearing
	h.alive, h.end = context.WithCancel(ctx)
	return h
}

const (
	hireLook = 200 * time.Millisecond // between two looks at whether the other server may be a worker
	hireAsk  = time.Second            // between two questions how many pages it takes
)

// hire has the other server read pages while it may, until ctx ends. A page that it has when
// this server goes into maintenance comes back first: nobody begins it anew.
func (m *paired) hire(ctx context.Context, pool *farm.Pool) error {
	var h *helper
	leave := func() {}
	heard := newHearing(ctx)
	defer func() { leave(); heard.end() }()
	var asked time.Time
	look := time.NewTicker(hireLook)
	defer look.Stop()
	for {
		s := m.node.Status()
		wanted := s.Role == pair.Primary && s.Phase == pair.Working && s.Peer.Role == pair.Secondary && m.apart(s.Status)
		if !s.Linked {
			heard.end()
		}
		switch {
		case !wanted && h != nil:
			leave()
			h, leave = nil, func() {}
		case wanted && time.Since(asked) >= hireAsk:
			asked = time.Now()
			n, err := m.client.Places(ctx)
			if err != nil && !errors.Is(err, link.ErrUnreachable) {
				n = 0 // an older one does not know the question
			}
			if h == nil && n > 0 && err == nil {
				if heard.alive.Err() != nil {
					heard = newHearing(ctx)
				}
				h, leave = m.hired(pool, n, heard.alive)
			}
			if h != nil && h.slots.Swap(int64(n)) != int64(n) {
				pool.Look()
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}
