package api

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Headers by which servers tell where to go instead.
const (
	ActiveHeader  = "Twinleaf-Active"  // web address of the server that takes new jobs, where this one does not
	PrimaryHeader = "Twinleaf-Primary" // web address of the server that takes changes of shared data, where this one does not
)

// Codes of problems that a pair has.
const (
	CodeStandby  = "standby"         // the other server takes new jobs
	CodeReadOnly = core.CodeReadOnly // shared data is changed on the primary only
	CodeNoPair   = "no-pair"         // this server is in no pair
	CodeSilent   = "silent"          // the other server is needed and does not answer
)

// Pair is how a pair stands, as one of its servers sees it. Of a server in no pair nothing
// but Paired is set.
type Pair struct {
	Paired bool   `json:"paired"`
	ID     string `json:"id,omitempty" doc:"Of the pair"`

	Here  *PairServer `json:"here,omitempty" doc:"This server"`
	There *PairServer `json:"there,omitempty" doc:"The other one, as it was last heard"`
	Link  *PairLink   `json:"link,omitempty"`

	Takeover *PairTakeover `json:"takeover,omitempty" doc:"The last one, of either server's jobs"`
	First    *PairFirst    `json:"firstJob,omitempty" doc:"First job that the secondary took in the last failover"`
	Parity   *PairParity   `json:"parity,omitempty"`
	Worker   *PairWorker   `json:"worker,omitempty" doc:"What the other server reads of this one's pages; nothing: it reads none at present"`
	Sessions int           `json:"sessions,omitempty" doc:"Sessions of people and clients that are open on this server"`
	Withheld int           `json:"withheld,omitempty" doc:"Jobs of the other server that do not run here because they need what differs"`
	Refused  *Problem      `json:"refused,omitempty" doc:"Why the servers do not work together, or why this one does not take over"`
	Events   []PairEvent   `json:"events,omitempty" doc:"What happened lately, the newest first"`
	Window   *PairWindow   `json:"window,omitempty" doc:"Of the last POST /v1/pair/init since the server started"`
}

// PairWorker is the other server as one that reads pages for this one.
type PairWorker struct {
	Slots    int    `json:"slots" doc:"Pages that it takes at once; 0: none at present"`
	Busy     int    `json:"busy" doc:"Pages that it has"`
	Pages    int64  `json:"pages" doc:"Pages that it has read since it began"`
	Failures int64  `json:"failures,omitempty" doc:"Times that it gave no text; those pages were read here"`
	Problem  string `json:"problem,omitempty" doc:"Why, the last time"`
}

// PairServer is one server of a pair.
type PairServer struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Role  string    `json:"role" enum:"primary,secondary" doc:"What it is licensed for"`
	URL   string    `json:"url,omitempty" doc:"Where clients reach it"`
	Heard time.Time `json:"heard,omitzero" doc:"When the other server was last heard; nothing: not since the start"`

	Web  core.Item `json:"web" doc:"up, down, or unknown of a server that is not heard"`
	Data core.Item `json:"data" doc:"up, down or unknown"`
	Mode core.Item `json:"mode" doc:"active, standby, maintenance, draining or unknown"`

	Phase   string       `json:"phase,omitempty" doc:"Where it stands with its own jobs: meeting, restoring, returning, barrier, working, resting, out"`
	Stand   string       `json:"stand,omitempty" doc:"Where it stands with the other server's jobs: standby, taking, ours, giving, closing"`
	Epoch   int          `json:"epoch" doc:"Highest of any takeover that it knows"`
	Cause   string       `json:"cause,omitempty" doc:"Why its jobs are, or should be, the other server's: network, web, data, maintenance, operator, engine"`
	Since   time.Time    `json:"since,omitzero" doc:"Of phase and stand"`
	License *PairLicense `json:"license,omitempty"`
}

// PairLicense is how a server's licence stands.
type PairLicense struct {
	Code  int    `json:"code" doc:"800000 and so on, as in GET /v1/license"`
	State string `json:"state" doc:"The code in words"`
	Key   string `json:"key,omitempty"`
}

// PairLink is what holds the servers together.
type PairLink struct {
	Linked      bool      `json:"linked" doc:"The servers hear each other"`
	Protected   bool      `json:"protected" doc:"What is taken here is on the other server too before it is answered"`
	Unprotected time.Time `json:"unprotectedSince,omitzero"`
	Lag         uint64    `json:"lag" doc:"Events of this server that the other one does not have yet"`
	SkewMS      int64     `json:"skewMs" doc:"How far the other server's clock is ahead, in milliseconds"`
}

// PairTakeover is one takeover.
type PairTakeover struct {
	Epoch int       `json:"epoch"`
	Of    string    `json:"of" doc:"Id of the server whose jobs were taken over"`
	Cause string    `json:"cause" enum:"network,web,data,maintenance,operator,engine"`
	At    time.Time `json:"at"`
	Back  bool      `json:"back" doc:"The jobs were handed back"`
}

// PairFirst is the first job of a failover.
type PairFirst struct {
	Job   core.JobID `json:"job"`
	At    time.Time  `json:"at"`
	Cause string     `json:"cause,omitempty" doc:"Why the client came over"`
}

// PairParity is what came out when the servers were last compared.
type PairParity struct {
	At          bool      `json:"at" doc:"There are warnings at most"`
	Differences int       `json:"differences" doc:"Without the warnings"`
	Warnings    int       `json:"warnings"`
	Checked     time.Time `json:"checked,omitzero" doc:"Nothing: never"`
}

// PairEvent is something that happened to a pair.
type PairEvent struct {
	At     time.Time `json:"at"`
	What   string    `json:"what" doc:"In a few words, always the same for the same thing"`
	Cause  string    `json:"cause,omitempty"`
	Epoch  int       `json:"epoch,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// Maintenance puts a server into maintenance, or ends it.
type Maintenance struct {
	On bool `json:"on"`
}

// PairCode answers POST /v1/pair/init.
type PairCode struct {
	Code    string    `json:"code" doc:"To be typed on the other server, once"`
	Expires time.Time `json:"expires"`
}

// PairWindow is how far another server is with joining this one.
type PairWindow struct {
	Stage string    `json:"stage" enum:"waiting,proven,checking,granted,forming,formed,closed" doc:"closed: nothing was formed"`
	Until time.Time `json:"until,omitzero" doc:"End of the stage"`
	Wrong int       `json:"wrong,omitempty" doc:"Tries with a wrong code"`
	Peer  string    `json:"peer,omitempty" doc:"Name of the server that joins, once it has told"`
	Why   *Problem  `json:"why,omitempty" doc:"Why nothing was formed"`
}

// JoinPair asks a server to join a pair.
type JoinPair struct {
	Code         string `json:"code" maxLength:"512" doc:"As the other server printed it"`
	TakeSettings bool   `json:"takeSettings,omitempty" doc:"Let the primary's settings replace those of this server"`
}
