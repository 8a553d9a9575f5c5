package farm

import (
	"errors"
	"fmt"
	"time"
)

// member is a worker that has joined.
type member struct {
	Worker
	busy     int
	pages    int64 // that it read
	failures int64 // answers that were no text
	inRow    int   // of them since the last page
	rests    time.Time
	left     bool // or gone; it gets no page any more
	why      string
	at       time.Time // of why
}

const (
	refusal  = time.Minute // a worker rests that has another engine
	maxPause = time.Minute // a worker rests that fails again and again
)

// slots is how many pages it takes now.
func (m *member) slots() int {
	if m.left || time.Now().Before(m.rests) {
		return 0
	}
	return max(m.Slots(), 0)
}

// note takes in what came of a page.
func (m *member) note(err error) {
	now := time.Now()
	if err == nil {
		m.pages++
		m.inRow = 0
		return
	}
	if errors.Is(err, ErrBusy) {
		m.rests = now.Add(tick)
		return
	}
	m.failures++
	m.inRow++
	m.why, m.at = brief(err), now
	switch {
	case errors.Is(err, ErrBasis):
		m.rests = now.Add(refusal)
	case errors.Is(err, ErrGone):
		m.left = true
	case m.inRow > 1: // once may be the page
		m.rests = now.Add(min(time.Second<<min(m.inRow-1, 10), maxPause))
	}
}

func brief(err error) string {
	s := fmt.Sprint(err)
	return s[:min(len(s), 500)]
}
