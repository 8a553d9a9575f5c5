// Package link carries what two paired servers say to each other: messages of the
// machine, journal entries, blobs, manifests and plug-ins, over one HTTPS address.
//
// The runtime of the pair calls a [Client] of its peer and answers the peer's calls as
// the [Handler] of a [Server]. Every call is bounded in time and size. Nothing is kept:
// a call that fails is the caller's to do again, and all of them may come twice.
//
// # Who may ask
//
// Both sides show a certificate over TLS 1.3, and each knows the other's by its
// fingerprint, the SHA-256 of the public key (SubjectPublicKeyInfo). Nothing else of a
// certificate counts: no name, no date, no authority. Who shows another one is told so
// in an answer, not by a broken connection, because only then can both sides tell their
// operators what to do. Without a certificate that is pinned nothing but /join/ answers.
//
// # On the wire
//
// HTTP/1.1, so that a call that took too long costs its connection and no other. Messages,
// calls, streams and pages have connections of their own: a hello never waits behind a blob.
//
//	POST   /pair/message          {"kind": …, "body": …}, at most 64 KiB
//	GET    /pair/copy             how the copy stands
//	GET    /pair/copy/hash?seq=
//	POST   /pair/copy/frames      frames → how the copy stands
//	GET    /pair/copy/frames?from=  → frames
//	POST   /pair/copy/aside       the end that is set aside
//	GET    /pair/copy/aside?name=  → frames
//	DELETE /pair/copy/aside?name=
//	POST   /pair/copy/compact?before=
//	POST   /pair/lacks            refs → refs
//	PUT    /pair/blob/REF, GET /pair/blob/REF
//	GET    /pair/pages            how many pages are read for the peer at once
//	POST   /pair/page             a page to read, at most 1 MiB → its text, at most 80 MiB
//	GET    /pair/manifest?deep=
//	GET    /pair/plugins/lock, GET /pair/plugins/archive?digest=
//
// Frames are lengths of four bytes, little endian, each with so many bytes after it; a
// length of 0 ends them, and without it they are not complete. Errors are JSON with the
// status that fits, see [ErrUnreachable] for what they are on the other side.
package link
