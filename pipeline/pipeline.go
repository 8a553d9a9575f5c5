// Package pipeline takes jobs and works on them until they are done.
//
// [Pipeline.Submit] makes a job durable; [Pipeline.Run] hands the tasks of all
// jobs to the stages and writes their results into the journal. One goroutine,
// the dispatcher, changes the state: it folds an event after the journal has it
// and never before. A result that the journal does not take (the disk is full)
// waits in memory until it does, and until then nothing new is begun.
//
// After a crash New folds the journal, and work goes on where it stopped: what
// has an event is not done again.
//
// In a pair (Config.Peer) the state is the fold of two journals: the own one, which only
// the dispatcher writes, and the copy of the peer's, whose entries [Pipeline.FoldPeer]
// takes in. Each side's jobs are worked on between [Pipeline.Work] and [Pipeline.Stop] or
// [Pipeline.DrainJobs]; who decides on that is elsewhere. What the fold does not say is
// kept beside it: which jobs are protected, and which of the peer's are withheld
// ([Pipeline.Gate]).
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Stage does the tasks of one stage. It must end soon after ctx ends. It may be
// asked the same twice, and from several goroutines at once.
type Stage interface {
	Run(ctx context.Context, t core.Task) (core.Result, error)
}

// Blobs is what the pipeline needs of the blob store.
type Blobs interface {
	Put(ctx context.Context, r io.Reader, limit int64) (core.Ref, int64, error)
	Open(core.Ref) (*os.File, error)
	Has(core.Ref) bool
	Sweep(ctx context.Context, keep func(core.Ref) bool, olderThan time.Time) (int, int64, error)
	Drop(ctx context.Context, refs []core.Ref, olderThan time.Time) (int, int64, error)
}

// Config says how much is done at once and what is kept. The zero value works.
type Config struct {
	Server        string        // id of this server, the front of its job ids; default "local"
	Workers       int           // pages worked on at once; default GOMAXPROCS
	DocumentSlots int           // documents ingested or assembled at once; default 2
	DeliverSlots  int           // deliveries at once; default 4
	DeliverLimit  time.Duration // of one attempt at a delivery; default 10 min
	Retry         RetryPolicy   // of failed attempts
	Keep          int           // finished jobs that are remembered; default 10,000
	SnapshotEvery int           // events between two snapshots; default 50,000
	SweepEvery    time.Duration // between two sweeps of unneeded blobs; default 10 min
	SweepAge      time.Duration // blobs younger than this are never swept; default 1 h
	SpentAge      time.Duration // images of pages that nothing needs stay this long, at most twice; default 2 min
	Defaults      core.Defaults // built-in profiles and destinations

	// Peer is the id of the other server of a pair. Nothing is worked on until Work then.
	// Empty: there is none, and all jobs are worked on from the start.
	Peer string

	// Also are names under which jobs are this server's own as well: those that it had, and
	// servers that left it their jobs for good.
	Also []string

	// Left are servers that were the peer once. Their open jobs, which a snapshot of that
	// time still has, are theirs.
	Left []string

	// Protect waits until the peer has the journal up to seq, and reports whether
	// it has; nil: there is no peer.
	Protect func(ctx context.Context, seq journal.Seq) bool

	// Shipped is up to where the peer has the journal; 0 or nil: that is not known. It may
	// be asked from any goroutine, often, and must not wait.
	Shipped func() journal.Seq

	// Without reports whether the peer has an entry of the journal, but not a blob that it
	// names: what was submitted with it is not protected. Nil: there is no such entry. It
	// may be asked from any goroutine, must not wait and must not call the pipeline.
	Without func(seq journal.Seq) bool

	// CompactLimit is up to where the journal may be compacted at most; nil: to its last
	// snapshot. Compacted is told of the journal's new first entry. Both must not wait for
	// the pipeline.
	CompactLimit func() journal.Seq
	Compacted    func(first journal.Seq)

	// Admit says why a new job is not taken here; nil: all are. One that was taken before,
	// by its key, is answered without asking.
	Admit func(core.Submission) error

	// Syncs reports whether the peer's changes of settings are taken in (GS16); it is asked
	// again at each call of Gate, and must not wait. Nil: always.
	Syncs func() bool

	// ReadOnly says why settings are not changed here, with core.CodeReadOnly; nil: they are.
	ReadOnly func() error

	// Heal gets a blob that is lost here from elsewhere; nil: there is no elsewhere. It
	// is asked once before each attempt that needs one, and an attempt for which it fails rests.
	Heal func(context.Context, core.Ref) error

	// CheckStep says whether there is a plug-in that can do a step of a profile, or be a
	// destination, with its settings; nil: whatever reads as one is taken.
	CheckStep func(context.Context, core.StepKind, core.Step) error

	Sealer Sealer // of the secrets in settings; nil: they are journaled as they come

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default: nothing is logged
}

