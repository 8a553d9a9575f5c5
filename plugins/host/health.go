package host

import (
	"fmt"
	"time"
)

// health decides whether a plug-in may be tried, from how its last tries went.
// Failed starts and crashes count, but one input that keeps crashing a plug-in
// counts once: the input is to blame, not the plug-in.
type health struct {
	limit int           // strikes until quarantine
	rest  time.Duration // length of a quarantine

	strikes int
	inputs  map[string]bool // of the crashes in a row
	until   time.Time       // of the quarantine; zero: none
	cause   string          // of the last strike
}

// strike notes a failed start (input empty) or a crash on an input. It reports
// whether the plug-in went into quarantine.
func (h *health) strike(input, cause string, now time.Time) bool {
	h.cause = cause
	if input != "" && h.inputs[input] {
		return false
	}
	if h.inputs == nil {
		h.inputs = map[string]bool{}
	}
	if input != "" {
		h.inputs[input] = true
	}
	h.strikes++
	if h.strikes < h.limit {
		return false
	}
	h.until = now.Add(h.rest)
	return true
}

// success forgets all strikes. It reports whether that ended a quarantine.
func (h *health) success() bool {
	ended := !h.until.IsZero()
	h.strikes, h.inputs, h.until, h.cause = 0, nil, time.Time{}, ""
	return ended
}

// allow says whether a try may be made now. When a quarantine has lasted long
// enough it lets one try through; the rest wait for how that one goes.
func (h *health) allow(now time.Time) error {
	if h.until.IsZero() {
		return nil
	}
	if now.Before(h.until) {
		return fmt.Errorf("in quarantine until %s after %d failures in a row; the last: %s",
			h.until.Format(time.TimeOnly), h.strikes, h.cause)
	}
	h.until = now.Add(h.rest)
	return nil
}

// backoff is how long to wait before the next start.
func (h *health) backoff() time.Duration {
	const first, most = 50 * time.Millisecond, 2 * time.Second
	if h.strikes < 2 {
		return 0
	}
	return min(first<<min(h.strikes-2, 10), most)
}
