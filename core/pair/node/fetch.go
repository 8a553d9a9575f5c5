package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// maxBlob bounds a blob, as the link does.
const maxBlob = 4 << 30

// fetcher gets blobs from the peer that are missing here.
type fetcher struct {
	wake    chan struct{}
	flights singleflight.Group
}

// Scrubbed is what a look for missing blobs found.
type Scrubbed struct {
	Needed  int // blobs that jobs of both servers need
	Fetched int
	Lost    int // missing on both servers, or not fetched this time
}

// ErrUnlinked is the error of what needs the peer while it is not there.
var ErrUnlinked = errors.New("the peer does not answer")

// scrubAgain looks for blobs that are missing, here or there, whenever journal and copy
// have come together, and every now and then.
func (n *Node) scrubAgain(ctx context.Context) {
	every := time.NewTicker(n.cfg.ScrubEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.fetcher.wake:
		case <-every.C:
		}
		if n.linked() {
			n.pushLeft(ctx)
		}
		if _, err := n.Scrub(ctx); err != nil && !errors.Is(err, ErrUnlinked) && ctx.Err() == nil {
			n.cfg.Log.Warn("the look for missing blobs ended early", "err", err)
		}
	}
}

// Scrub fetches from the peer whatever blobs are needed and not here.
func (n *Node) Scrub(ctx context.Context) (Scrubbed, error) {
	if !n.linked() {
		return Scrubbed{}, ErrUnlinked
	}
	needed := n.cfg.Work.Needed()
	s := Scrubbed{Needed: len(needed)}
	var mu sync.Mutex // guards s
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for ref := range needed {
		if ref == "" || n.cfg.Blobs.Has(ref) {
			continue
		}
		group.Go(func() error {
			err := n.Heal(ctx, ref)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				s.Fetched++
				return nil
			}
			s.Lost++
			if errors.Is(err, link.ErrUnreachable) || dataDown(err) || ctx.Err() != nil {
				return err // the others would fare alike
			}
			if !errors.Is(err, fs.ErrNotExist) {
				n.cfg.Log.Warn("a missing blob was not fetched", "ref", string(ref), "err", err)
			}
			return nil
		})
	}
	err := group.Wait()
	if s.Fetched+s.Lost > 0 {
		n.cfg.Log.Info("looked for missing blobs at the peer", "needed", s.Needed, "fetched", s.Fetched, "missing", s.Lost)
	}
	return s, err
}

// Heal fetches a blob from the peer that is missing here. It is on disk when Heal
// returns. The error is fs.ErrNotExist when the peer does not have it either.
func (n *Node) Heal(ctx context.Context, ref core.Ref) error {
	if n.cfg.Blobs.Has(ref) {
		return nil
	}
	fetched := n.fetcher.flights.DoChan(string(ref), func() (any, error) { return nil, n.fetch(ctx, ref) })
	select {
	case r := <-fetched:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Node) fetch(ctx context.Context, ref core.Ref) error {
	ctx, cancel := context.WithTimeout(ctx, blobTime(maxBlob))
	defer cancel()
	r, err := n.cfg.Link.Blob(ctx, ref)
	if err != nil {
		return fmt.Errorf("fetch blob %s from the peer: %w", ref, err)
	}
	defer r.Close()
	got, _, err := n.cfg.Blobs.Put(ctx, r, maxBlob)
	if err != nil {
		return fmt.Errorf("fetch blob %s from the peer: %w", ref, err)
	}
	if got != ref {
		return core.Refuse(core.CodeDamaged, "look at the peer's disk", "the peer gave blob %s in place of %s", got, ref)
	}
	n.log.count(func(m *Metrics) { m.Healed++ })
	return nil
}
