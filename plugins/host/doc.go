// Package host is our side of the plug-in boundary. It starts the programs of a
// plug-in folder, keeps them warm in pools, and makes calls on them; stages see
// it as one method each ([Host.Inspect], [Host.Recognize] …).
//
// What it promises: a plug-in that crashes, hangs, floods, leaks or lies costs
// one attempt at one call. Every call ends by its context's deadline; every
// process and its children end with the call that they spoil, with Close, and
// with the host itself, even when that is killed. A file is taken back only when
// it is a plain file of the plug-in's own output folder.
//
// Errors of calls are [core.Failure]s: permanent when the plug-in said so, not
// permanent when the plug-in itself failed (plugin-failed, timeout).
package host
