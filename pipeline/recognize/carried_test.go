package recognize

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// slowReader takes its time for a page and counts who is with it at once.
type slowReader struct {
	takes      time.Duration
	now, most  int
	mayBeAsked chan struct{} // holds one while its fields change
}

func (r *slowReader) Text(_ context.Context, _ core.TextCall) (core.PageText, error) {
	r.mayBeAsked <- struct{}{}
	r.now++
	r.most = max(r.most, r.now)
	<-r.mayBeAsked
	time.Sleep(r.takes)
	r.mayBeAsked <- struct{}{}
	r.now--
	<-r.mayBeAsked
	return core.PageText{}, nil
}

func TestPagesOfADocumentAreAskedForInTurn(t *testing.T) {
	for name, c := range map[string]struct {
		takes     time.Duration
		documents []core.Ref
		most      int
		all       time.Duration
	}{
		"one document":        {100 * time.Millisecond, []core.Ref{"a", "a", "a"}, 1, 300 * time.Millisecond},
		"two documents":       {100 * time.Millisecond, []core.Ref{"a", "b"}, 2, 100 * time.Millisecond},
		"pages that are hard": {time.Minute, []core.Ref{"a", "a", "a"}, 3, time.Minute + politeness},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reader := &slowReader{takes: c.takes, mayBeAsked: make(chan struct{}, 1)}
				s := New(nil, nil, reader)
				begin := time.Now()
				done := make(chan error)
				for _, ref := range c.documents {
					go func() {
						_, err := s.inTurn(t.Context(), core.TextCall{Input: core.Source{File: core.File{Ref: ref}}})
						done <- err
					}()
				}
				for range c.documents {
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
				if took := time.Since(begin); took != c.all || reader.most != c.most {
					t.Errorf("%d at once, %v in all; want %d, %v", reader.most, took, c.most, c.all)
				}
				if len(s.turns.of) != 0 {
					t.Errorf("%d turns are left", len(s.turns.of))
				}
			})
		})
	}
}
