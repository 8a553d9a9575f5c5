package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

const (
	parallel  = 4    // blobs on their way at once, in each direction
	askAtOnce = 1000 // refs in one question to the peer
	offersMax = 1024 // blobs that wait to be pushed ahead; more are pushed with their events

	// knownFor is how long a blob counts as there that the peer was given: it may drop
	// it when nothing names it.
	knownFor = time.Minute

	// pushTries is how often a blob is tried before its event goes without it: one that
	// cannot be read must not hold up the journal. What names it is not protected until
	// the peer has it; it is tried again with each scrub.
	pushTries = 5

	// A blob may take blobBase and what a slow link needs for its size.
	blobBase  = time.Minute
	slowBytes = 256 << 10 // in a second
)

// pusher brings blobs to the peer.
type pusher struct {
	life    context.Context // of Run: a push belongs to no round
	flights singleflight.Group
	running sync.WaitGroup
	slots   chan struct{}
	offered chan core.Ref

	mu    sync.Mutex             // guards the fields below
	known map[core.Ref]time.Time // what the peer was given, and when
	ahead map[core.Ref]bool      // what was offered and is on its way, or will be
	tries map[core.Ref]int       // that failed
	left  map[core.Ref]bool      // what events went without
}

func newPusher() pusher {
	return pusher{
		slots: make(chan struct{}, parallel), offered: make(chan core.Ref, offersMax),
		known: map[core.Ref]time.Time{}, ahead: map[core.Ref]bool{}, tries: map[core.Ref]int{}, left: map[core.Ref]bool{},
	}
}

// forget forgets what the peer was given: it may have lost its disk.
func (p *pusher) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.known)
	clear(p.tries)
}

func (p *pusher) wait() { p.running.Wait() }

// knows reports whether the peer was given the blob a moment ago.
func (p *pusher) knows(ref core.Ref, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.known[ref]
	return ok && now.Sub(at) < knownFor
}

// given keeps that the peer has blobs.
func (p *pusher) given(now time.Time, refs ...core.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) > 100*askAtOnce {
		clear(p.known) // they are asked for again
	}
	for _, ref := range refs {
		p.known[ref] = now
	}
}

// failed counts that a blob did not get there, and reports whether it is to be left out.
func (p *pusher) failed(ref core.Ref) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries[ref]++
	return p.tries[ref] >= pushTries
}

// Offer says that a blob was put just now, so that it is with the peer before its event
// is. It does not wait.
func (n *Node) Offer(ref core.Ref) {
	p := &n.pusher
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case p.offered <- ref:
		p.ahead[ref] = true
	default: // its event brings it
	}
}

// comes reports whether a blob was offered and is not there yet.
func (p *pusher) comes(ref core.Ref) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ahead[ref]
}

// came says that a blob that was offered is there, or is not brought ahead.
func (p *pusher) came(ref core.Ref) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ahead, ref)
}

// pushOffered is one of the goroutines that push ahead.
func (n *Node) pushOffered(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case ref := <-n.pusher.offered:
			n.pushAhead(ctx, ref)
		}
	}
}

func (n *Node) pushAhead(ctx context.Context, ref core.Ref) {
	defer n.pusher.came(ref)
	if !n.linked() || n.pusher.knows(ref, n.now()) {
		return
	}
	if err := n.push(ctx, ref); err != nil {
		n.cfg.Log.Debug("a blob was not pushed ahead", "ref", string(ref), "err", err)
	}
}

// linked reports whether the peer was heard a moment ago.
func (n *Node) linked() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.m != nil && n.m.Status().Linked
}

