// Package node makes a server one of a pair: it is what is around the machine of
// package pair, and does what that one says.
//
// cmd makes a [Node] of the server's own journal, the copy of the peer's, its blobs, its
// pipeline and the link to its peer, hands [Node.Handler] to the link's server and
// calls [Node.Run]. The pipeline asks [Node.Protect] before it acknowledges a job and
// [Node.CompactLimit] before it compacts; the console asks [Node.Admit], [Node.Do] and
// [Node.Status].
//
// What runs inside, each in a goroutine of its own, all gone when Run returns:
//
//	loop     owns the machine: an input, its outputs in order, the next input
//	voices   carry messages to the peer; of each kind the newest that waits
//	orders   work, stop, drain: for own and for the peer's jobs, the newest counts
//	writer   appends what the machine asks for, in order
//	shipper  a round for each Meet: compare, restore, adopt, tell Reconciled, ship
//	pushers  carry blobs to the peer, ahead of the events that name them
//	follower folds the copy of the peer's journal as it grows, and what was set aside of it
//	scrubber fetches from the peer the blobs that are needed and not here
//
// What others see of it:
//
//   - A blob is on the peer before an entry that names it is, unless it is needed no
//     more; so who takes over has what the jobs need.
//   - Protect says true only after the peer answered that its copy has the entry.
//   - The copy is folded before the machine begins, so that it knows of all epochs.
//   - What is set aside of an own journal is taken back before the own jobs are worked
//     on, and what the peer set aside before the machine hears Reconciled.
//   - The peer's snapshots are folded only when their state is here: it is fetched first.
package node
