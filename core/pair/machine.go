package pair

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Config says which server of which pair the machine is. The durations have defaults.
type Config struct {
	Self, Peer string // server ids
	Pair       string // id of the pair
	Role       Role
	Protocol   int    // generation of what the servers say to each other
	Run        uint64 // differs from start to start; never 0

	Manual   bool          // take over when an operator says so, or the peer is put into maintenance, only
	Silence  time.Duration // T: so long nothing is heard before the peer's jobs are taken over; default 3 s
	Evidence time.Duration // so long when a client came over, and so long the link counts as up; default 1 s
	Beat     time.Duration // between two hellos; default 300 ms

	bug bug // only in tests: what the machine is to do wrong
}

// DrainTime is how long work that is under way may go on after Drain.
const DrainTime = 800 * time.Millisecond

func (c Config) withDefaults() Config {
	if c.Silence == 0 {
		c.Silence = 3 * time.Second
	}
	if c.Evidence == 0 {
		c.Evidence = time.Second
	}
	if c.Beat == 0 {
		c.Beat = 300 * time.Millisecond
	}
	return c
}

// Machine decides what one server of a pair does. It is not safe for concurrent use.
type Machine struct {
	cfg   Config
	clock clock
	ear   ear
	out   []Output

	// The own jobs.
	phase      Phase
	reconciled bool          // journal and copy agree on this link
	restored   bool          // appending is safe: reconciled once, or alone for long enough
	idle       bool          // while Resting: drained
	rest       Cause         // while Resting
	returns    uint64        // while Returning: the first hello that says so; only an answer to it tells what the peer has
	returned   int           // epoch of the last takeover that the peer handed back
	waits      time.Duration // from when it waits for the peer on its way to work
	barrier    journal.Seq   // of the peer's journal
	folded     journal.Seq   // of the peer's journal

	// The peer's jobs.
	stand   Stand
	busy    bool          // they are worked on here
	epoch   int           // highest of any takeover
	taken   int           // while not Standby: epoch of the takeover
	cause   Cause         // of it
	asked   bool          // they are to be given back
	ordered bool          // an operator wants them here
	retry   time.Duration // not before: the last append failed

	// What is known beside.
	verdicts Verdicts
	health   Health
	sick     [2]time.Duration // since when data and web are down, 0: up
	wellAt   time.Duration    // since when data is up again
	evidence bool             // a client came over since the peer was last heard
	mode     string           // ModeMaintenance, or anything else
	modes    int              // number of the last change
	lent     bool             // an operator wants the own jobs to be the peer's
	lentAt   time.Duration    // since when; without a takeover it lapses
	well     bool             // the peer worked on its jobs when it was last heard
	firstJob bool             // told of
	came     Cause            // for which clients came over; told of
	refused  string           // code of what is refused
	hindered string           // code of what was last in the way of a takeover

	beat     uint64
	nextBeat time.Duration
	shown    View
	downAt   time.Time // since when the link is down, as the clock says; for people only
}

// New makes a machine of what the fold knows. It waits in Meeting for its first Step.
func New(cfg Config, past Past) *Machine {
	m := &Machine{
		cfg: cfg.withDefaults(), phase: Meeting, stand: Standby,
		health: Health{Web: true, Data: true}, verdicts: Verdicts{Role: cfg.Role},
	}
	m.remember(past)
	return m
}

// Step takes one input at a time of the server's own clock, and says what to do. It
// may be called at any time; a clock that goes back does no harm.
func (m *Machine) Step(now time.Time, in Input) []Output {
	m.out = nil
	slept, back := m.clock.to(now)
	if back {
		m.note("the clock went back; that time counts as none", "", 0)
	}
	if slept {
		m.wake()
	}
	m.take(in)
	for m.ownStep() || m.peerStep() {
	}
	m.watchLink(now)
	m.greet()
	return m.out
}

// take takes in what the input says.
func (m *Machine) take(in Input) {
	switch in := in.(type) {
	case Received:
		m.receive(in.Message)
	case Health:
		m.feel(in)
	case Verdicts:
		m.verdicts = in
	case ClientCame:
		m.evidence = true
		m.cameOver(in.Cause)
	case Accepted:
		m.accepted(in)
	case Command:
		m.command(in.Do)
	case Appended:
		m.appended(in.Body)
	case AppendFailed:
		m.appendFailed(in.Body)
	case Reconciled:
		m.reconciled, m.restored = true, true
		m.remember(in.Past)
	case Unfit:
		m.ear.foe(m.clock.awake, View{})
		m.refuse(in.Why)
	case Folded:
		m.folded = in.Seq
	case Drained:
		m.drained(in.Jobs)
	}
}