func (c Config) withDefaults() Config {
	setDefault(&c.Server, "local")
	setDefault(&c.Workers, runtime.GOMAXPROCS(0))
	setDefault(&c.DocumentSlots, 2)
	setDefault(&c.DeliverSlots, 4)
	setDefault(&c.DeliverLimit, 10*time.Minute)
	setDefault(&c.Keep, 10_000)
	setDefault(&c.SnapshotEvery, 50_000)
	setDefault(&c.SweepEvery, 10*time.Minute)
	setDefault(&c.SweepAge, time.Hour)
	setDefault(&c.SpentAge, 2*time.Minute)
	c.Retry = c.Retry.withDefaults()
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// Pipeline is the jobs of one server and the work on them. Its methods may be
// called from any goroutine. Those that change something wait until the change
// is durable, and so until Run runs.
type Pipeline struct {
	cfg    Config
	log    journal.Log
	blobs  Blobs
	stages map[core.Stage]Stage
	ids    *idSource

	mu            sync.RWMutex // guards what follows; only the dispatcher writes, so it alone reads without
	state         *core.State
	last          journal.Seq           // folded up to here
	ticks         uint64                // counts what is told to watchers
	since         uint64                // of ticks: where a job stands that has none in seqs
	seqs          map[core.JobID]uint64 // of ticks: when something last happened to a job
	proofs        proofs                // which jobs the peer has too
	snapshots     []kept                // the Snapshot events in the journal
	peerSnapshots []kept                // those in the copy of the peer's journal
	images        map[core.Ref]bool     // of pages, made since the start and perhaps still there
	unsaved       []core.Event          // results that the journal has not taken yet

	writes   chan *write
	asks     chan *ask
	sides    *sides
	feed     feed
	watchers watchers
	health   health
	stats    stats

	allowed   atomic.Int64  // pages at once by Limit; 0: Config.Workers
	more      atomic.Int64  // pages at once by More
	draining  chan struct{} // closed by Drain
	drainOnce sync.Once
	stopped   chan struct{} // closed when Run has returned
}

// New folds the journal and gives a pipeline that waits for Run. The stages are
// those of architecture.md; a task of a stage that is missing fails its job.
func New(ctx context.Context, cfg Config, log journal.Log, blobs Blobs, stages map[core.Stage]Stage) (*Pipeline, error) {
	cfg = cfg.withDefaults()
	p := &Pipeline{
		cfg: cfg, log: log, blobs: blobs, stages: stages, ids: newIDs(cfg.Server),
		state:    &core.State{},
		seqs:     map[core.JobID]uint64{},
		images:   map[core.Ref]bool{},
		writes:   make(chan *write),
		asks:     make(chan *ask),
		sides:    newSides(cfg.Peer),
		draining: make(chan struct{}),
		stopped:  make(chan struct{}),
	}
	p.health.begin(cfg.Now())
	p.ticks = uint64(max(cfg.Now().UnixMicro(), 1)) // so that it is higher than in the runs before
	p.since = p.ticks
	if err := p.replay(ctx); err != nil {
		return nil, fmt.Errorf("replay the journal: %w", err)
	}
	return p, nil
}

// ErrStopped is returned by calls that need a pipeline that runs.
var ErrStopped = &core.Failure{Code: core.CodeMaintenance, Detail: "the server is stopping", Remedy: "try again in a moment"}

// Run works until ctx ends, which stops the tasks that run, or until everything
// that runs at a call of Drain has ended. It is called once. An error means that
// results could not be journaled; they will be made again after the next start.
func (p *Pipeline) Run(ctx context.Context) error {
	defer close(p.stopped)
	var background sync.WaitGroup
	sweeping, stopSweeping := context.WithCancel(ctx)
	background.Go(func() { every(sweeping, p.cfg.SweepEvery, p.sweep) })
	background.Go(func() { every(sweeping, p.cfg.SpentAge, p.dropSpent) })
	err := newDispatcher(p).run(ctx)
	stopSweeping()
	background.Wait()
	p.watchers.close()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = nil
	}
	return err
}

// Drain is the soft stop: no new job is taken and no new task begun, and Run
// returns when the tasks that run have ended.
func (p *Pipeline) Drain() {
	p.drainOnce.Do(func() {
		p.health.setMode(ModeDraining, "", p.cfg.Now())
		close(p.draining)
	})
}

// Limit bounds the pages that are worked on at once, below Config.Workers and without those
// of More; 0 takes the bound away. Pages that are being worked on go on.
func (p *Pipeline) Limit(n int) { p.allowed.Store(int64(max(n, 0))) }

// Limited reports whether there is such a bound.
func (p *Pipeline) Limited() bool { return p.allowed.Load() > 0 }

// maxMore bounds the pages that are worked on at once beside Config.Workers.
const maxMore = 1024

// More sets how many pages may be worked on at once beside Config.Workers, at most 1024,
// because others than this server's processes do so. Fewer than before end nothing: pages
// that are being worked on go on. It may be called from any goroutine.
func (p *Pipeline) More(n int) {
	p.sides.change(func() { p.more.Store(int64(min(max(n, 0), maxMore))) })
}

// now is the time for events, in UTC and without a monotonic part, as it comes
// back from the journal.
func (p *Pipeline) now() time.Time { return p.cfg.Now().UTC().Round(0) }
