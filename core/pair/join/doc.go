// Package join makes a pair of two servers that know nothing of each other but one short
// code, which a person carries from one to the other.
//
// The server that will be the primary opens a window, [Primary], and shows its [Code]:
// where it listens, and a secret of 40 bits. The other one is given the code, [Join]:
//
//	joiner                                   primary
//	   │ hello: TLS, nobody is known            │
//	   │──────────────────────────────────────► │  its key, its clock
//	   │ prove: I have the code                 │
//	   │──────────────────────────────────────► │  so have I
//	   │ propose: this is what I am             │
//	   │──────────────────────────────────────► │  this is what I am, and what I see wrong
//	   │ verdict: this is what I see wrong      │
//	   │──────────────────────────────────────► │  nothing: the pair, the key of the secrets
//	   │ (stores them)                          │
//	   │ confirm                                │
//	   │──────────────────────────────────────► │  (stores the pair) done
//
// The proofs are made of the code's secret and of the keys with which both speak TLS. Who
// sits in between has other keys, so what passes through proves nothing, and to make a
// proof one must find the secret first: 2^40 times scrypt, while the window is open for
// minutes, for one use and five tries.
//
// The joiner stores first. Cut off before, nothing has happened; cut off after, the joiner
// is in a pair of which the primary knows nothing, and both commands once more heal it:
// whoever is in a pair with the other already may form it again.
//
// What must be known of a server, and what must be done on it, is handed in.
package join
