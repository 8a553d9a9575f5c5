package link

import (
	"log/slog"
	"sync"
	"time"
)

// complaints go to the log once a minute at most for each of a few kinds, however often
// somebody tries.
type complaints struct {
	log *slog.Logger
	now func() time.Time

	mu    sync.Mutex // guards kinds
	kinds map[string]*complaint
}

type complaint struct {
	told   time.Time
	untold int
}

const quiet = time.Minute

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, now: time.Now, kinds: map[string]*complaint{}}
}

// about tells why somebody was turned away. kind is one of a few constants.
func (c *complaints) about(kind string, why error, attrs ...any) {
	if untold, ok := c.turn(kind); ok {
		c.log.Warn("the servers of the pair do not accept each other", append([]any{"code", kind, "err", why, "untold", untold}, attrs...)...)
	}
}

// turn reports whether it is time to tell, and how often nothing was told.
func (c *complaints) turn(kind string) (untold int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, k := c.now(), c.kinds[kind]
	if k == nil {
		c.kinds[kind] = &complaint{told: now}
		return 0, true
	}
	if d := now.Sub(k.told); d >= 0 && d < quiet {
		k.untold++
		return 0, false
	}
	untold = k.untold
	*k = complaint{told: now}
	return untold, true
}
