package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// tick is how often the machine is asked although nothing happens.
const tick = 50 * time.Millisecond

// readyWithin is how long the machine waits at the start for the copy to be folded.
const readyWithin = 10 * time.Second

// ErrStale is Run's error when the own journal ends before what the peer's copy of it
// still has: the folder is an old one. The caller closes the journal, calls
// [SetAside], opens it with [OpenJournal] and makes a new node, which restores it.
var ErrStale = errors.New("the own journal is older than the peer's copy of it reaches back")

// Node is one server of a pair at run time. Its methods may be called from any
// goroutine.
type Node struct {
	cfg Config

	inputs  chan pair.Input
	orders  chan *order
	stopped chan struct{} // closed when Run has returned
	fatal   chan error    // takes one: why Run cannot go on

	voices   voices
	writer   writer
	hands    [2]hands // own, peer
	shipper  shipper
	pusher   pusher
	fetcher  fetcher
	follower follower
	salvage  salvage
	log      record

	mu      sync.Mutex    // guards the fields below
	m       *pair.Machine // nil until the copy is folded
	acks    pair.Acks
	shipped journal.Seq // so far is the own journal in the peer's copy; 0 while unknown
	stuck   time.Time   // since when what is shipped does not arrive, though the peer is heard; zero: it does
	bare    bare        // what of it went without blobs
	heard   time.Time   // the last message of the peer
}

// New makes a node that waits for Run.
func New(cfg Config) *Node {
	cfg = cfg.withDefaults()
	n := &Node{
		cfg:     cfg,
		inputs:  make(chan pair.Input, 256),
		orders:  make(chan *order),
		stopped: make(chan struct{}),
		fatal:   make(chan error, 1),
		voices:  newVoices(),
		writer:  writer{wake: signal()},
		hands:   [2]hands{newHands(pair.OwnJobs), newHands(pair.PeerJobs)},
		shipper: shipper{wake: signal()},
		pusher:  newPusher(),
		fetcher: fetcher{wake: signal()},
		salvage: salvage{dir: cfg.Salvage},
		bare:    bare{},
	}
	n.salvage.left.Store(cfg.Salvage != "")
	n.follower.ready = make(chan struct{})
	return n
}

// Run keeps the server in its pair until ctx ends. It is called once. ErrStale is the
// only error that does not come from the journal being closed.
func (n *Node) Run(ctx context.Context) error {
	defer close(n.stopped)
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	n.pusher.life = ctx
	for range voiceCount {
		running.Go(func() { n.speak(ctx) })
	}
	for i := range n.hands {
		running.Go(func() { n.serve(ctx, &n.hands[i]) })
	}
	running.Go(func() { n.write(ctx) })
	running.Go(func() { n.ship(ctx) })
	running.Go(func() { n.pushOffered(ctx) })
	running.Go(func() { n.follow(ctx) })
	running.Go(func() { n.scrubAgain(ctx) })
	err := n.loop(ctx)
	stop()
	running.Wait()
	n.pusher.wait()
	return err
}

// feed gives the machine an input, as soon as it can take one.
func (n *Node) feed(ctx context.Context, in pair.Input) {
	select {
	case n.inputs <- in:
	case <-ctx.Done():
	case <-n.stopped:
	}
}

// tell is feed for what may be lost: it does not wait.
func (n *Node) tell(in pair.Input) {
	select {
	case n.inputs <- in:
	default:
	}
}

// now is the server's clock.
func (n *Node) now() time.Time { return n.cfg.Now() }

// past is what the fold says.
func (n *Node) past() (p pair.Past) {
	n.cfg.Work.Look(func(s *core.State) { p = pair.PastOf(s, n.cfg.Pair.Self, n.cfg.Pair.Peer) })
	return p
}

// fail ends Run.
func (n *Node) fail(err error) {
	select {
	case n.fatal <- err:
	default:
	}
}

// signal is a channel that wakes one goroutine, however often it is told.
func signal() chan struct{} { return make(chan struct{}, 1) }

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pause waits, and reports whether ctx still goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
