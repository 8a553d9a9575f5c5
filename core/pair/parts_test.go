package pair

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// made is a chain of entries with the numbers.
func made(nth ...int) chain {
	var c chain
	for _, n := range nth {
		c = append(c, c.next(core.Event{}, n))
	}
	return c
}

// TestTheCopyIsComparedAsOnRealServers holds the simulation's chains to what it decides with.
func TestTheCopyIsComparedAsOnRealServers(t *testing.T) {
	for _, c := range []struct {
		name      string
		own, copy chain
		want      journal.Standing
	}{
		{"nothing at all", nil, nil, journal.CopyBehind},
		{"the copy is new", made(1, 2), nil, journal.CopyBehind},
		{"the copy is behind", made(1, 2, 3), made(1, 2), journal.CopyBehind},
		{"the copy is level", made(1, 2), made(1, 2), journal.CopyBehind},
		{"the own tail is lost", made(1), made(1, 2, 3), journal.CopyAhead},
		{"the own disk is lost", nil, made(1, 2, 3), journal.CopyAhead},
		{"another tail was written", made(1, 7, 8), made(1, 2), journal.CopyForked},
		{"another tail was written, and it is shorter", made(1, 7), made(1, 2, 3), journal.CopyForked},
	} {
		if got, err := journal.Compare(t.Context(), c.own, c.copy); err != nil || got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.name, got, err, c.want)
		}
	}
}

func TestAcks(t *testing.T) {
	var a Acks
	var got []string
	add := func(now time.Time, seq journal.Seq, linked bool) {
		a.Add(now, seq, linked, func(protected bool) { got = append(got, fmt.Sprint(seq, protected)) })
	}
	a.Shipped(3)
	add(start, 3, true)
	add(start, 4, false)
	add(start, 5, true)
	add(start.Add(500*time.Millisecond), 6, true)
	a.Tick(start.Add(900*time.Millisecond), true)
	a.Shipped(5)
	a.Tick(start.Add(1500*time.Millisecond), true)
	add(start.Add(2*time.Second), 7, true)
	a.Tick(start.Add(2*time.Second), false)
	add(start.Add(3*time.Second), 8, true)
	a.Tick(start, true)
	want := []string{"3 true", "4 false", "5 true", "6 false", "7 false", "8 false"}
	if !slices.Equal(got, want) {
		t.Errorf("answers %q, want %q", got, want)
	}
}

// TestSessionEndsWithLogOutOrAfterTenMinutes is GS6.
func TestSessionEndsWithLogOutOrAfterTenMinutes(t *testing.T) {
	var s Sessions
	s.Touch("ann", start)
	s.Touch("bob", start)
	s.End("bob")
	if !s.Open("ann", start.Add(9*time.Minute)) || s.Open("bob", start) || s.Open("eve", start) {
		t.Error("after nine minutes only ann is here")
	}
	if s.Open("ann", start.Add(10*time.Minute)) || s.Count(start) != 1 || s.Count(start.Add(time.Hour)) != 0 {
		t.Error("after ten minutes nobody is here")
	}
	for n := range 3 * maxSessions {
		s.Touch(fmt.Sprint(n), start.Add(time.Duration(n)))
	}
	if len(s.seen) > maxSessions {
		t.Errorf("%d sessions are kept", len(s.seen))
	}
}

func TestStandbyTakesWhoCouldNotReachTheOther(t *testing.T) {
	well := newBench(t, nil).well().m
	down := newBench(t, nil).well()
	down.pass(2*time.Second, false)
	sick := newBench(t, nil).well()
	sick.step(Health{Web: true, Data: false})
	closed := newBench(t, nil).well()
	closed.step(Command{MaintenanceOn})
	for _, c := range []struct {
		name string
		m    *Machine
		r    Request
		code string
	}{
		{"the peer is well", well, Request{}, CodeStandby},
		{"could not reach it", well, Request{Failover: Network}, ""},
		{"session is here", well, Request{Bound: true}, ""},
		{"a device", well, Request{Device: true}, ""},
		{"the peer is down", down.m, Request{}, ""},
		{"no disk", sick.m, Request{Failover: Network}, core.CodeDataDown},
		{"maintenance", closed.m, Request{Failover: Network, Device: true}, core.CodeMaintenance},
		{"just begun", New(Config{}, Past{}), Request{Failover: Network}, CodeStarting},
	} {
		got := ""
		if why := c.m.Admit(c.r); why != nil {
			got = why.Code
		}
		if got != c.code {
			t.Errorf("%s: %q, want %q", c.name, got, c.code)
		}
	}
}
