package reuse

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/cache"
)

// shelf is a store in memory.
type shelf map[cache.Key][]byte

func (s shelf) Get(k cache.Key) ([]byte, bool) { v, ok := s[k]; return v, ok }
func (s shelf) Put(k cache.Key, v []byte)      { s[k] = v }
func (s shelf) Drop(k cache.Key)               { delete(s, k) }

// asked is what became of who asked after somebody else.
type asked struct {
	ok    bool
	after time.Duration
}

// second asks the same as somebody who asked just before and is done after a minute as
// finish says, if nothing else ends the waiting.
func second(t *testing.T, ctx context.Context, finish func(*Question)) asked {
	t.Helper()
	m, err := New(shelf{}, &bases{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	first := m.Ask(t.Context(), core.StepRecognizer, one, "page")
	if _, ok := first.Recall(t.Context()); ok {
		t.Fatal("the first is answered")
	}
	got := make(chan asked, 1)
	go func() {
		begin := time.Now()
		q := m.Ask(ctx, core.StepRecognizer, one, "page")
		defer q.End()
		_, ok := q.Recall(ctx)
		got <- asked{ok, time.Since(begin)}
	}()
	synctest.Wait()
	finish(first)
	answer := <-got
	first.End()
	return answer
}

func TestTheSameIsNotAskedTwiceAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		limit  time.Duration // of the second
		finish func(*Question)
		want   asked
	}{
		"the first has an answer": {0, func(q *Question) {
			time.Sleep(2 * time.Second)
			q.Keep(context.Background(), "", hello)
			q.End()
		}, asked{true, 2 * time.Second}},
		"the first fails": {0, func(q *Question) {
			time.Sleep(3 * time.Second)
			q.End()
			q.End()
		}, asked{false, 3 * time.Second}},
		"the first hangs":              {0, func(*Question) {}, asked{false, longestWait}},
		"the second has not much time": {10 * time.Second, func(*Question) {}, asked{false, 5 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.limit > 0 {
					short, stop := context.WithTimeout(ctx, c.limit)
					defer stop()
					ctx = short
				}
				if got := second(t, ctx, c.finish); got != c.want {
					t.Errorf("got %+v, want %+v", got, c.want)
				}
			})
		})
	}
}

func TestWhoWaitsCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		if got := second(t, ctx, func(*Question) { stop(errors.New("enough")) }); got != (asked{}) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestOtherQuestionsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := New(shelf{}, &bases{}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for page := range 5 {
			q := m.Ask(t.Context(), core.StepRecognizer, one, page)
			q.Recall(t.Context())
			defer q.End()
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("they waited %v", took)
		}
	})
}
