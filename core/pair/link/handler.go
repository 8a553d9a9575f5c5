package link

import (
	"context"
	"io"
	"iter"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// Handler answers the peer. Its methods are called from many goroutines, and as Client's
// methods of the same names say; a ctx ends when nobody waits for the answer any more.
// What they return as errors goes over as ErrUnreachable says.
type Handler interface {
	// Receive takes a message for the machine. It must not block for long. The error is
	// for the sender: it is not the peer.
	Receive(pair.Message) error

	// Hears reports whether what comes from that run of the peer may be served, see
	// pair.Machine.Hears. It guards all that is about the copy.
	Hears(run uint64) bool

	Copier
	Keeper
	Reader

	Manifest(ctx context.Context, deep bool) (parity.Manifest, error)
	Lock(ctx context.Context) ([]byte, error)
	Archive(ctx context.Context, digest string) (io.ReadCloser, error)
}

// Copier has the copy of the peer's journal.
type Copier interface {
	Copied(ctx context.Context) (Copied, error)
	HashAt(ctx context.Context, seq journal.Seq) (journal.Hash, error)
	Ship(ctx context.Context, frames [][]byte) (Copied, error)
	Lost(ctx context.Context, from journal.Seq) ([][]byte, error) // none: answer at once, wait for nothing
	SetAside(ctx context.Context, end pair.End) error
	Aside(ctx context.Context, name string) iter.Seq2[[]byte, error]
	Discard(ctx context.Context, name string) error
	Compact(ctx context.Context, before journal.Seq) error
}

// Keeper has the blobs.
type Keeper interface {
	Lacks(ctx context.Context, refs []core.Ref) ([]core.Ref, error)

	// PutBlob keeps what r gives. At its end r gives an error rather than io.EOF when the
	// content is not what ref says, so nothing more has to be checked.
	PutBlob(ctx context.Context, ref core.Ref, r io.Reader, size int64) error
	Blob(ctx context.Context, ref core.Ref) (io.ReadCloser, error)
}
