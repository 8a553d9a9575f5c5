package reuse

import (
	"context"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/cache"
)

// flights are the questions that somebody is answering. Who asks the same meanwhile waits
// for that answer: two pages with the same image are often worked on at once.
type flights struct {
	mu    sync.Mutex // guards what follows
	under map[cache.Key]chan struct{}
}

// enter gives nil to the first who asks, who must leave. All others get what is closed
// then.
func (f *flights) enter(k cache.Key) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if done := f.under[k]; done != nil {
		return done
	}
	if f.under == nil {
		f.under = map[cache.Key]chan struct{}{}
	}
	f.under[k] = make(chan struct{})
	return nil
}

func (f *flights) leave(k cache.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.under[k])
	delete(f.under, k)
}

// longestWait is how long one waits for another's answer at most.
const longestWait = 30 * time.Second

// await waits once, and not so long that no time would be left to ask oneself: whoever is
// first may hang, fail, or have an answer that cannot be kept.
func await(ctx context.Context, done <-chan struct{}) {
	limit := longestWait
	if at, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(at)/2)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}
