package node

import (
	"context"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// task is what is done with the jobs of a server.
type task int

const (
	idle task = iota
	begin
	stop
	drain
)

// hands do with the jobs of one server what the machine said last.
type hands struct {
	whose pair.Whose
	wake  chan struct{}

	mu     sync.Mutex         // guards the fields below
	next   task               // idle: nothing new
	round  int                // counts what was said
	cancel context.CancelFunc // of what is being done
}

// drained is pair.Drained of one round; that of an earlier one is void.
type drained struct {
	pair.Drained
	round int
}

func newHands(w pair.Whose) hands { return hands{whose: w, wake: signal()} }

// tell says what is to be done from now on. What was said before counts no more: a
// drain that is under way is not answered.
func (h *hands) tell(t task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = t
	h.round++
	if h.cancel != nil {
		h.cancel()
	}
	wake(h.wake)
}

// current reports whether nothing was said since that round.
func (h *hands) current(round int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.round == round
}

// take gives what is to be done and its round, with a context that ends when something
// else is.
func (h *hands) take(ctx context.Context) (context.Context, task, int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cancel != nil {
		h.cancel()
	}
	t := h.next
	h.next = idle
	ctx, h.cancel = context.WithCancel(ctx)
	return ctx, t, h.round
}

// serve is the goroutine of the hands.
func (n *Node) serve(ctx context.Context, h *hands) {
	defer h.tell(idle)
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		n.handle(ctx, h)
	}
}

func (n *Node) handle(ctx context.Context, h *hands) {
	during, what, round := h.take(ctx)
	switch what {
	case begin:
		if h.whose == pair.OwnJobs {
			n.takeBackFirst(during)
		}
		if during.Err() == nil {
			n.cfg.Work.Work(h.whose)
		}
	case stop:
		n.cfg.Work.Stop(h.whose)
	case drain:
		n.drain(during, h.whose, round)
	}
}

// drain drains, and tells so unless something else was said meanwhile.
func (n *Node) drain(ctx context.Context, jobs pair.Whose, round int) {
	for {
		err := n.cfg.Work.Drain(ctx, jobs, pair.DrainTime)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			n.feed(ctx, drained{pair.Drained{Jobs: jobs}, round})
			return
		}
		n.cfg.Log.Warn("the jobs could not be drained; trying again", "jobs", string(jobs), "err", err)
		if !pause(ctx, 200*time.Millisecond) {
			return
		}
	}
}
