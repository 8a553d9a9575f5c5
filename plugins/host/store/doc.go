// Package store keeps the plug-ins that an operator has added: their files,
// which of them may run, and who vouches for them.
//
// A plug-in travels as an archive, NAME_VERSION_OS_ARCH.zip, with the checksums of
// its release beside it (SHA256SUMS) and perhaps their signature (SHA256SUMS.sig, a
// signed note). [Pack] makes an archive, [Inspect] reads one as something that a
// stranger made, and [Store.Install] puts it under the digest of its content:
//
//	STORE/plugins.lock          what may run: a [Lock], text, fit for version control
//	STORE/trusted-keys          whose signatures count, one verifier key a line
//	STORE/signed/NAME_VERSION   the signed checksums that came with a plug-in
//	STORE/sha256/HEX/           the files of a plug-in, read-only; HEX is its h1 digest
//
// The command line writes the store. A server only reads it, and holds every
// program against the lock before it starts it: see [Pin].
package store
