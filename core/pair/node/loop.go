package node

import (
	"context"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// loop owns the machine. It never waits for a disk or for the network: a machine that
// is not asked in time counts as one that slept.
type loop struct {
	*Node
	verdicts pair.Verdicts
	health   pair.Health
	folded   journal.Seq // before the machine is there
	pending  []*order
	linked   bool
	counted  time.Time // until when unprotected time is counted
}

func (n *Node) loop(ctx context.Context) error {
	l := &loop{Node: n}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	ready, late := n.follower.ready, time.NewTimer(readyWithin)
	defer late.Stop()
	for {
		select {
		case <-ctx.Done():
			l.refuseOrders()
			return nil
		case err := <-n.fatal:
			l.refuseOrders()
			return err
		case <-ready:
			l.begin(ctx)
			ready = nil
		case <-late.C:
			if ready != nil {
				n.cfg.Log.Warn("the copy of the peer's journal is not folded yet; beginning without the rest")
				l.begin(ctx)
				ready = nil
			}
		case in := <-n.inputs:
			l.step(ctx, in)
		case o := <-n.orders:
			l.order(ctx, o)
		case <-ticker.C:
			l.tick(ctx)
		}
	}
}

// begin makes the machine of what both journals say.
func (l *loop) begin(ctx context.Context) {
	m := pair.New(l.cfg.Pair, l.past())
	l.mu.Lock()
	l.m = m
	l.mu.Unlock()
	l.verdicts, l.health = l.cfg.Verdicts(), l.cfg.Health()
	l.step(ctx, l.verdicts)
	l.step(ctx, l.health)
	l.step(ctx, pair.Folded{Seq: l.folded})
	l.tick(ctx)
}

// tick lets time pass and looks what changed.
func (l *loop) tick(ctx context.Context) {
	if l.m == nil {
		return
	}
	if v := l.cfg.Verdicts(); !same(v, l.verdicts) {
		l.verdicts = v
		l.step(ctx, v)
	}
	if h := l.cfg.Health(); h != l.health {
		l.health = h
		l.step(ctx, h)
	}
	l.step(ctx, pair.Tick{})
}

// same compares verdicts; two failures of the same words are one.
func same(a, b pair.Verdicts) bool {
	if a.Role != b.Role || a.Parity != b.Parity || (a.Licence == nil) != (b.Licence == nil) {
		return false
	}
	return a.Licence == nil || *a.Licence == *b.Licence
}

// step feeds the machine and does what it says.
func (l *loop) step(ctx context.Context, in pair.Input) {
	switch i := in.(type) {
	case pair.Folded:
		l.folded = i.Seq
	case pair.Appended, pair.AppendFailed:
		l.writer.heard()
	case drained:
		if !l.hands[which(i.Jobs)].current(i.round) {
			return
		}
		in = i.Drained
	}
	if l.m == nil {
		return // messages may be lost; the rest is asked for in begin
	}
	now := l.now()
	l.mu.Lock()
	outputs := l.m.Step(now, in)
	status := l.status()
	l.acks.Tick(now, l.protects())
	if r, is := in.(pair.Received); is && isHello(r.Message) && status.Linked {
		l.heard = now
	}
	l.mu.Unlock()
	for _, o := range outputs {
		l.do(ctx, o)
	}
	l.watch(now, status)
}

func isHello(m pair.Message) bool {
	_, is := m.(pair.Hello)
	return is
}

// watch looks at what the machine has become.
func (l *loop) watch(now time.Time, s pair.Status) {
	if l.linked && !s.Linked {
		l.shipper.cut()
	}
	l.linked = s.Linked
	if !l.counted.IsZero() && !s.UnprotectedSince.IsZero() {
		l.log.unprotected(now.Sub(l.counted))
	}
	l.counted = now
	l.answer(now, s)
}

// do does what the machine says, or has it done by those who may wait.
func (l *loop) do(ctx context.Context, o pair.Output) {
	switch o := o.(type) {
	case pair.Send:
		l.voices.say(o.Message)
	case pair.Meet:
		l.pusher.forget()
		l.shipper.meet()
	case pair.Append:
		l.writer.append(o.Body)
	case pair.Activate:
		l.hands[which(o.Jobs)].tell(begin)
	case pair.Stop:
		l.hands[which(o.Jobs)].tell(stop)
	case pair.Drain:
		l.hands[which(o.Jobs)].tell(drain)
	case pair.Note:
		l.note(o)
	case pair.FirstJob:
		l.firstJob(o)
	case pair.Refuse:
		l.refused(o.Why)
		l.refuseOrder(o.Why)
	}
}

func which(w pair.Whose) int {
	if w == pair.OwnJobs {
		return 0
	}
	return 1
}
