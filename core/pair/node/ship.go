package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

const (
	askWithin  = 3 * time.Second  // a question to the peer
	moveWithin = 30 * time.Second // a batch of entries on its way

	// lookAround is how long the shipper waits for entries before it sees to the rest.
	lookAround = time.Second

	// After a failure it is tried again soon, then half as often each time.
	retryFirst = 50 * time.Millisecond
	retryLast  = time.Second
)

// shipper brings the own journal to the peer, in rounds.
type shipper struct {
	wake chan struct{}

	mu     sync.Mutex // guards the fields below
	meets  int        // rounds that were asked for
	begun  int        // the last that was begun
	down   bool       // the link is, since the last was asked for
	cancel context.CancelFunc

	aside atomic.Bool // the peer keeps something set aside

	// The goroutine's own.
	adopted map[string]journal.Seq // by aside: the own journal's last entry when it had all of it
}

// meet asks for a new round; the one before is void.
func (s *shipper) meet() { s.change(func() { s.meets, s.down = s.meets+1, false }) }

// cut ends the round: the link is down. The machine asks for another when it is up.
func (s *shipper) cut() { s.change(func() { s.down = true }) }

func (s *shipper) change(how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how()
	if s.cancel != nil {
		s.cancel()
	}
	wake(s.wake)
}

// take begins the round that was asked for last, if it has not begun yet and may.
func (s *shipper) take(ctx context.Context) (context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel()
	}
	if s.down || s.begun == s.meets {
		return nil, false
	}
	s.begun = s.meets
	ctx, s.cancel = context.WithCancel(ctx)
	return ctx, true
}

// owes reports whether the peer keeps something that was set aside. Until the copy has
// all of it the own journal must not be compacted.
func (s *shipper) owes() bool { return s.aside.Load() }

// ship is the goroutine of the shipper.
func (n *Node) ship(ctx context.Context) {
	defer n.shipper.cut()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.shipper.wake:
		}
		if during, asked := n.shipper.take(ctx); asked {
			n.round(during)
		}
	}
}

// round brings journal and copy together and ships until ctx ends.
func (n *Node) round(ctx context.Context) {
	n.doubt()
	r := round{Node: n, wait: retryFirst}
	for ctx.Err() == nil {
		err := r.together(ctx)
		if ctx.Err() != nil {
			return
		}
		n.stall()
		r.explain(ctx, err)
		if !pause(ctx, r.wait) {
			return
		}
		r.wait = min(2*r.wait, retryLast)
	}
}

// round is what one Meet began.
type round struct {
	*Node
	told bool // the machine, that journal and copy agree
	wait time.Duration
	said string // to the log, why it goes on anew
}

// together does one act after the other until there is only shipping left, and ships.
func (r *round) together(ctx context.Context) error {
	for {
		copied, from, err := r.reconcile(ctx)
		if err != nil {
			return err
		}
		if copied == nil {
			continue // all is asked anew
		}
		if copied.Seq < r.Shipped() {
			r.pusher.forget() // the peer lost its disk, and blobs with it
		}
		r.reached(copied.Seq)
		if !r.told {
			r.told = true
			r.feed(ctx, pair.Reconciled{Past: r.past()})
			wake(r.fetcher.wake)
		}
		return r.shipFrom(ctx, *copied, from)
	}
}

// shipFrom ships until something fails.
func (r *round) shipFrom(ctx context.Context, c link.Copied, from journal.Seq) error {
	for {
		if err := r.tidy(ctx, &c); err != nil {
			return err
		}
		frames, err := r.await(ctx, from)
		if err != nil {
			return err
		}
		if len(frames) == 0 {
			continue
		}
		if err := r.pushNamed(ctx, frames); err != nil {
			return fmt.Errorf("bring blobs to the peer: %w", err)
		}
		if err := r.undress(frames); err != nil {
			return err
		}
		if c, err = r.move(ctx, frames); err != nil {
			return err
		}
		r.reached(c.Seq)
		from, r.wait = c.Seq+1, retryFirst
	}
}

// await waits for entries, but not for long.
func (n *Node) await(ctx context.Context, from journal.Seq) ([][]byte, error) {
	waiting, cancel := context.WithTimeout(ctx, lookAround)
	defer cancel()
	frames, err := n.cfg.Journal.Frames(waiting, from, 0)
	if waiting.Err() != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the own journal from %d: %w", from, err)
	}
	return frames, nil
}