// receive takes in a message of the peer.
func (m *Machine) receive(msg Message) {
	switch msg := msg.(type) {
	case Hello:
		m.hear(msg)
	case AskBack:
		m.askedBack(msg)
	case GiveBack:
		m.givenBack(msg)
	case AskRest:
		m.lent, m.lentAt = m.linked(), m.clock.awake
	case AskReturn:
		m.lent = false
	}
}

// remember takes in what the fold says: after a restore it may say more than before.
func (m *Machine) remember(p Past) {
	m.epoch = max(m.epoch, p.Epoch)
	if p.ModeCount > m.modes {
		m.mode, m.modes = p.Mode, p.ModeCount
	}
	switch {
	case p.Taken > 0 && (m.stand == Standby || m.stand == Ours && p.Taken > m.taken):
		m.stand, m.taken = Ours, p.Taken
	case p.Taken == 0 && m.stand == Ours:
		m.asked = true // the fold knows of a later hand-back
	}
}

// feel takes in how the own services are.
func (m *Machine) feel(h Health) {
	if h.Data && !m.health.Data {
		m.wellAt = m.clock.awake
	}
	m.health = h
	for i, up := range []bool{h.Data, h.Web} {
		switch {
		case up:
			m.sick[i] = 0
		case m.sick[i] == 0:
			m.sick[i] = max(m.clock.awake, 1)
		}
	}
}

// down reports whether a service has been down for so long that it is no hiccup.
func (m *Machine) down(since time.Duration) bool {
	return since > 0 && m.clock.awake-since >= m.cfg.Evidence
}

// cameOver tells that clients come over, once for each cause until the peer is well.
func (m *Machine) cameOver(why Cause) {
	if why != m.came {
		m.came = why
		m.note("a client came over", why, 0)
	}
}

// accepted tells of the first job on the secondary.
func (m *Machine) accepted(in Accepted) {
	if m.verdicts.Role == Secondary && !m.firstJob && (in.Cause != "" || !m.peerWell()) {
		m.firstJob = true
		m.say(FirstJob(in))
	}
}

func (m *Machine) say(o Output) { m.out = append(m.out, o) }

func (m *Machine) note(name string, cause Cause, epoch int) { m.say(Note{name, cause, epoch}) }

// watchLink keeps since when the peer is not there.
func (m *Machine) watchLink(now time.Time) {
	switch {
	case m.Protects():
		m.downAt = time.Time{}
	case m.downAt.IsZero():
		m.downAt = now
	}
}

// Protects reports whether what is appended now is expected to reach the peer: else
// there is no use in waiting for it before a client is answered.
func (m *Machine) Protects() bool { return m.linked() && m.reconciled }

// Status is how the machine stands, for people.
type Status struct {
	Mode  string `json:"mode"`
	Cause Cause  `json:"cause,omitempty"` // of a takeover or of the rest
	Role  Role   `json:"role"`
	Phase Phase  `json:"phase"` // of the own jobs
	Stand Stand  `json:"stand"` // of the peer's
	Epoch int    `json:"epoch"`

	Linked           bool      `json:"linked"`
	UnprotectedSince time.Time `json:"unprotectedSince,omitzero"`
	Refused          string    `json:"refused,omitempty"` // code of what is refused, for as long as it is
	Peer             View      `json:"peer"`              // as it was last heard
}

// Status gives the machine's status.
func (m *Machine) Status() Status {
	s := Status{
		Mode: m.Mode(), Role: m.verdicts.Role, Phase: m.phase, Stand: m.stand, Epoch: m.epoch,
		Linked: m.linked(), UnprotectedSince: m.downAt, Refused: m.refused, Peer: m.ear.view,
	}
	switch {
	case m.phase == Resting:
		s.Cause = m.rest
	case m.stand != Standby:
		s.Cause = m.cause
	}
	return s
}

// Mode is the health item of that name.
func (m *Machine) Mode() string {
	switch {
	case m.mode == ModeMaintenance && m.phase == Resting && m.idle && !m.busy:
		return ModeMaintenance
	case m.phase == Resting && (!m.idle || m.mode == ModeMaintenance), m.mode == ModeMaintenance:
		return ModeDraining
	case m.phase != Working:
		return ModeStandby
	case m.verdicts.Role == Primary || m.stand == Ours && m.busy:
		return ModeActive
	}
	return ModeStandby
}
