package pair

import (
	"fmt"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestNoPairIsFormedWithAStranger(t *testing.T) {
	for code, change := range map[string]func(*View){
		CodeOtherVersion: func(v *View) { v.Protocol = 2 },
		CodeOtherPair:    func(v *View) { v.Pair = "q" },
		CodeSameServer:   func(v *View) { v.Server = "B" },
		CodeStranger:     func(v *View) { v.Server = "C" },
	} {
		t.Run(code, func(t *testing.T) {
			b := newBench(t, nil)
			change(&b.peer)
			b.pass(6*time.Second, true)
			b.wantRefused(code)
			if b.took() != "" || count[Meet](b) > 0 || b.m.phase != Working {
				t.Errorf("phase %s, outputs %+v", b.m.phase, b.out)
			}
		})
	}
}

func TestStrangerThatHasTheJobsKeepsAServerFromThem(t *testing.T) {
	b := newBench(t, nil)
	b.peer.Protocol, b.peer.Taken = 2, 4
	b.pass(10*time.Second, true)
	if b.m.phase == Working {
		t.Error("it works on jobs that a newer peer says it works on")
	}
}

func TestJournalOfAnotherPairIsRefused(t *testing.T) {
	b := newBench(t, nil).well()
	b.step(Unfit{refusal(CodeOtherPair, "join them anew", "the copy is of another journal")})
	b.wantRefused(CodeOtherPair)
}

func TestReturningSecondPrimaryStaysOut(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Role = Primary })
	b.pass(2*time.Second, true)
	b.wantRefused(CodeSecondPrimary)
	if b.m.phase != Out || has(b, Activate{OwnJobs, ParitySame}) {
		t.Fatalf("it is %s", b.m.phase)
	}
	if why := b.m.Admit(Request{Failover: Network}); why == nil || why.Code != CodeSecondPrimary {
		t.Errorf("Admit: %v", why)
	}
	b.step(Verdicts{Role: Secondary, Parity: ParitySame})
	b.pass(time.Second, true)
	if b.m.phase != Working || b.m.Status().Refused != "" {
		t.Errorf("as a secondary it is %s, and %q is refused", b.m.phase, b.m.Status().Refused)
	}
}

func TestOfTwoWorkingPrimariesOneStays(t *testing.T) {
	for self, want := range map[string]Phase{"B": Out, "0": Working} {
		b := newBench(t, func(c *Config) { c.Role, c.Self = Primary, self })
		b.pass(4*time.Second, false)
		b.pass(2*time.Second, true)
		if b.m.phase != want {
			t.Errorf("%s against A: it is %s, want %s", self, b.m.phase, want)
		}
	}
}

func TestClockThatGoesBackDoesNoHarm(t *testing.T) {
	b := newBench(t, nil).well()
	b.now = b.now.Add(-5 * time.Second)
	b.pass(2*time.Second, true)
	if b.took() != "" || b.m.phase != Working || !has(b, Note{"the clock went back; that time counts as none", "", 0}) {
		t.Errorf("phase %s, outputs %+v", b.m.phase, b.out)
	}
	b.pass(3500*time.Millisecond, false)
	if b.took() != Network {
		t.Error("and afterwards silence counts no more")
	}
}

func TestSleepIsNoSilence(t *testing.T) {
	b := newBench(t, nil).well()
	b.now = b.now.Add(time.Hour)
	b.step(Tick{})
	if b.took() != "" || !has(b, Stop{OwnJobs}) || b.m.phase != Meeting {
		t.Errorf("after a sleep it is %s: %+v", b.m.phase, b.out)
	}
	b.pass(time.Second, true)
	if b.m.phase != Working || b.took() != "" {
		t.Errorf("after listening it is %s", b.m.phase)
	}
}

