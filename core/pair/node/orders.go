package node

import (
	"context"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// obeyWithin is how long Do waits for an order to be carried out.
const obeyWithin = 2 * time.Second

// order is what an operator asked for.
type order struct {
	do     pair.Order
	since  time.Time
	answer chan *core.Failure // takes one
}

// Do tells the machine what an operator asks for, and why it is not done; nil: it is,
// or is under way. It is waited for: the jobs are with whom they are to be when Do returns,
// or that takes longer than two seconds.
func (n *Node) Do(ctx context.Context, do pair.Order) *core.Failure {
	o := &order{do: do, answer: make(chan *core.Failure, 1)}
	select {
	case n.orders <- o:
	case <-n.stopped:
		return stopping()
	case <-ctx.Done():
		return stopping()
	}
	select {
	case why := <-o.answer:
		return why
	case <-n.stopped:
		return stopping()
	case <-ctx.Done():
		return stopping()
	}
}

func stopping() *core.Failure {
	return &core.Failure{Code: core.CodeMaintenance, Detail: "the server is stopping, or was not given the time to answer", Remedy: "look at the pair's status and try again"}
}

// starting is the answer to those who come before the machine is there.
func starting(self string) *core.Failure {
	return &core.Failure{
		Code:   pair.CodeStarting,
		Detail: "server \"" + self + "\" has begun and is reading what its peer wrote",
		Remedy: "try again in a few seconds, or submit to its peer",
	}
}

// order feeds an order. The tick before it takes with it whatever the clock has to say,
// so that a refusal in the next step is the order's.
func (l *loop) order(ctx context.Context, o *order) {
	if l.m == nil {
		o.answer <- starting(l.cfg.Pair.Self)
		return
	}
	l.step(ctx, pair.Tick{})
	o.since = l.now()
	l.pending = append(l.pending, o)
	l.step(ctx, pair.Command{Do: o.do})
}

// answer answers the orders that are carried out, or take too long.
func (l *loop) answer(now time.Time, s pair.Status) {
	l.pending = slices.DeleteFunc(l.pending, func(o *order) bool {
		waited := now.Sub(o.since)
		done := o.done(s) || waited >= obeyWithin || waited < 0
		if done {
			o.answer <- nil
		}
		return done
	})
}

// done reports whether an order that was not refused is carried out.
func (o *order) done(s pair.Status) bool {
	switch o.do {
	case pair.MaintenanceOn:
		return s.Mode == pair.ModeMaintenance && (!s.Linked || s.Peer.Taken > 0)
	case pair.MaintenanceOff:
		return s.Mode != pair.ModeMaintenance && s.Mode != pair.ModeDraining
	case pair.TakeOver:
		return s.Stand == pair.Ours
	case pair.HandBack:
		return s.Stand == pair.Standby
	}
	return true
}

// refuseOrder answers the orders that a refusal is about.
func (l *loop) refuseOrder(why *core.Failure) {
	l.pending = slices.DeleteFunc(l.pending, func(o *order) bool {
		about := o.do == pair.TakeOver || why.Code == pair.CodePeerResting || why.Code == core.CodeDataDown
		if about {
			o.answer <- why
		}
		return about
	})
}

func (l *loop) refuseOrders() {
	for _, o := range l.pending {
		o.answer <- stopping()
	}
	l.pending = nil
}
