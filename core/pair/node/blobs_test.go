package node

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// The blob is there before the entry that names it, offered or not.
func TestABlobIsThereBeforeItsEvent(t *testing.T) {
	for _, offered := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			a, b := lazily(t)
			ref := a.put("a scan")
			if offered {
				a.node.Offer(ref)
				eventually(t, "it is pushed ahead", func() bool { return b.blobs.Has(ref) })
			}
			before := len(a.wire.heard())
			if !a.accept("job", ref) {
				t.Error("the job is not protected")
			}
			if !b.blobs.Has(ref) {
				t.Error("the job is protected but the peer has no scan")
			}
			calls := a.wire.heard()[before:]
			want := []string{"lacks", "put", "ship 1"}
			if offered {
				want = []string{"ship 1"}
			}
			if !slices.Equal(calls, want) {
				t.Errorf("offered %v: the peer was asked %v, want %v", offered, calls, want)
			}
		})
	}
}

// A push that hangs holds up the entry that names the blob, but not the answer.
func TestAnEventWaitsForItsBlob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		open := make(chan struct{})
		a.wire.fails(func(what string) error {
			if what == "put" {
				<-open
			}
			return nil
		})
		if a.accept("job", a.put("a large scan")) {
			t.Error("the job is called protected without its scan")
		}
		if b.line.knows("job") {
			t.Error("the peer knows a job whose scan it does not have")
		}
		close(open)
		agree(t, a, b, "job")
	})
}

// Blobs that are gone are not needed any more; those that cannot be had must not hold up
// the journal for ever.
func TestABlobThatIsGoneOrBadHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		bad := errors.New("input/output error")
		a.wire.fails(func(what string) error {
			if what == "put" {
				return bad
			}
			return nil
		})
		a.accept("gone", core.Ref(strings.Repeat("0", 64)))
		a.accept("bad", a.put("unreadable"))
		agree(t, a, b, "gone", "bad")
		if !strings.Contains(a.lines.String(), "does not get to the peer") {
			t.Error("nothing is said about the blob")
		}
	})
}

// A peer whose blobs cannot be written gets no events that name them.
func TestAFullBlobStoreHoldsTheEventBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		a.wire.fails(func(what string) error {
			if what == "put" {
				return core.DataDown("store the blob", errors.New("no space left on device"))
			}
			return nil
		})
		a.accept("job", a.put("a scan"))
		began := time.Now()
		eventually(t, "a minute has passed in tries", func() bool { return time.Since(began) > 15*time.Second })
		if b.line.knows("job") {
			t.Error("the event was shipped without its blob")
		}
		a.wire.fails(nil)
		agree(t, a, b, "job")
	})
}

func TestScrubFetchesWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		refs := []core.Ref{a.put("one"), a.put("two"), a.put("three")}
		a.accept("job", refs...)
		agree(t, a, b, "job")
		if _, _, err := b.blobs.Drop(t.Context(), refs[:2], time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.blobs.Drop(t.Context(), refs[1:2], time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		got, err := b.node.Scrub(t.Context())
		if want := (Scrubbed{Needed: 3, Fetched: 1, Lost: 1}); got != want || err != nil {
			t.Errorf("scrub found %+v, %v; want %+v", got, err, want)
		}
		if err := b.node.Heal(t.Context(), refs[1]); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a blob that neither has: %v", err)
		}
		// The look comes by itself as well.
		if _, _, err := b.blobs.Drop(t.Context(), refs[:1], time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		wake(b.node.fetcher.wake)
		eventually(t, "the blob is there again", func() bool { return b.blobs.Has(refs[0]) })
		a.kill()
		eventually(t, "the link is down", func() bool { return !b.node.Status().Linked })
		if _, err := b.node.Scrub(t.Context()); !errors.Is(err, ErrUnlinked) {
			t.Errorf("scrub without a peer: %v", err)
		}
	})
}

