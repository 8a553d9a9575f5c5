package link

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

func TestAPageIsReadThere(t *testing.T) {
	r := newRig(t)
	large := bytes.Repeat([]byte("word "), 1<<20)
	r.read = func(_ context.Context, task []byte) ([]byte, error) { return append(task, large...), nil }
	for _, c := range []struct{ there, want int }{{0, 0}, {3, 3}, {-1, 0}, {1000, MaxPages}} {
		r.places = c.there
		if n, err := r.client.Places(t.Context()); n != c.want || err != nil {
			t.Errorf("%d places there are %d here, %v", c.there, n, err)
		}
	}
	text, err := r.client.Page(t.Context(), []byte("a page"))
	if err != nil || !bytes.Equal(text, append([]byte("a page"), large...)) {
		t.Errorf("%d bytes came, %v", len(text), err)
	}
}

func TestWhatIsSaidOfPagesIsBounded(t *testing.T) {
	r := newRig(t)
	r.read = func(context.Context, []byte) ([]byte, error) { return make([]byte, MaxText+1), nil }
	if _, err := r.client.Page(t.Context(), nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a text that is too long: %v", err)
	}
	if _, err := r.client.Page(t.Context(), make([]byte, MaxTask+1)); !codeOf(err, core.CodeOverLimit) {
		t.Errorf("a task that is too long: %v", err)
	}
	r.read = func(context.Context, []byte) ([]byte, error) {
		return nil, &core.Failure{Code: "other-engine", Detail: "no"}
	}
	if _, err := r.client.Page(t.Context(), nil); !codeOf(err, "other-engine") {
		t.Errorf("a refusal: %v", err)
	}
}

func codeOf(err error, code string) bool {
	f, ok := errors.AsType[*core.Failure](err)
	return ok && f.Code == code
}

// As many pages as there may be leave room for everything else, and who does not wait any
// more is known to be gone.
func TestPagesHoldUpNothing(t *testing.T) {
	onWires(t, nil, holdUpNothing)
}

func holdUpNothing(t *testing.T, r *rig, _ *wires) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var begun, ended atomic.Int32
	r.read = func(ctx context.Context, _ []byte) ([]byte, error) {
		begun.Add(1)
		defer ended.Add(1)
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	var waiting errgroup.Group
	for range MaxPages + 10 {
		waiting.Go(func() error {
			if _, err := r.client.Page(ctx, []byte("{}")); !errors.Is(err, ErrUnreachable) {
				t.Errorf("a page that nobody waits for: %v", err)
			}
			return nil
		})
	}
	eventually(t, "all places are taken", func() bool { return begun.Load() >= MaxPages })
	began := time.Now()
	for range 20 {
		if err := r.client.Send(t.Context(), pair.Hello{}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.client.Copied(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.client.Lacks(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 0 {
		t.Errorf("sixty calls beside pages waited for %v", took)
	}
	stop()
	_ = waiting.Wait()
	eventually(t, "whoever reads for nobody stops", func() bool { return ended.Load() == begun.Load() })
}
