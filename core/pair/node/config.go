package node

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"os"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// Config says of what a node is made. Pair, Link, Journal, Copy, Blobs and Work have
// to be set; whatever else is not has a default.
type Config struct {
	Pair    pair.Config
	Link    Peer   // the way to the peer: *link.Client
	Journal Chain  // the own one: *journal.Journal
	Copy    Copy   // of the peer's journal: *journal.Copy
	Blobs   Blobs  // *blob.Store
	Work    Work   // the pipeline
	Offers  Offers // what the peer may ask for beside
	Salvage string // folder of an own journal that was set aside, see [OpenJournal]; empty: none

	// Verdicts, Health and Skew are asked again and again and must not wait for anything.
	Verdicts func() pair.Verdicts // default: the role of Pair, and nothing known of parity
	Health   func() pair.Health   // default: all is up
	Skew     func() time.Duration // how far the peer's clock is ahead, for the status; default: 0

	// CopyCompacted is told of the copy's new first entry; default: nobody is.
	CopyCompacted func(first journal.Seq)

	ScrubEvery time.Duration    // between two looks for blobs that are missing; default 10 min
	Now        func() time.Time // default time.Now
	Log        *slog.Logger     // default: nothing is logged
}

func (c Config) withDefaults() Config {
	if c.Pair.Silence == 0 {
		c.Pair.Silence = 3 * time.Second
	}
	if c.Verdicts == nil {
		c.Verdicts = func() pair.Verdicts { return pair.Verdicts{Role: c.Pair.Role} }
	}
	if c.Health == nil {
		c.Health = func() pair.Health { return pair.Health{Web: true, Data: true} }
	}
	if c.Skew == nil {
		c.Skew = func() time.Duration { return 0 }
	}
	if c.CopyCompacted == nil {
		c.CopyCompacted = func(journal.Seq) {}
	}
	if c.ScrubEvery == 0 {
		c.ScrubEvery = 10 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Chain is a journal as it is compared and given away. Journal and Copy of package
// journal are chains.
type Chain interface {
	journal.Chain
	End() (journal.Seq, journal.Hash)
	Frames(ctx context.Context, from journal.Seq, max int) ([][]byte, error)
}

// Copy is the copy of the peer's journal.
type Copy interface {
	Chain
	Asides
	Put(ctx context.Context, frames [][]byte) (journal.Seq, error)
	Compact(ctx context.Context, before journal.Seq) error
}

// Asides are what was set aside of a copy.
type Asides interface {
	SetAside(context.Context) (name string, err error)
	Asides() ([]string, error)
	Aside(ctx context.Context, name string) iter.Seq2[[]byte, error]
	Discard(name string) error
}

// Blobs is the store of this server.
type Blobs interface {
	Put(ctx context.Context, r io.Reader, limit int64) (core.Ref, int64, error)
	Open(core.Ref) (*os.File, error)
	Has(core.Ref) bool

	// Renew is Has; what is there counts as put just now, so that it is not swept.
	Renew(core.Ref) (bool, error)
}

// Work is the pipeline. Its methods may be called from any goroutine. Restore, Adopt
// and FoldPeer fold what they are given before they return.
type Work interface {
	Jobs
	Writer

	// FoldPeer folds entries of the peer's journal, some of them perhaps again. The
	// state of a snapshot with which they begin is in the blob store. No entries mean
	// that all there is was given, for now.
	FoldPeer(context.Context, []journal.Entry) error
	Look(func(*core.State))

	// Needed are the blobs that are needed here: those of both servers' jobs.
	Needed() map[core.Ref]bool
}

// Jobs are worked on or not, those of each server.
type Jobs interface {
	Work(pair.Whose)
	Stop(pair.Whose) // begin nothing new

	// Drain is Stop that waits until nothing is under way any more; what is after limit
	// is interrupted.
	Drain(ctx context.Context, jobs pair.Whose, limit time.Duration) error
}

// Writer writes into the own journal.
type Writer interface {
	Append(context.Context, core.Body) error

	// Restore takes the own lost end back and gives the last sequence there is.
	Restore(ctx context.Context, frames [][]byte) (journal.Seq, error)

	// Adopt appends events that were lost, at most journal.MaxBatch, and gives the last
	// sequence. A Snapshot, whose state is in the blob store, is merged and stands in a
	// new one.
	Adopt(context.Context, []core.Event) (journal.Seq, error)
}

// Peer is the way to the other server.
type Peer interface {
	Send(context.Context, pair.Message) error
	Kept
	KeptAsides
	Remote
}

// Kept is the copy of the own journal that the peer keeps.
type Kept interface {
	Copied(context.Context) (link.Copied, error)
	HashAt(context.Context, journal.Seq) (journal.Hash, error)
	Ship(ctx context.Context, frames [][]byte) (link.Copied, error)
	Lost(ctx context.Context, from journal.Seq) ([][]byte, error)
	Compact(ctx context.Context, before journal.Seq) error
}

// KeptAsides is what the peer set aside of it.
type KeptAsides interface {
	SetAside(context.Context, pair.End) error
	Aside(ctx context.Context, name string) iter.Seq2[[]byte, error]
	Discard(ctx context.Context, name string) error
}

// Remote are the peer's blobs.
type Remote interface {
	Lacks(context.Context, []core.Ref) ([]core.Ref, error)
	PutBlob(ctx context.Context, ref core.Ref, r io.Reader, size int64) error
	Blob(context.Context, core.Ref) (io.ReadCloser, error)
}
