package pair

import (
	"testing"
	"time"
)

// shadow lets time go by while the peer answers and another run speaks beside it.
func (b *bench) shadow(d time.Duration, v *View) {
	b.t.Helper()
	for end := b.now.Add(d); b.now.Before(end); {
		v.Beat++
		b.step(Received{Hello{*v, false}})
		b.pass(300*time.Millisecond, true)
	}
}

// TestACopiedServerIsNotThePeer: the data folder was copied and both run. The one that
// was there first stays the peer; the other one is told.
func TestACopiedServerIsNotThePeer(t *testing.T) {
	b := newBench(t, nil).well()
	copied := b.peer
	copied.Run, copied.Beat, copied.Echo = 99, 0, Echo{}
	b.shadow(5*time.Second, &copied)
	b.wantRefused(CodeCopiedServer)
	if !b.m.linked() || b.m.phase != Working || b.m.stand != Standby {
		t.Errorf("linked %v, %s, %s: the peer itself is well", b.m.linked(), b.m.phase, b.m.stand)
	}
	if why := b.m.Twin(99); why == nil || why.Code != CodeCopiedServer {
		t.Errorf("the copy is told %v", why)
	}
	if why := b.m.Twin(b.peer.Run); why != nil {
		t.Errorf("the peer is told %v", why)
	}
	b.pass(4*time.Second, true)
	if s := b.m.Status(); s.Refused != "" || b.m.Twin(99) != nil {
		t.Errorf("the copy is gone, and %q is refused", s.Refused)
	}
}

func TestAPeerThatStartsAgainIsNoCopy(t *testing.T) {
	b := newBench(t, nil).well()
	late := b.peer
	b.peer.Run, b.peer.Beat = 99, 0
	for range 20 {
		late.Beat++
		b.step(Received{Hello{late, false}}) // of the former run, come late
		b.pass(300*time.Millisecond, true)
	}
	if why := b.m.Twin(99); why != nil || !b.m.linked() || b.m.ear.view.Run != 99 {
		t.Errorf("the peer's new run is told %v; linked %v with %d", why, b.m.linked(), b.m.ear.view.Run)
	}
}

// TestACopyThatIsToldWorksOnNothing: neither on the jobs of the server of which it is a copy
// nor on those of the peer.
func TestACopyThatIsToldWorksOnNothing(t *testing.T) {
	b := newBench(t, nil)
	for range 100 {
		b.step(Unfit{refusal(CodeCopiedServer, "stop one", "two servers speak as this one")})
		b.pass(100*time.Millisecond, false)
	}
	if b.m.phase == Working || b.m.stand != Standby || b.m.Admit(Request{Failover: Network}) == nil {
		t.Errorf("it is %s and %s", b.m.phase, b.m.stand)
	}
}