// A peer that lost its disk a moment after it was given a blob is given it again.
func TestAWipedPeerIsGivenTheBlobsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		ref := a.put("a scan")
		a.accept("job", ref)
		b.kill()
		b.wipe()
		before := len(a.wire.heard()) // what it is asked from its start on counts
		b.boot()
		agree(t, a, b, "job")
		if calls := a.wire.heard()[before:]; !slices.Contains(calls, "put") || !b.blobs.Has(ref) {
			t.Errorf("b was asked %v, it has the scan: %v", calls, b.blobs.Has(ref))
		}
	})
}

func TestAWrongBlobIsRefusedBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		ref := core.Ref(strings.Repeat("ab", 32))
		err := a.wire.PutBlob(t.Context(), ref, strings.NewReader("something else"), 14)
		if f := core.AsFailure(err); f.Code != core.CodeDamaged || b.blobs.Has(ref) {
			t.Errorf("a blob of another hash: %v", err)
		}
		deceived := New(Config{Link: liar{a.wire}, Blobs: a.blobs})
		if f := core.AsFailure(deceived.Heal(t.Context(), ref)); f.Code != core.CodeDamaged || a.blobs.Has(ref) {
			t.Errorf("a peer that gives another blob: %+v", f)
		}
	})
}

// liar gives another blob than it was asked for.
type liar struct{ *wire }

func (liar) Blob(context.Context, core.Ref) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("a lie")), nil
}

// What the peer asks is refused in words that say why.
func TestTheHandlerRefusesWhatIsNotSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.accept("job")
		agree(t, a, b, "job")
		h := b.node.Handler()
		var gap *journal.Gap
		if err := h.SetAside(t.Context(), pair.End{Seq: 1}); !errors.As(err, &gap) {
			t.Errorf("set aside at another end: %v", err)
		}
		seq, _ := b.copy.End()
		if err := h.SetAside(t.Context(), pair.End{Seq: seq}); !errors.Is(err, journal.ErrForked) {
			t.Errorf("set aside at another hash: %v", err)
		}
		if frames, err := h.Lost(t.Context(), seq+1); len(frames) > 0 || err != nil {
			t.Errorf("lost entries behind the end: %d, %v", len(frames), err)
		}
		if err := h.Discard(t.Context(), "../current"); err != nil {
			t.Errorf("discard of what is not there: %v", err)
		}
		if at, _ := b.copy.End(); at != seq {
			t.Errorf("the copy ends at %d, it ended at %d", at, seq)
		}
		for _, err := range h.Aside(t.Context(), "../current") {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("an aside that is not there: %v", err)
			}
		}
		for what, ask := range map[string]func() error{
			"manifest": func() error { _, err := h.Manifest(t.Context(), false); return err },
			"lock":     func() error { _, err := h.Lock(t.Context()); return err },
			"archive":  func() error { _, err := h.Archive(t.Context(), "x"); return err },
		} {
			if err := ask(); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s of a server that offers none: %v", what, err)
			}
		}
	})
}

// What the peer has already may be old and needed by nothing there. It must not be swept
// between the answer that it is there and the folding of the event that names it.
func TestABlobOnWhichAJobReliesIsNotSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		ref := a.put("the same scan as last week")
		b.put("the same scan as last week")
		path, err := b.blobs.Path(ref)
		if err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-7 * 24 * time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		sweep := func() { // it has looked already what is needed
			if _, _, err := b.blobs.Sweep(t.Context(), func(core.Ref) bool { return false }, time.Now().Add(-time.Hour)); err != nil {
				t.Error(err)
			}
		}
		a.wire.fails(func(what string) error {
			if strings.HasPrefix(what, "ship") {
				sweep()
			}
			return nil
		})
		if protected := a.accept("job", ref); !protected || !b.blobs.Has(ref) {
			t.Errorf("protected %v; the peer has the scan: %v", protected, b.blobs.Has(ref))
		}
	})
}
