// Package core is the vocabulary of Twinleaf and its state machine.
//
// Everything that happens to a job is an [Event]. The state of the world is the
// fold of all events ([State.Apply]), and what to do next is a pure function of
// that state ([State.Ready]). A stage takes a [Task] and gives back a [Result];
// the result becomes the body of the next event.
//
// The package does no I/O, reads no clock and starts no goroutine: times arrive
// inside events, so the same events give the same [State.Digest] everywhere.
package core