func TestOldEchoIsSilence(t *testing.T) {
	b := newBench(t, nil).well()
	old := b.peer.Echo
	for range 40 {
		b.now = b.now.Add(100 * time.Millisecond)
		b.step(Tick{})
		b.peer.Beat, b.peer.Echo = b.peer.Beat+1, old
		b.step(Received{Hello{b.peer, false}})
	}
	if b.took() != Network {
		t.Error("a peer that hears nothing counts as there")
	}
}

// TestReturnIsRestoreThenHandBackThenBarrier is the order of the return.
func TestReturnIsRestoreThenHandBackThenBarrier(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Self, c.Peer, c.Role = "A", "B", Primary })
	b.peer.Server, b.peer.Role, b.peer.Taken, b.peer.End = "B", Secondary, 4, 50
	b.pass(time.Second, true)
	if b.m.phase != Returning || !has(b, Send{AskBack{7, b.m.beat, 4}}) {
		t.Fatalf("it is %s: %+v", b.m.phase, b.out)
	}
	b.step(Received{GiveBack{Run: 2, Epoch: 4, End: 1}}) // of an earlier run
	b.step(Received{GiveBack{Run: 3, Epoch: 3, End: 1}}) // of an earlier takeover
	if b.m.phase != Returning {
		t.Fatalf("a stale answer makes it %s", b.m.phase)
	}
	b.step(Received{GiveBack{Run: 3, Epoch: 4, End: 60}})
	b.step(Folded{59})
	if b.m.phase != Barrier || has(b, Activate{OwnJobs, ParitySame}) {
		t.Fatalf("before the barrier it is %s", b.m.phase)
	}
	b.step(Folded{60})
	if b.m.phase != Working || !has(b, Activate{OwnJobs, ParitySame}) {
		t.Fatalf("behind the barrier it is %s", b.m.phase)
	}
}

func TestJobsAreGivenBackWhenAsked(t *testing.T) {
	b := newBench(t, nil).well()
	b.pass(4*time.Second, false)
	b.peer.Phase, b.peer.Run, b.peer.Beat = Returning, 4, 0
	b.hello()
	b.out = nil
	b.step(Received{AskBack{4, b.peer.Beat, 1}})
	if !has(b, Drain{PeerJobs}) || !has(b, Append{core.HandedBack{Epoch: 1, Of: "A"}}) || !has(b, Send{GiveBack{Run: 7, Epoch: 1}}) {
		t.Fatalf("outputs %+v", b.out)
	}
	b.out = nil
	b.step(Received{AskBack{4, b.peer.Beat, 1}})
	if !has(b, Send{GiveBack{Run: 7, Epoch: 1}}) {
		t.Error("asked again it does not answer again")
	}
}

func TestMaintenanceOutlastsARestart(t *testing.T) {
	m := New(Config{Self: "B", Peer: "A", Role: Secondary, Run: 1}, Past{Mode: ModeMaintenance, ModeCount: 1})
	m.Step(start, Tick{})
	if m.phase != Resting || m.Mode() == ModeStandby {
		t.Errorf("it is %s, mode %s", m.phase, m.Mode())
	}
}

func TestMaintenanceOfBothIsRefused(t *testing.T) {
	b := newBench(t, nil).well()
	b.peer.Phase, b.peer.Rest, b.peer.Idle = Resting, Maintenance, true
	b.hello()
	b.out = nil
	b.step(Command{MaintenanceOn})
	b.wantRefused(CodePeerResting)
	if b.m.mode == ModeMaintenance {
		t.Error("it is in maintenance all the same")
	}
	if s := b.m.Status(); s.Refused != "" {
		t.Errorf("the status goes on to say %q to everybody", s.Refused)
	}
}

func TestWhatIsMendedIsRefusedNoMore(t *testing.T) {
	b := newBench(t, nil).well()
	b.step(Health{Web: false, Data: true})
	b.peer.Phase, b.peer.Rest, b.peer.Idle = Resting, Maintenance, true
	b.pass(time.Second, true)
	if s := b.m.Status(); s.Refused != CodeUnwell {
		t.Fatalf("refused %q, want %q", s.Refused, CodeUnwell)
	}
	b.peer.Phase, b.peer.Rest, b.peer.Idle = Working, "", false
	b.pass(time.Second, true)
	if s := b.m.Status(); s.Refused != "" {
		t.Errorf("refused %q, and there is nothing to take over", s.Refused)
	}
}

