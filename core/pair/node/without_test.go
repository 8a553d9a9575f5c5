package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// failing makes every put of a server fail with err; nil: none.
func failing(s *site, err error) {
	s.wire.fails(func(what string) error {
		if what == "put" {
			return err
		}
		return nil
	})
}

// A job whose scan does not get to the peer is not protected, however far its event got;
// others are, and it is too as soon as the peer has the scan.
func TestAJobWithoutItsScanIsNotProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		failing(a, errors.New("input/output error"))
		ref := a.put("unreadable")
		if a.accept("job", ref) {
			t.Error("it is called protected")
		}
		agree(t, a, b, "job")
		_, seq := a.own.Bounds()
		if a.node.Shipped() != seq || !a.node.Without(seq) || a.node.Protect(t.Context(), seq) {
			t.Error("it is protected once its event was shipped")
		}
		if !a.accept("another") {
			t.Error("another job is not protected")
		}
		wake(a.node.fetcher.wake) // in vain
		synctest.Wait()
		if !a.node.Without(seq) {
			t.Error("the peer counts as having the scan")
		}
		failing(a, nil)
		wake(a.node.fetcher.wake)
		eventually(t, "the peer has the scan", func() bool { return b.blobs.Has(ref) && !a.node.Without(seq) })
		if !a.node.Protect(t.Context(), seq) {
			t.Error("the job is not protected although the peer has all of it")
		}
	})
}

// A blob that is not needed any more is in nobody's way.
func TestNobodyWaitsForABlobThatIsNotNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		failing(a, errors.New("input/output error"))
		n := a.node
		n.pusher.leave(a.put("needed by nothing"))
		n.mu.Lock()
		n.bare[1] = []core.Ref{a.put("needed by nothing")}
		n.mu.Unlock()
		wake(n.fetcher.wake)
		eventually(t, "it is let go", func() bool { return !n.Without(1) })
		agree(t, a, b)
	})
}

// When the way to the peer breaks it is no fault of the blob, however often.
func TestABrokenWayHoldsTheEventBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		failing(a, fmt.Errorf("%w: the connection was reset", link.ErrUnreachable))
		if a.accept("job", a.put("a scan")) {
			t.Error("the job is called protected without its scan")
		}
		began := time.Now()
		eventually(t, "time has passed in tries", func() bool { return time.Since(began) > 15*time.Second })
		if b.line.knows("job") {
			t.Error("the event was shipped without its blob")
		}
		failing(a, nil)
		agree(t, a, b, "job")
	})
}

// unreadable is a store whose blobs cannot be read.
type unreadable struct {
	*blob.Store
	dir string
}

func (u unreadable) Open(core.Ref) (*os.File, error) {
	return os.OpenFile(filepath.Join(u.dir, "blob"), os.O_CREATE|os.O_WRONLY, 0o600)
}

// reader is a link that breaks when what it is to send cannot be read.
type reader struct{ Peer }

func (reader) PutBlob(_ context.Context, _ core.Ref, r io.Reader, _ int64) error {
	_, err := io.ReadAll(r)
	return fmt.Errorf("%w: %w", link.ErrUnreachable, err)
}

// That a blob cannot be read looks like a broken way, and is not.
func TestAnUnreadableBlobIsToldFromABrokenWay(t *testing.T) {
	a, _ := newPair(t)
	n := New(Config{Journal: a.own, Copy: a.copy, Blobs: unreadable{a.blobs, t.TempDir()}, Link: reader{a.wire}})
	if err := n.put(t.Context(), a.put("a scan")); !errors.Is(err, errUnreadable) || absent(err) {
		t.Errorf("an unreadable blob: %v", err)
	}
	if !absent(fmt.Errorf("push: %w", link.ErrUnreachable)) {
		t.Error("a broken way counts as an unreadable blob")
	}
}
