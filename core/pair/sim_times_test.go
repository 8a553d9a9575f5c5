package pair

import (
	"testing"
	"time"
)

// calm is a world without clients and faults, a while after its start.
func calm(t *testing.T, seed uint64) *world {
	t.Helper()
	w := newWorld(seed, noBug, true)
	for _, s := range w.servers {
		s.manual = false
	}
	w.run(2*time.Second, nil)
	if !w.steady() {
		t.Fatalf("seed %d: the pair is not steady after 2 s:\n%s", seed, w.trace.String())
	}
	return w
}

// until gives how long it takes until something is so.
func (w *world) until(t *testing.T, what string, is func() bool) time.Duration {
	t.Helper()
	from := w.now
	w.run(from+20*time.Second, is)
	if len(w.broken) > 0 || !is() {
		t.Fatalf("%s: not within 20 s; %q\n%s", what, w.broken, w.trace.String())
	}
	return w.now - from
}

// TestTakeoverAndReturnAreInTime holds the machine's own share of the times against
// their bounds: silence to takeover within T and a half, maintenance to hand-over and
// start to return within half a second and one, with work of up to 0.9 s a page.
func TestTakeoverAndReturnAreInTime(t *testing.T) {
	for seed := range uint64(50) {
		w := calm(t, seed)
		a, b := w.servers[0], w.servers[1]
		for n := range 4 {
			w.newClient(n)
		}
		w.run(8*time.Second, nil)
		within := func(what string, bound time.Duration, is func() bool) {
			t.Helper()
			if took := w.until(t, what, is); took > bound {
				t.Errorf("seed %d: %s took %s, bound %s\n%s", seed, what, took, bound, w.trace.String())
			}
		}
		a.step(Command{MaintenanceOn})
		within("maintenance to hand-over", DrainTime+200*time.Millisecond, func() bool { return b.jobs[1].active })
		a.step(Command{MaintenanceOff})
		within("return from maintenance", DrainTime+200*time.Millisecond, func() bool { return a.jobs[0].active })
		a.crash()
		within("crash to takeover", 3500*time.Millisecond, func() bool { return b.jobs[1].active })
		a.boot()
		within("start to work", DrainTime+700*time.Millisecond, func() bool { return a.jobs[0].active })
	}
}
