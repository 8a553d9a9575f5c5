package api

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// Parity is in what the servers of a pair differ, as one of them found out.
type Parity struct {
	At          bool         `json:"at" doc:"There are warnings at most"`
	Differences []Difference `json:"differences" doc:"The gravest first"`
	Peer        string       `json:"peer,omitempty" doc:"Name of the other server"`
	Checked     time.Time    `json:"checked,omitzero"`
}

// Difference is one thing that is not the same on both servers.
type Difference = parity.Difference

// Manifest is what of a server must be the same on its peer.
type Manifest = parity.Manifest
