package pair

// bug is something that a test makes the machine or its surroundings do wrong, to
// see that the simulation finds it. It is none outside of tests.
type bug int

const (
	noBug bug = iota
	skipBarrier
	activateBeforeRestore
	ackBeforeShip
	forgetEpoch // of takeovers, in the fold
)
