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
