package pair

import (
	"fmt"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// server is one machine of the world. Only disk survives a crash.
type server struct {
	w      *world
	n      int
	id     string
	disk   disk
	web    bool
	manual bool
	skew   time.Duration // of its clock

	run    int
	up     bool
	frozen time.Duration // until when

	m       *Machine
	inputs  []Input
	busy    bool // stepping
	state   *core.State
	pending []write
	acks    Acks
	keys    map[string]bool // Idempotency-Keys that are being written
	seqs    map[core.JobID]journal.Seq

	ship ship
	jobs [2]jobs // own, peer
	runs map[core.TaskKey]*flight
}

func (s *server) peer() *server { return s.w.servers[1-s.n] }

func (s *server) clock() time.Time { return start.Add(s.w.now + s.skew) }

func (s *server) tell(format string, a ...any) {
	if s.w.tells {
		s.w.say("%s: %s", s.id, fmt.Sprintf(format, a...))
	}
}

// awake does something now, or when the server has thawed; never while it is down.
func (s *server) awake(what func()) {
	switch {
	case !s.up:
	case s.frozen > s.w.now:
		s.w.after(s.frozen-s.w.now, func() { s.awake(what) })
	default:
		what()
	}
}

// after does something later in the same run.
func (s *server) after(d time.Duration, what func()) {
	run := s.run
	s.w.after(d, func() {
		s.awake(func() {
			if s.run == run {
				what()
			}
		})
	})
}

// boot starts the server from its disk.
func (s *server) boot() {
	if s.up || s.w.lonely == s.n {
		return
	}
	s.up, s.run, s.frozen = true, s.run+1, 0
	s.state = &core.State{}
	s.disk.events(s.fold)
	s.pending, s.acks, s.keys = nil, Acks{bug: s.w.mutant}, map[string]bool{}
	s.seqs = map[core.JobID]journal.Seq{}
	for i, e := range s.disk.own {
		if _, ok := e.event.Body.(core.JobSubmitted); ok {
			s.seqs[e.event.Job] = journal.Seq(i + 1)
		}
	}
	s.ship, s.jobs, s.runs = ship{}, [2]jobs{}, map[core.TaskKey]*flight{}
	s.inputs, s.busy = nil, false
	s.m = New(Config{
		Self: s.id, Peer: s.peer().id, Pair: "p", Role: s.role(), Run: uint64(s.run), Manual: s.manual, bug: s.w.mutant,
	}, s.past())
	s.tell("starts, run %d, own %d, copy %d", s.run, len(s.disk.own), len(s.disk.copy))
	s.step(Verdicts{Role: s.role(), Parity: ParitySame})
	s.step(Folded{journal.Seq(len(s.disk.copy))})
	s.tick()
}

func (s *server) role() Role { return []Role{Primary, Secondary}[s.n] }

func (s *server) past() Past { return PastOf(s.state, s.id, s.peer().id) }

// crash ends the run; what was not durable is gone.
func (s *server) crash() {
	if !s.up {
		return
	}
	s.tell("crashes")
	s.crashed()
	s.up, s.run = false, s.run+1
}

func (s *server) tick() {
	s.step(Health{Web: s.web, Data: !s.disk.full})
	s.step(Tick{})
	s.acks.Tick(s.clock(), s.m.Protects())
	s.ship.tick(s)
	s.work()
	s.after(100*time.Millisecond, s.tick)
}

// step feeds the machine and does what it says.
func (s *server) step(in Input) {
	s.inputs = append(s.inputs, in)
	if s.busy {
		return
	}
	s.busy = true
	for len(s.inputs) > 0 {
		in, s.inputs = s.inputs[0], s.inputs[1:]
		phase, stand := s.m.phase, s.m.stand
		outputs := s.m.Step(s.clock(), in)
		if s.m.phase != phase || s.m.stand != stand {
			s.tell("%T: %s/%s -> %s/%s (%s)", in, phase, stand, s.m.phase, s.m.stand, s.m.Status().Cause)
		}
		for _, o := range outputs {
			s.do(o)
		}
		s.checkFold()
	}
	s.busy = false
}

func (s *server) do(o Output) {
	switch o := o.(type) {
	case Send:
		s.send(o.Message)
	case Meet:
		s.ship.meet(s)
	case Append:
		s.append("", o.Body, func(ok bool, _ journal.Seq) {
			if ok {
				s.step(Appended(o))
			} else {
				s.step(AppendFailed(o))
			}
		})
	case Activate:
		s.activate(o.Jobs)
	case Stop:
		s.tell("stops %s jobs", o.Jobs)
		s.jobs[which(o.Jobs)].active = false
	case Drain:
		s.drain(o.Jobs)
	case Note:
		s.tell("note: %s %s %d", o.Name, o.Cause, o.Epoch)
	case FirstJob:
		s.w.acts.firsts++
	case Refuse:
		s.tell("refuses: %s", o.Why.Detail)
		if o.Why.Detail == "" || o.Why.Remedy == "" {
			s.w.breaks("%s refuses (%s) without a reason or a remedy", s.id, o.Why.Code)
		}
	}
}

// send fills in the end of the journal and lets the message go.
func (s *server) send(msg Message) {
	switch msg := msg.(type) {
	case Hello:
		msg.View.End = s.disk.own.End().Seq
		s.w.hello(s, msg)
	case GiveBack:
		msg.End = s.disk.own.End().Seq
		s.w.carry(s, func(to *server) { to.step(Received{msg}) })
	default:
		s.w.carry(s, func(to *server) { to.step(Received{msg}) })
	}
}

// checkFold holds the machine against the fold: who works on the peer's jobs has written so.
func (s *server) checkFold() {
	epoch, _, taken := s.state.TakenOver(s.peer().id)
	if s.m.stand == Ours && s.m.busy && s.m.reconciled && (!taken || epoch != s.m.taken) && !s.m.asked {
		s.w.breaks("%s works on its peer's jobs in epoch %d, but the fold says %d, %v", s.id, s.m.taken, epoch, taken)
	}
}
