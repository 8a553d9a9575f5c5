package access

import (
	"sync"
	"time"
)

// rate allows burst tries at once and one more every gap.
type rate struct {
	burst int
	gap   time.Duration
}

// The rates of failed log-ins. One person mistyping is stopped first; an address behind
// which many people sit has more; a name that is tried from everywhere still lets its
// owner in.
var (
	ratePair    = rate{5, 30 * time.Second}
	rateAddress = rate{20, 5 * time.Second}
	rateName    = rate{100, 5 * time.Second}
)

// limiter remembers failed log-ins by name, by address and by both, each as the time at
// which nothing of them counts any more.
type limiter struct {
	mu   sync.Mutex // guards free
	free *limited[time.Time]
}

func newLimiter(most int) *limiter { return &limiter{free: newLimited[time.Time](most)} }

type counted struct {
	key  string
	rate rate
}

func keysOf(name, address string) []counted {
	return []counted{
		{"both\x00" + name + "\x00" + address, ratePair},
		{"address\x00" + address, rateAddress},
		{"name\x00" + name, rateName},
	}
}

// take counts a try before it is made, so that many at once are seen, and says how long
// to wait where there were too many.
func (l *limiter) take(now time.Time, name, address string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range keysOf(name, address) {
		free, _ := l.free.get(now, c.key)
		allowed := free.Add(-time.Duration(c.rate.burst-1) * c.rate.gap)
		wait = max(wait, allowed.Sub(now))
	}
	if wait > 0 {
		return wait
	}
	for _, c := range keysOf(name, address) {
		l.add(now, c.key, c.rate.gap)
	}
	return 0
}

// forget takes back the count of a try that was right.
func (l *limiter) forget(now time.Time, name, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range keysOf(name, address) {
		l.add(now, c.key, -c.rate.gap)
	}
}

func (l *limiter) add(now time.Time, key string, d time.Duration) {
	free, _ := l.free.get(now, key)
	if free.Before(now) {
		free = now
	}
	free = free.Add(d)
	l.free.put(now, key, free, free)
}

// limited remembers at most so many values, each until a time.
type limited[V any] struct {
	most int

	mu  sync.Mutex // guards all
	all map[string]kept[V]
}

type kept[V any] struct {
	value V
	until time.Time
}

func newLimited[V any](most int) *limited[V] {
	return &limited[V]{most: most, all: map[string]kept[V]{}}
}

func (l *limited[V]) get(now time.Time, key string) (V, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.all[key]
	if !ok || !k.until.After(now) {
		var none V
		return none, false
	}
	return k.value, true
}

func (l *limited[V]) put(now time.Time, key string, v V, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.all[key]; !known && len(l.all) >= l.most {
		l.makeRoom(now)
	}
	l.all[key] = kept[V]{v, until}
}

// makeRoom drops what counts no more; else the value whose time ends first.
func (l *limited[V]) makeRoom(now time.Time) {
	var first string
	var soonest time.Time
	for key, k := range l.all {
		if !k.until.After(now) {
			delete(l.all, key)
			continue
		}
		if first == "" || k.until.Before(soonest) {
			first, soonest = key, k.until
		}
	}
	if len(l.all) >= l.most {
		delete(l.all, first)
	}
}
