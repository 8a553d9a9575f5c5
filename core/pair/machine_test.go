package pair

import (
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

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
