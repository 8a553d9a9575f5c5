package api

import "time"

// Plugin is one plug-in of the server.
type Plugin struct {
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	Kinds       []string `json:"kinds" doc:"reader, filter, recognizer, indexer, assembler, deliverer"`
	Summary     string   `json:"summary,omitempty"`
	Engine      string   `json:"engine,omitempty"`
	SHA256      string   `json:"sha256,omitempty"`
	Digest      string   `json:"digest,omitempty" doc:"h1 hash over all its files; equal on two servers that run the same"`
	Signer      string   `json:"signer,omitempty" doc:"Key that signed it; empty: nobody did"`
	Protocol    int      `json:"protocol" doc:"Generation of the contract that it speaks"`
	Permissions string   `json:"permissions,omitempty" doc:"What its author asks for, in one word"`
	Sandbox     string   `json:"sandbox,omitempty" doc:"How its processes are confined: full, landlock, rlimit, none"`

	State         string          `json:"state" doc:"ready, starting, or why it does not serve"`
	Quarantine    *Quarantine     `json:"quarantine,omitempty" doc:"It is not asked for a while because it keeps failing"`
	LastProblem   string          `json:"lastProblem,omitempty" doc:"What went wrong last with a process; all may be well again"`
	LastProblemAt time.Time       `json:"lastProblemAt,omitzero"`
	Size          int             `json:"size" doc:"Calls that may run at once, each in a process of its own"`
	Processes     []PluginProcess `json:"processes"`
	MemoryMB      int64           `json:"memoryMB" doc:"Resident memory of all its processes"`
	LimitMB       int64           `json:"limitMB,omitempty" doc:"Resident memory that one process may hold"`

	Calls    int   `json:"calls" doc:"Since the server started, as all counts here"`
	Starts   int   `json:"starts" doc:"Processes that were started"`
	Crashes  int   `json:"crashes" doc:"Processes that ended during a call"`
	Hung     int   `json:"hung" doc:"Processes that stopped answering"`
	Restarts int   `json:"restarts" doc:"Worn or broken processes that were replaced"`
	Refused  int64 `json:"refused" doc:"Connections that it tried and that nobody had granted"`
}

// Quarantine is a rest that a plug-in is given.
type Quarantine struct {
	Until time.Time `json:"until" doc:"Then one call is tried"`
	Cause string    `json:"cause" doc:"The last failure before it"`
}

// PluginProcess is one process of a plug-in.
type PluginProcess struct {
	PID      int       `json:"pid,omitempty"`
	State    string    `json:"state" enum:"starting,idle,busy"`
	Since    time.Time `json:"since" doc:"Of the state"`
	Started  time.Time `json:"started"`
	Calls    int       `json:"calls"`
	MemoryMB int64     `json:"memoryMB" doc:"Resident memory, with its children"`
	Writes   []string  `json:"writes,omitempty" doc:"Folders that settings let it write to"`
}
