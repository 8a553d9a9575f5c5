// Package journal keeps the events of all jobs in order. An event is on disk
// when Append returns.
//
// The server appends and follows; at its start it reads everything once and so
// has its state back. [Journal] is the real thing, on disk; [Memory] is its twin
// for tests and for runs that need no memory of themselves. Both pass the suite
// in journaltest, as [Copy] and [MemoryCopy] pass theirs.
//
// Every entry carries the hash of the one before. [Open] reads the whole journal,
// checks the chain and refuses with a [*Damage] rather than leave an event out
// without a word; [Recover] sets a damaged journal aside and keeps what is intact.
//
// # Two servers
//
// In a pair each server has its own Journal and a [Copy] of its peer's. The owner
// gives [Journal.Frames] to the peer, which answers when [Copy.Put] has them on
// disk. Before it ships, and before its first Append after a start, the owner asks
// [Compare] how the copy stands to its journal:
//
//   - [CopyBehind]: ship what follows.
//   - [CopyAhead]: [Journal.Restore] what Copy.Frames gives from the journal's
//     last+1 on, or from the copy's first when the journal is empty.
//   - [CopyForked], [CopyLapsed]: the steps below.
//   - [JournalStale]: close, [SetAside], [Open], Restore; then Append what
//     [Salvage] of the folder set aside has and [Missing] does not find.
//
// A journal that lost its end and went on without its peer has forked: its copy
// has other entries under the same sequences. Nothing is thrown away:
//
//  1. The peer calls [Copy.SetAside]. From now on its fold takes in what
//     [Copy.Asides] names beside the copy, also after a restart.
//  2. The owner ships its journal from the first entry it has.
//  3. The owner gets the frames of each aside ([Copy.Aside]), in order, and Appends
//     the events that [Missing] gives: those of its old end. It begins behind its
//     own first-1 if the hashes agree there.
//  4. It ships these too.
//  5. When the copy's End has reached them the peer calls [Copy.Discard].
//
// A crash at any point goes on with step 2 for as long as there are asides, and until
// step 5 the owner must not Compact. Events that are appended twice fold once.
//
// A damaged journal is set aside and restored as a stale one. A damaged copy is
// thrown away by [ResetCopy] and shipped anew, for its owner has it all; its files
// are an aside as well until step 5, in case the owner's disk was lost too.
//
// The owner compacts no further than the copy's last entry; the copy then compacts to the
// owner's first.
//
// # Engine
//
// The engine underneath is an embedded NATS JetStream stream, which nothing
// outside this package sees. docs/adr/0001 says why.
package journal

import (
	"context"
	"encoding/hex"
	"errors"
	"iter"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Seq is the place of an event in its journal. The first event has 1; there are
// no gaps, and Compact keeps the numbers of what remains.
type Seq uint64

// Hash is a SHA-256 over an entry, the hash of the entry before it included.
type Hash [32]byte

// String gives the first 12 hexadecimal digits, enough to tell entries apart in a log.
func (h Hash) String() string { return hex.EncodeToString(h[:6]) }

// Entry is an event with its place in the chain.
type Entry struct {
	Seq    Seq
	Writer string // the server that wrote it
	Epoch  uint64 // of the writer when it wrote it
	Prev   Hash   // Hash of the entry before; zero for the first ever
	Hash   Hash
	Event  core.Event
}

// Log is a journal. All methods may be called from any goroutine.
type Log interface {
	Appender
	Reader

	// Compact drops all entries below before; sequences of the others stay. It
	// is an error to ask for more than there is: before is at most last+1.
	Compact(ctx context.Context, before Seq) error

	// Close waits for appends that are under way and gives everything free. Calls
	// after it, and iterators that are still open, end with ErrClosed.
	Close() error
}

// Appender takes events.
type Appender interface {
	// Append writes the events one after the other and gives the sequence of the
	// last. They are durable when it returns, all or none of them; at most
	// MaxBatch at once, each at most MaxEvent bytes long as JSON.
	//
	// When the disk is full or does not take them the error is a *core.Failure
	// with core.CodeDataDown; the journal stays usable and none of the events is
	// in it, unless the error says that their fate is unknown. When ctx ends
	// first their fate is unknown too.
	Append(ctx context.Context, events ...core.Event) (Seq, error)
}

// Reader gives events back.
type Reader interface {
	// Read gives the entries from the sequence from to the last one there was
	// when the iteration began; 0 means the first there is. An iteration that
	// cannot go on ends with an error: ErrCompacted when from is not there any
	// more, *Damage, *core.Failure with core.CodeDataDown, ErrClosed, ctx's error.
	Read(ctx context.Context, from Seq) iter.Seq2[Entry, error]

	// Follow is Read that then waits for more. It ends without an error when ctx
	// ends, otherwise with one as Read.
	Follow(ctx context.Context, from Seq) iter.Seq2[Entry, error]

	// Bounds gives the sequences of the first and the last entry; first is
	// last+1 when there is none.
	Bounds() (first, last Seq)
}

// Limits of one Append.
const (
	MaxEvent = 8 << 20 // bytes of one event as JSON: room for a DocumentIngested of 10,000 pages
	MaxBatch = 1000    // events
	maxBytes = 32 << 20

	// MaxFrames is how many bytes of frames may be put at once: one Append always fits.
	MaxFrames = maxBytes + MaxBatch*(frameHeader+maxName)
)

var (
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("journal is closed")

	// ErrCompacted is returned by Read and Follow for a sequence that Compact dropped.
	ErrCompacted = errors.New("entries were compacted away")

	// ErrTooLarge is returned by Append for an event over MaxEvent or for more
	// than MaxBatch events or 32 MiB at once.
	ErrTooLarge = errors.New("too large for the journal")

	// ErrLocked is returned by Open and Recover when another process has the
	// journal open.
	ErrLocked = errors.New("another process has the journal open")
)
