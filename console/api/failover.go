package api

// Headers by which a client says how it came to a server.
const (
	FailoverHeader = "Twinleaf-Failover" // why it does not ask the other server: one of FailoverCauses
	SessionHeader  = "Twinleaf-Session"  // an id of the client's process, the same in all its requests
)

// Why a client does not ask the other server, as its FailoverHeader says.
const (
	FailoverNetwork     = "network"     // it cannot be reached
	FailoverWeb         = "web"         // its web service does not answer as one
	FailoverData        = "data"        // its data service is down
	FailoverMaintenance = "maintenance" // it is in maintenance, or just starting
)

// FailoverCauses are all values of the FailoverHeader.
func FailoverCauses() []string {
	return []string{FailoverNetwork, FailoverWeb, FailoverData, FailoverMaintenance}
}

// Codes of problems of a server that leaves new jobs to the other one for now.
const (
	CodeStarting      = "starting"       // it does not know yet what the other server keeps for it
	CodeSecondPrimary = "second-primary" // both are licensed as the primary, and this one stays out
)