// TestFirstJobOnTheSecondaryIsTold is GS34.
func TestFirstJobOnTheSecondaryIsTold(t *testing.T) {
	b := newBench(t, nil).well()
	b.pass(4*time.Second, false)
	b.step(Accepted{"B-1", Web})
	b.step(Accepted{"B-2", Network})
	if count[FirstJob](b) != 1 || !has(b, FirstJob{"B-1", Web}) {
		t.Errorf("outputs %+v", b.out)
	}
}

// TestJobsThatComeWithoutFailoverAreNoFirstOnes: those of devices and of open sessions.
func TestJobsThatComeWithoutFailoverAreNoFirstOnes(t *testing.T) {
	b := newBench(t, nil).well()
	for n := range 3 {
		b.step(Accepted{Job: core.JobID(fmt.Sprint("B-", n))})
		b.pass(time.Second, true)
	}
	if n := count[FirstJob](b); n != 0 {
		t.Errorf("%d of them are first jobs of a failover", n)
	}
	for range 3 {
		b.step(Accepted{"B-9", Network}) // a client that alone cannot reach the primary
		b.pass(time.Second, true)
	}
	if n := count[FirstJob](b); n != 1 {
		t.Errorf("the first job of a client that came over was told %d times", n)
	}
}

// TestClientsThatComeOverAreToldOnce: a thousand of them must not push everything else that
// happened out of the status.
func TestClientsThatComeOverAreToldOnce(t *testing.T) {
	b := newBench(t, nil).well()
	b.pass(4*time.Second, false)
	for range 10 {
		b.step(ClientCame{Network})
	}
	b.step(ClientCame{Web})
	told := Note{"a client came over", Network, 0}
	if !has(b, told) || !has(b, Note{told.Name, Web, 0}) {
		t.Errorf("outputs %+v", b.out)
	}
	n := 0
	for _, o := range b.out {
		if o == told {
			n++
		}
	}
	if n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestUnprotectedSinceIsShown(t *testing.T) {
	b := newBench(t, nil).well()
	if s := b.m.Status(); !s.UnprotectedSince.IsZero() || !b.m.Protects() {
		t.Fatalf("a well pair shows %+v", s)
	}
	b.pass(2*time.Second, false)
	since := b.m.Status().UnprotectedSince
	b.pass(2*time.Second, false)
	if got := b.m.Status().UnprotectedSince; since.IsZero() || got != since || b.m.Protects() {
		t.Errorf("unprotected since %s, then %s", since, got)
	}
}

func TestEarlierRunOfThePeerIsHeardNoMore(t *testing.T) {
	b := newBench(t, nil).well()
	b.pass(300*time.Millisecond, true)
	old := b.peer
	b.pass(400*time.Millisecond, false)
	b.peer.Run, b.peer.Beat = 4, 0
	b.hello()
	old.Beat, old.Phase, old.Rest, old.Idle = old.Beat+1, Resting, Maintenance, true
	b.step(Received{Hello{old, false}})
	if b.took() != "" || !b.m.Hears(4) {
		t.Errorf("a hello that was late made it take over: %+v", b.out)
	}
}

func TestServerWithoutEngineLeavesItsJobsToThePeer(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Role = Primary })
	b.peer.Role, b.peer.Able = Secondary, true
	b.well()
	b.step(Verdicts{Role: Primary, Parity: ParitySame, Lacking: true})
	b.pass(time.Second, true)
	if b.m.phase != Resting || b.m.Status().Cause != Engine {
		t.Fatalf("it is %s because of %q", b.m.phase, b.m.Status().Cause)
	}
	b.peer.Able = false
	b.pass(time.Second, true)
	if b.m.phase == Resting {
		t.Error("it rests although nobody would work")
	}
}
