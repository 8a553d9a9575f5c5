package pair

import (
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Input is what a machine can be told.
type Input interface{ input() }

// Inputs of a machine.
type (
	// Tick only lets time pass. It comes at least every 100 ms.
	Tick struct{}

	// Received is a message of the peer, whose identity the transport has proven.
	Received struct{ Message Message }

	// Health is how the own services are.
	Health struct{ Web, Data bool }

	// Verdicts are what others found out about the pair.
	Verdicts struct {
		Role    Role
		Licence *core.Failure // why this server may not take over; nil: it may
		Parity  Parity
		Lacking bool // this server has no OCR engine, and the peer has one
	}

	// ClientCame says that a client came over because it could not submit to the peer.
	ClientCame struct{ Cause Cause }

	// Accepted says that a job was accepted here and is durable.
	Accepted struct {
		Job   core.JobID
		Cause Cause // why its client did not submit to the peer; empty: it did not say
	}

	// Command is an operator's.
	Command struct{ Do Order }

	// Appended says that an event is durable that the machine asked to append.
	Appended struct{ Body core.Body }

	// AppendFailed says that it is not, and will not be.
	AppendFailed struct{ Body core.Body }

	// Reconciled says that the own journal and the peer's copy of it agree: the own
	// tail is back, what the peer lacks is being shipped. It answers Meet.
	Reconciled struct{ Past Past }

	// Unfit says that they never will, and why: the journal is another pair's.
	Unfit struct{ Why *core.Failure }

	// Folded says how far the peer's journal is folded here.
	Folded struct{ Seq journal.Seq }

	// Drained says that nothing of the jobs is being worked on any more. It answers Drain.
	Drained struct{ Jobs Whose }
)

func (Tick) input()         {}
func (Received) input()     {}
func (Health) input()       {}
func (Verdicts) input()     {}
func (ClientCame) input()   {}
func (Accepted) input()     {}
func (Command) input()      {}
func (Appended) input()     {}
func (AppendFailed) input() {}
func (Reconciled) input()   {}
func (Unfit) input()        {}
func (Folded) input()       {}
func (Drained) input()      {}

// Parity is the verdict on the peer's jobs: may they run here?
type Parity string

// The verdicts of parity.
const (
	ParityUnknown Parity = ""        // never compared: nothing is taken over
	ParitySame    Parity = "same"    // all may
	ParityDiffers Parity = "differs" // jobs that need what differs are held, by the pipeline
)

// Order is what an operator can ask for.
type Order string

// The orders.
const (
	TakeOver       Order = "takeover"
	HandBack       Order = "handback"
	MaintenanceOn  Order = "maintenance on"
	MaintenanceOff Order = "maintenance off"
)

// Output is what a machine wants done. Outputs of one step are done in order.
type Output interface{ output() }

// Outputs of a machine.
type (
	// Send sends a message to the peer. Nothing is retried; the machine says it again.
	Send struct{ Message Message }

	// Meet asks to bring the own journal and the peer's copy of it together, see
	// [journal.Compare], and to ship from there on. Reconciled or Unfit answers it; a later
	// Meet makes an earlier one void.
	Meet struct{}

	// Append asks for an event. Appended or AppendFailed answers it.
	Append struct{ Body core.Body }

	// Activate lets the jobs be worked on. With ParityDiffers those that need what
	// differs are held.
	Activate struct {
		Jobs   Whose
		Parity Parity
	}

	// Stop begins nothing new of the jobs; what is under way ends as it may.
	Stop struct{ Jobs Whose }

	// Drain is Stop that is answered with Drained, within DrainTime: what is under way
	// then is interrupted, but a result that is being written is waited for.
	Drain struct{ Jobs Whose }

	// Note is for the log, the status and the metrics.
	Note struct {
		Name  string // constant text
		Cause Cause
		Epoch int
	}

	// FirstJob says that the first job since the primary was last well was accepted on
	// the secondary (GS34).
	FirstJob struct {
		Job   core.JobID
		Cause Cause // as the client told it; empty: it did not
	}

	// Refuse says what is not done, why, and what to do about it. Each reason is told
	// once until another takes its place.
	Refuse struct{ Why *core.Failure }
)

func (Send) output()     {}
func (Meet) output()     {}
func (Append) output()   {}
func (Activate) output() {}
func (Stop) output()     {}
func (Drain) output()    {}
func (Note) output()     {}
func (FirstJob) output() {}
func (Refuse) output()   {}
