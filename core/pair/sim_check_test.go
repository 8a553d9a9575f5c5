package pair

import (
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Bounds of a schedule.
const (
	chaosTime  = 16 * time.Second
	settleTime = 10 * time.Second // from the end of all faults to a steady pair
	finishTime = 90 * time.Second // and to the last job
)

// live runs a whole schedule: bad times, good times, then the reckoning.
func (w *world) live() {
	for n := range 2 + w.dice.IntN(4) {
		w.newClient(n)
	}
	w.chaos(chaosTime)
	lonely := -1
	if w.chance(20) && !w.servers[0].manual {
		lonely = w.dice.IntN(2)
	}
	w.run(chaosTime, nil)
	if w.lonely = lonely; lonely >= 0 {
		w.forsake(w.servers[lonely])
	}
	w.heal()
	thawed := max(w.now, w.servers[0].frozen, w.servers[1].frozen)
	w.run(thawed+time.Second, nil)
	w.settle()
	healed := w.now
	w.run(healed+settleTime, w.steady)
	if !w.steady() {
		w.unsteady()
	}
	w.run(healed+finishTime, w.done)
	w.reckon()
}

// forsake gives up what only the server that will never return has.
func (w *world) forsake(s *server) {
	w.say("%s never comes back", s.id)
	for _, d := range w.docs {
		d.gone(s.n)
	}
}

// steady reports whether the pair has come to rest: each works on its own, or the
// one that is left on both.
func (w *world) steady() bool {
	for _, s := range w.servers {
		switch {
		case s.n == w.lonely:
		case !s.up || s.m.phase != Working:
			return false
		case w.lonely >= 0 && (s.m.stand != Ours || !s.m.busy):
			return false
		case w.lonely < 0 && (s.m.stand != Standby || !s.m.Protects()):
			return false
		}
	}
	return true
}

func (w *world) unsteady() {
	if len(w.broken) > 0 {
		return
	}
	for _, s := range w.servers {
		if s.up {
			w.breaks("%s is %s/%s, linked %v, reconciled %v, refused %q, %s after the last fault",
				s.id, s.m.phase, s.m.stand, s.m.linked(), s.m.reconciled, s.m.refused, settleTime)
		}
	}
}

// done reports whether all documents are acknowledged and all jobs have ended.
func (w *world) done() bool {
	for _, d := range w.docs {
		if !d.acked {
			return false
		}
	}
	for _, s := range w.servers {
		if s.up && (s.state.CountOpen() > 0 || len(s.pending) > 0 || w.lonely < 0 && len(s.disk.own) != len(s.peer().disk.copy)) {
			return false
		}
	}
	return true
}

// reckon holds the world against what was promised.
func (w *world) reckon() {
	if len(w.broken) > 0 {
		return
	}
	for _, d := range w.docs {
		w.account(d)
	}
	for key, times := range w.dest {
		w.say("delivered %s, asked %d times", key, times)
	}
	a, b := w.servers[0], w.servers[1]
	if w.lonely < 0 && a.state.Digest() != b.state.Digest() {
		w.breaks("the folds differ: %s", differ(a.state.String(), b.state.String()))
	}
}

// account looks for what became of a document.
func (w *world) account(d *doc) {
	if d.lost {
		w.acts.excused++
		return
	}
	if !d.acked {
		w.breaks("%s was never acknowledged", d.key)
		return
	}
	for _, s := range w.servers {
		if !s.up {
			continue
		}
		v, _, known := s.state.ByKey(d.key, core.Ref(d.key))
		if !known {
			w.breaks("%s was acknowledged and %s does not know it", d.key, s.id)
		} else if v.State != core.Completed || v.Pages.Done != d.pages {
			w.breaks("%s is %s on %s with %d of %d pages: %v", d.key, v.State, s.id, v.Pages.Done, d.pages, v.Reason)
		}
	}
	if w.dest[d.key+"/x"] == 0 {
		w.breaks("%s was never delivered", d.key)
	}
	for id := range d.ids {
		if w.dest[string(id)+"/x"] > 0 {
			w.breaks("%s was delivered under another key too: %s", d.key, id)
		}
	}
}

// differ is the first line in which two texts differ.
func differ(a, b string) string {
	la, lb := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(la), len(lb)) {
		if la[i] != lb[i] {
			return fmt.Sprintf("line %d\n%.300s\n%.300s", i+1, la[i], lb[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(la), len(lb))
}
