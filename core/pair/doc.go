// Package pair holds two servers together, so that the work of one goes on when the
// other cannot.
//
// Its heart is [Machine]: a pure function from what a server sees and hears to what
// it has to do. It does no I/O, reads no clock and starts nothing. What carries its
// messages, writes its events and runs the jobs is around it; [Acks] and
// [Sessions] are the other pure parts that this surrounding needs. The same
// parts run under the simulation in this package's tests, which tries thousands of
// bad days.
//
// A server always works on its own jobs, those that it accepted, unless it has good
// reason not to (phases, of the own jobs):
//
//	           heard        reconciled          handed back, or never taken
//	Meeting ─────────► Restoring ─────► Returning ─────────────► Barrier
//	 ▲ │                   │                │                       │ peer's journal
//	 │ └───── silence T ───┴────────────────┴───────────┐           │ folded to its end
//	 │                                                  ▼           ▼
//	 │ reason gone            maintenance, data, web,  ┌─────────────┐  peer has them,
//	Resting ◄───────────────── operator ────────────── │   Working   │  or slept: back to
//	 (drained, the peer may take them)                 └─────────────┘  Restoring, Meeting
//
//	Out: another primary works; this one's jobs are shipped, not worked on
//
// and it takes over the jobs of its peer when the peer cannot (stands, of the peer's jobs):
//
//	         cause, verdicts        TakeoverBegan durable       asked, or the peer works
//	Standby ─────────────────► Taking ─────────────► Ours ───────────────► Giving
//	   ▲                                                                     │ drained
//	   └──────────────────── HandedBack durable, answered ── Closing ◄───────┘
//
// What is around the machine owes it this:
//
//   - It does the outputs of a step in order and answers those that ask for an answer.
//   - It fills in View.End and GiveBack.End when it sends them: the end of the own
//     journal on disk.
//   - Of what asks for or brings journal entries it serves only the run that the
//     machine [Machine.Hears]; anything else may be from before a wiped disk.
//   - It tells Folded whenever the peer's journal was folded further, and 0 when the
//     copy was set aside.
//   - It folds what it restored before it says Reconciled.
//   - A job that is answered as protected has gone through [Acks]; one of the peer's
//     journal, found by its Idempotency-Key, is not protected by being found.
//
// Both halves are the same on both servers; primary and secondary differ in what
// clients prefer and in who may write settings.
//
// Time is the server's own, and only the time during which it was awake counts: a
// server that slept has not heard silence. What is heard counts only when it answers
// something that this server said a moment ago, so a message that was under way for
// long, or a link that works in one direction, is silence too.
package pair
