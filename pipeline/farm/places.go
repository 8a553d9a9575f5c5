package farm

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// waiter is a page that waits for a place.
type waiter struct {
	seat    chan *member // holds one; nil: a place of this server
	abroad  bool         // it may go to a worker
	tried   []*member    // workers that gave no text
	strikes int          // workers that neither read nor refused it
	failed  bool         // one of them did not just leave
}

const (
	patience   = 10 * time.Second // for a place; then whoever has the page begins it again later
	maxStrikes = 2                // workers that a page may be lost with
)

// strike notes that a worker gave no text. Two that neither refused it nor were busy may have died of the page: it stays here.
func (w *waiter) strike(m *member, err error) {
	w.tried = append(w.tried, m)
	if errors.Is(err, ErrBasis) || errors.Is(err, ErrBusy) {
		return
	}
	w.strikes++
	w.failed = w.failed || !errors.Is(err, ErrGone)
	w.abroad = w.abroad && w.strikes < maxStrikes
}

// sit waits for a place; nil is one of this server.
func (p *Pool) sit(ctx context.Context, w *waiter) (*member, error) {
	p.mu.Lock()
	p.queue = append(p.queue, w)
	p.deal()
	p.mu.Unlock()
	wait := time.NewTimer(patience)
	defer wait.Stop()
	var err error
	select {
	case m := <-w.seat:
		return m, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-wait.C:
		err = core.ErrNoPlace
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = slices.DeleteFunc(p.queue, func(o *waiter) bool { return o == w })
	select {
	case m := <-w.seat: // it came in the same moment
		if ctx.Err() == nil {
			return m, nil
		}
		p.vacate(m)
		p.deal()
	default:
		p.tell(err)
	}
	return nil, err
}

// tell says now and then that pages wait. The caller holds mu.
func (p *Pool) tell(err error) {
	if now := time.Now(); errors.Is(err, core.ErrNoPlace) && now.Sub(p.told) > time.Minute {
		p.told = now
		p.log.Warn("pages wait for a place to be read in", "waiting", len(p.queue)+1, "places", p.places, "workers", len(p.members))
	}
}

// deal gives places to those who wait, while there are any. The caller holds mu.
func (p *Pool) deal() {
	p.queue = slices.DeleteFunc(p.queue, func(w *waiter) bool {
		m, ok := p.place(w)
		if !ok {
			return false
		}
		if m == nil {
			p.busy++
		} else {
			m.busy++
		}
		w.seat <- m
		return true
	})
}

// place finds a place for a page: a free one here, or at the worker that has the least to
// do for what it can, and where nobody else will have it the last resort. The caller holds mu.
func (p *Pool) place(w *waiter) (m *member, ok bool) {
	if p.busy < p.places {
		return nil, true
	}
	if w.abroad {
		if m := p.freest(w.tried); m != nil {
			return m, true
		}
	}
	return nil, p.places == 0 && p.busy == 0 && (!w.abroad || w.failed)
}

// freest is the worker that has the least to do for what it can; nil: none has a place. The
// caller holds mu.
func (p *Pool) freest(but []*member) (best *member) {
	var least float64
	for _, m := range p.members {
		slots := m.slots()
		if m.busy >= slots || slices.Contains(but, m) {
			continue
		}
		if load := float64(m.busy) / float64(slots); best == nil || load < least {
			best, least = m, load
		}
	}
	return best
}

// release gives a place back without a word on who had it.
func (p *Pool) release(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.vacate(m)
	p.deal()
}

// vacate gives a place back. The caller holds mu.
func (p *Pool) vacate(m *member) {
	if m == nil {
		p.busy--
	} else {
		m.busy--
	}
}

// stand gives a place back, and notes what came of the page there.
func (p *Pool) stand(m *member, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.vacate(m)
	if m != nil {
		m.note(err)
		if err != nil {
			level := slog.LevelWarn
			if errors.Is(err, ErrBusy) {
				level = slog.LevelDebug
			}
			p.log.Log(context.Background(), level, "a worker gave no text", "worker", m.Name(), "err", err, "rests", max(time.Until(m.rests), 0).Round(time.Second), "left", m.left)
			p.Look()
		}
	}
	p.deal()
}
