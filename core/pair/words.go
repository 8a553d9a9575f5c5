package pair

import (
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Role is what a server is licensed for.
type Role string

// The roles.
const (
	Primary   Role = "primary"   // key 03: writes the settings, preferred by clients
	Secondary Role = "secondary" // key 04
)

// Cause is why the jobs of a server are, or should be, another's.
type Cause string

// The causes.
const (
	Network     Cause = "network"     // GS27: it does not answer
	Web         Cause = "web"         // GS28: its web service is down
	Data        Cause = "data"        // GS29: its journal or blob store is down
	Maintenance Cause = "maintenance" // GS30
	Operator    Cause = "operator"    // a person asked for it
	Engine      Cause = "engine"      // GS24: the OCR engine is on the other server only
)

// Modes of a server, as its health tells them (GS31).
const (
	ModeActive      = "active"
	ModeStandby     = "standby"
	ModeMaintenance = "maintenance"
	ModeDraining    = "draining"
)

// Phase is where a server stands with its own jobs.
type Phase string

// The phases, see the package comment.
const (
	Meeting   Phase = "meeting"   // looks for the peer
	Restoring Phase = "restoring" // takes its own lost tail back
	Returning Phase = "returning" // asks for its jobs
	Barrier   Phase = "barrier"   // folds what the peer did
	Working   Phase = "working"
	Resting   Phase = "resting"
	Out       Phase = "out"
)

// Stand is where a server stands with the jobs of its peer.
type Stand string

// The stands, see the package comment.
const (
	Standby Stand = "standby"
	Taking  Stand = "taking"
	Ours    Stand = "ours"
	Giving  Stand = "giving"
	Closing Stand = "closing"
)

// Whose are the jobs that an output speaks of.
type Whose string

// The jobs of a server, by the server that accepted them.
const (
	OwnJobs  Whose = "own"
	PeerJobs Whose = "peer"
)

// View is what a server tells of itself with every hello. The zero View is nobody's.
type View struct {
	Server   string `json:"server"`
	Pair     string `json:"pair"` // id that both were given when the pair was formed
	Role     Role   `json:"role"`
	Protocol int    `json:"protocol"`

	Run  uint64 `json:"run"`  // differs from start to start; never 0
	Beat uint64 `json:"beat"` // counts what this run has said
	Echo Echo   `json:"echo"` // the latest that it heard

	Phase Phase `json:"phase"`
	Rest  Cause `json:"rest,omitempty"`  // why it wants its jobs to be taken over; empty: it does not
	Idle  bool  `json:"idle,omitempty"`  // nothing of its own jobs is being worked on
	Able  bool  `json:"able,omitempty"`  // it would take over the peer's jobs when asked
	Data  bool  `json:"data"`            // its data service is up
	Web   bool  `json:"web"`             // its web service is up
	Met   bool  `json:"met,omitempty"`   // its journal and the peer's copy of it agree since they heard each other
	Taken int   `json:"taken,omitempty"` // epoch of its takeover of the peer's jobs; 0: they are not taken
	Epoch int   `json:"epoch,omitempty"` // highest it knows

	// End of its own journal; whoever sends the view fills it in at that moment.
	End journal.Seq `json:"end"`
}

// Echo names one thing that was said.
type Echo struct {
	Run  uint64 `json:"run"`
	Beat uint64 `json:"beat"`
}

// Message goes from one machine to the other. All may be lost, doubled and late.
type Message interface{ message() }

// Messages of the pair.
type (
	// Hello says how the sender is. A Hello that is no answer is answered at once.
	Hello struct {
		View   View
		Answer bool
	}

	// AskBack asks for the own jobs, which the peer took over in Epoch. It is sent
	// after the hello of Beat, which may come later.
	AskBack struct {
		Run, Beat uint64
		Epoch     int
	}

	// GiveBack says that nothing is worked on any more since the takeover of Epoch
	// ended, and where the sender's journal ends: the receiver folds it to there
	// before it begins. Whoever sends it fills in End at that moment.
	GiveBack struct {
		Run   uint64 // of the sender
		Epoch int
		End   journal.Seq
	}

	// AskRest asks the peer to let its jobs be taken over, for an operator.
	AskRest struct{}

	// AskReturn ends what AskRest began.
	AskReturn struct{}
)

func (Hello) message()     {}
func (AskBack) message()   {}
func (GiveBack) message()  {}
func (AskRest) message()   {}
func (AskReturn) message() {}

// Past is what the fold says, see [PastOf].
type Past struct {
	Epoch     int    // highest of any takeover
	Taken     int    // epoch of the takeover of the peer's jobs that is not handed back; 0: none
	Mode      string // into which this server was put; empty: never
	ModeCount int    // number of that change
}

// PastOf reads from the fold what a machine has to know of earlier.
func PastOf(s *core.State, self, peer string) Past {
	p := Past{Epoch: s.Epoch()}
	p.Taken, _, _ = s.TakenOver(peer)
	p.Mode, _, p.ModeCount = s.Mode(self)
	return p
}