// errApart says that the copy is not where it should be: all is asked anew.
var errApart = errors.New("the peer's copy is not where it was")

// move ships one batch, and holds what the copy is then against the own journal.
func (n *Node) move(ctx context.Context, frames [][]byte) (link.Copied, error) {
	during, cancel := context.WithTimeout(ctx, moveWithin)
	defer cancel()
	c, err := n.cfg.Link.Ship(during, frames)
	if err != nil {
		if f := (*journal.Gap)(nil); errors.As(err, &f) || errors.Is(err, journal.ErrForked) {
			n.doubt()
		}
		return c, fmt.Errorf("ship entries: %w", err)
	}
	last, err := journal.ParseFrame(frames[len(frames)-1])
	if err != nil {
		return c, err
	}
	hash := last.Hash
	if c.Seq > last.Seq {
		if hash, err = n.cfg.Journal.HashAt(ctx, c.Seq); err != nil {
			return c, fmt.Errorf("look where the copy is: %w", err)
		}
	}
	if c.Seq < last.Seq || hash != c.Hash {
		n.doubt()
		return c, errApart
	}
	return c, nil
}

// doubt says that nobody knows how far the peer has the own journal.
func (n *Node) doubt() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.acks.Shipped(0)
}

// tidy lets the peer drop what nobody needs any more: what it set aside, once its copy
// has all of that, and what the own journal compacted away.
func (r *round) tidy(ctx context.Context, c *link.Copied) error {
	ctx, cancel := context.WithTimeout(ctx, moveWithin)
	defer cancel()
	kept := c.Asides[:0:0]
	for _, name := range c.Asides {
		cover, adopted := r.shipper.adopted[name]
		if !adopted || c.Seq < cover {
			kept = append(kept, name)
			continue
		}
		if err := r.cfg.Link.Discard(ctx, name); err != nil {
			return fmt.Errorf("let the peer discard what it set aside: %w", err)
		}
		delete(r.shipper.adopted, name)
		r.cfg.Log.Info("the peer discarded what it had set aside", "aside", name)
	}
	c.Asides = kept
	r.shipper.aside.Store(len(kept) > 0)
	first, _ := r.cfg.Journal.Bounds()
	if first <= c.First || c.Seq < first {
		return nil
	}
	switch err := r.cfg.Link.Compact(ctx, first); {
	case err == nil:
		c.First = first
	case core.AsFailure(err).Code == core.CodeConflict:
		r.cfg.Log.Debug("the peer does not compact its copy yet", "err", err)
	default:
		return fmt.Errorf("let the peer compact its copy: %w", err)
	}
	return nil
}

// explain logs why a round goes on anew, each reason once, and tells the machine when it is
// for good.
func (r *round) explain(ctx context.Context, err error) {
	if why := unfit(err); why != nil {
		r.feed(ctx, pair.Unfit{Why: why})
		return
	}
	level, again := r.cfg.Log.Warn, err.Error() == r.said
	r.said = err.Error()
	if again || errors.Is(err, link.ErrUnheard) || errors.Is(err, link.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		level = r.cfg.Log.Debug // the link's state says it
	}
	level("the own journal does not reach the peer; trying again", "err", err)
}

// unfit is why journal and copy will never agree; nil: they may.
func unfit(err error) *core.Failure {
	var other *journal.Stranger
	switch {
	case errors.As(err, &other):
		return &core.Failure{
			Code: pair.CodeOtherPair, Permanent: true,
			Detail: fmt.Sprintf("the journal of this server and the peer's copy of it are those of two servers: %q and %q", other.Want, other.Got),
			Remedy: "two data folders have been mixed up, or the peer still has the copy of a server that this one replaces: look at the folders of both",
		}
	case errors.Is(err, core.ErrUnknownEvent):
		return &core.Failure{
			Code: pair.CodeOtherVersion, Permanent: true,
			Detail: fmt.Sprintf("one server does not understand the other's journal: %v", err),
			Remedy: "install the same version on both; until then each works on its own jobs, unprotected",
		}
	}
	return nil
}