// pushNamed brings to the peer what the events in the frames name, it lacks and is here.
func (n *Node) pushNamed(ctx context.Context, frames [][]byte) error {
	refs, err := n.unknown(frames)
	if err != nil {
		return err
	}
	for len(refs) > 0 {
		some := refs[:min(askAtOnce, len(refs))]
		refs = refs[len(some):]
		if err := n.pushLacking(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// unknown are the blobs that events name and that are here, but perhaps not there. A
// blob that is not here any more is not needed any more.
func (n *Node) unknown(frames [][]byte) ([]core.Ref, error) {
	seen := map[core.Ref]bool{}
	var refs []core.Ref
	for _, raw := range frames {
		e, err := journal.ParseFrame(raw)
		if err != nil {
			return nil, err
		}
		for _, ref := range core.BodyRefs(e.Event.Body) {
			if ref == "" || seen[ref] || n.pusher.knows(ref, n.now()) || !n.cfg.Blobs.Has(ref) {
				continue
			}
			seen[ref] = true
			refs = append(refs, ref)
		}
	}
	return refs, nil
}

// pushLacking brings those of the blobs to the peer that it lacks. It is not asked about
// what is on its way.
func (n *Node) pushLacking(ctx context.Context, refs []core.Ref) error {
	var lacking, ask []core.Ref
	for _, ref := range refs {
		if n.pusher.comes(ref) {
			lacking = append(lacking, ref)
		} else {
			ask = append(ask, ref)
		}
	}
	if len(ask) > 0 {
		asking, cancel := context.WithTimeout(ctx, askWithin)
		lacks, err := n.cfg.Link.Lacks(asking, ask)
		cancel()
		if err != nil {
			return fmt.Errorf("ask which blobs the peer lacks: %w", err)
		}
		lacking = append(lacking, lacks...)
	}
	group, pushing := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, ref := range lacking {
		group.Go(func() error { return n.push(pushing, ref) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	n.pusher.given(n.now(), refs...)
	return nil
}

// push brings one blob to the peer. Whoever wants the same at the same time waits for
// the one push; it goes on when they have stopped waiting.
func (n *Node) push(ctx context.Context, ref core.Ref) error {
	p := &n.pusher
	answer := make(chan error, 1)
	p.running.Go(func() {
		_, err, _ := p.flights.Do(string(ref), func() (any, error) { return nil, n.carry(ref) })
		answer <- err
	})
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// carry is one push.
func (n *Node) carry(ref core.Ref) error {
	p := &n.pusher
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-p.life.Done():
		return p.life.Err()
	}
	err := n.put(p.life, ref)
	switch {
	case err == nil:
		p.arrived(ref)
	case dataDown(err) || absent(err) || p.life.Err() != nil || !p.failed(ref):
		return fmt.Errorf("push blob %s: %w", ref, err)
	default:
		n.cfg.Log.Error("a blob does not get to the peer; its event goes without it and is not protected", "ref", string(ref), "err", err)
		p.leave(ref)
	}
	p.given(n.now(), ref)
	return nil
}

// errUnreadable is in the chain of the error of a push whose blob cannot be read here.
var errUnreadable = errors.New("the blob cannot be read")

// absent reports whether it was the peer, or the way to it, that failed and not the blob.
func absent(err error) bool {
	return errors.Is(err, link.ErrUnreachable) && !errors.Is(err, errUnreadable)
}

func (n *Node) put(ctx context.Context, ref core.Ref) error {
	f, err := n.cfg.Blobs.Open(ref)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, blobTime(info.Size()))
	defer cancel()
	read := &source{r: f}
	err = n.cfg.Link.PutBlob(ctx, ref, read, info.Size())
	if err != nil && read.failed.Load() {
		err = fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return err
}

// source is a blob that is read, and whether that failed.
type source struct {
	r      io.Reader
	failed atomic.Bool
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF && !errors.Is(err, fs.ErrClosed) { // it may be read on for a moment after it was closed
		s.failed.Store(true)
	}
	return n, err
}

// blobTime is how long a blob of a size may take.
func blobTime(size int64) time.Duration {
	return blobBase + time.Duration(size/slowBytes)*time.Second
}
