package pair

import (
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// bench drives one machine, B unless said otherwise, against a peer that the test plays.
type bench struct {
	t    *testing.T
	m    *Machine
	now  time.Time
	peer View
	out  []Output // of everything since the last look
	said []Hello
}

func newBench(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	cfg := Config{Self: "B", Peer: "A", Pair: "p", Role: Secondary, Run: 7, Protocol: 1}
	if change != nil {
		change(&cfg)
	}
	b := &bench{t: t, now: start, m: New(cfg, Past{})}
	b.peer = View{
		Server: "A", Pair: "p", Role: Primary, Protocol: 1, Run: 3, Phase: Working, Able: true, Data: true, Web: true, Met: true,
	}
	b.step(Verdicts{Role: cfg.Role, Parity: ParitySame})
	return b
}

// step feeds the machine and answers what the surrounding would answer at once.
func (b *bench) step(in Input) {
	b.t.Helper()
	out := b.m.Step(b.now, in)
	b.out = append(b.out, out...)
	for _, o := range out {
		switch o := o.(type) {
		case Send:
			if h, ok := o.Message.(Hello); ok {
				b.said = append(b.said, h)
			}
		case Meet:
			b.step(Reconciled{Past{Taken: b.m.view().Taken}})
		case Append:
			b.step(Appended(o))
		case Drain:
			b.step(Drained(o))
		}
	}
}

// hello lets the peer answer the latest that the machine said.
func (b *bench) hello() {
	b.t.Helper()
	b.peer.Beat++
	if n := len(b.said); n > 0 {
		v := b.said[n-1].View
		b.peer.Echo = Echo{v.Run, v.Beat}
	}
	b.step(Received{Hello{b.peer, true}})
}

// pass lets time go by in ticks of 100 ms; with says whether the peer answers.
func (b *bench) pass(d time.Duration, with bool) {
	b.t.Helper()
	for end := b.now.Add(d); b.now.Before(end); {
		b.now = b.now.Add(100 * time.Millisecond)
		b.step(Tick{})
		if with {
			b.hello()
		}
	}
}

// well brings the pair to where both work.
func (b *bench) well() *bench {
	b.t.Helper()
	b.pass(500*time.Millisecond, true)
	if b.m.phase != Working || b.m.stand != Standby {
		b.t.Fatalf("a well pair is %s/%s", b.m.phase, b.m.stand)
	}
	b.out = nil
	return b
}

// took gives the cause of the takeover that began, empty if none did.
func (b *bench) took() Cause {
	for _, o := range b.out {
		if a, ok := o.(Append); ok {
			if began, ok := a.Body.(core.TakeoverBegan); ok {
				return Cause(began.Cause)
			}
		}
	}
	return ""
}

// refusals gives the codes of what was refused.
func (b *bench) refusals() []string {
	var codes []string
	for _, o := range b.out {
		if r, ok := o.(Refuse); ok {
			if r.Why.Detail == "" || r.Why.Remedy == "" {
				b.t.Errorf("refusal %q lacks its cause or its remedy: %+v", r.Why.Code, r.Why)
			}
			codes = append(codes, r.Why.Code)
		}
	}
	return codes
}

func (b *bench) wantRefused(code string) {
	b.t.Helper()
	got := b.refusals()
	if len(got) != 1 || got[0] != code {
		b.t.Errorf("refused %q, want %q once", got, code)
	}
}

func count[O Output](b *bench) int {
	n := 0
	for _, o := range b.out {
		if _, ok := o.(O); ok {
			n++
		}
	}
	return n
}

func has(b *bench, want Output) bool {
	for _, o := range b.out {
		if o == want {
			return true
		}
	}
	return false
}

// TestEachCauseAloneTakesOver is GS27 to GS31: each cause by itself, by its name.
func TestEachCauseAloneTakesOver(t *testing.T) {
	for _, c := range []struct {
		number string
		cause  Cause
		rests  bool
	}{
		{"GS27", Network, false}, {"GS28", Web, true}, {"GS29", Data, true}, {"GS30", Maintenance, true},
	} {
		t.Run(c.number, func(t *testing.T) {
			b := newBench(t, nil).well()
			if c.rests {
				b.peer.Phase, b.peer.Rest, b.peer.Idle = Resting, c.cause, true
				b.hello()
			} else {
				b.pass(3200*time.Millisecond, false)
			}
			if got := b.took(); got != c.cause {
				t.Fatalf("took over because of %q, want %q", got, c.cause)
			}
			if !has(b, Activate{PeerJobs, ParitySame}) {
				t.Error("the peer's jobs are not worked on")
			}
			if s := b.m.Status(); s.Cause != c.cause || s.Mode != ModeActive || s.Epoch != 1 {
				t.Errorf("status %+v", s)
			}
		})
	}
}

// TestSickServerLeavesItsJobs is the other side of GS28 to GS30.
func TestSickServerLeavesItsJobs(t *testing.T) {
	for _, c := range []struct {
		cause Cause
		tell  Input
		after time.Duration
	}{
		{Web, Health{Web: false, Data: true}, 1100 * time.Millisecond},
		{Data, Health{Web: true, Data: false}, 1100 * time.Millisecond},
		{Maintenance, Command{MaintenanceOn}, 0},
	} {
		b := newBench(t, nil).well()
		b.step(c.tell)
		b.pass(c.after, true)
		v := b.m.view()
		if v.Rest != c.cause || !v.Idle || !has(b, Drain{OwnJobs}) {
			t.Errorf("%s: the server says %+v", c.cause, v)
		}
	}
}

func TestHiccupOfAServiceIsNoCause(t *testing.T) {
	b := newBench(t, nil).well()
	for range 5 {
		b.step(Health{Web: false, Data: true})
		b.pass(700*time.Millisecond, true)
		b.step(Health{Web: true, Data: true})
		b.pass(200*time.Millisecond, true)
	}
	if b.m.phase != Working {
		t.Errorf("it is %s", b.m.phase)
	}
}

func TestSickServerWorksOnWhenItsPeerCannot(t *testing.T) {
	b := newBench(t, nil).well()
	b.peer.Able = false
	b.step(Health{Web: false, Data: true})
	b.pass(5*time.Second, true)
	if b.m.phase != Working {
		t.Errorf("it is %s", b.m.phase)
	}
}

func TestSilenceIsShorterWhenAClientCameOver(t *testing.T) {
	for _, c := range []struct {
		evidence bool
		after    time.Duration
		want     Cause
	}{
		{false, 2800 * time.Millisecond, ""},
		{false, 3200 * time.Millisecond, Network},
		{true, 900 * time.Millisecond, ""},
		{true, 1300 * time.Millisecond, Network},
	} {
		b := newBench(t, nil).well()
		if c.evidence {
			b.step(ClientCame{Network})
		}
		b.pass(c.after, false)
		if got := b.took(); got != c.want {
			t.Errorf("evidence %v, %s of silence: took over because of %q, want %q", c.evidence, c.after, got, c.want)
		}
	}
}

func TestClientAloneIsNoCause(t *testing.T) {
	b := newBench(t, nil).well()
	for range 20 {
		b.step(ClientCame{Network})
		b.pass(300*time.Millisecond, true)
	}
	if got := b.took(); got != "" {
		t.Errorf("took over from a peer that is well: %s", got)
	}
}

func TestVerdictsStandInTheWay(t *testing.T) {
	licence := &core.Failure{Code: "licence", Detail: "no licence of role 04", Remedy: "activate one"}
	for name, c := range map[string]struct {
		change func(*Config)
		tell   Input
		code   string
	}{
		"parity unknown": {nil, Verdicts{Role: Secondary}, CodeParity},
		"no licence":     {nil, Verdicts{Role: Secondary, Parity: ParitySame, Licence: licence}, "licence"},
		"manual":         {func(c *Config) { c.Manual = true }, Tick{}, CodeManual},
		"sick itself":    {nil, Health{Web: true, Data: false}, CodeUnwell},
		"in maintenance": {nil, Command{MaintenanceOn}, CodeUnwell},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.change).well()
			b.step(c.tell)
			b.out = nil
			b.pass(6*time.Second, false)
			if got := b.took(); got != "" {
				t.Errorf("took over because of %q", got)
			}
			b.wantRefused(c.code)
		})
	}
}

func TestDifferenceOfParityGoesAlongWithTheJobs(t *testing.T) {
	b := newBench(t, nil).well()
	b.step(Verdicts{Role: Secondary, Parity: ParityDiffers})
	b.pass(4*time.Second, false)
	if !has(b, Activate{PeerJobs, ParityDiffers}) {
		t.Errorf("outputs %+v", b.out)
	}
}

func TestManualPolicyLeavesItToTheOperator(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Manual = true }).well()
	b.pass(6*time.Second, false)
	b.step(Command{TakeOver})
	if got := b.took(); got != Operator {
		t.Errorf("took over because of %q, want operator", got)
	}
}

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
	if b.m.phase != Working {
		t.Errorf("as a secondary it is %s", b.m.phase)
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
}

// TestFirstJobOnTheSecondaryIsTold is GS34.
func TestFirstJobOnTheSecondaryIsTold(t *testing.T) {
	b := newBench(t, nil).well()
	b.pass(4*time.Second, false)
	b.step(Accepted{"B-1"})
	b.step(Accepted{"B-2"})
	if count[FirstJob](b) != 1 || !has(b, FirstJob{"B-1"}) {
		t.Errorf("outputs %+v", b.out)
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
