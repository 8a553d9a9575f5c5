package pipeline

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// RetryPolicy says how often failed work is tried again and how long it rests
// before. A permanent failure is never tried again. The zero value works.
type RetryPolicy struct {
	Tries        int           // of a page or a document; default 3
	DeliverTries int           // of a delivery; default 20
	Rest         time.Duration // after the first failure, doubled each time; default 1 s
	MaxRest      time.Duration // of a page or a document; default 1 min
	DeliverRest  time.Duration // longest of a delivery; default 15 min
	Interrupts   int           // attempts cut off by the end of the server, after which the work is given up; default 20
}

func (r RetryPolicy) withDefaults() RetryPolicy {
	setDefault(&r.Tries, 3)
	setDefault(&r.DeliverTries, 20)
	setDefault(&r.Rest, time.Second)
	setDefault(&r.MaxRest, time.Minute)
	setDefault(&r.DeliverRest, 15*time.Minute)
	setDefault(&r.Interrupts, 20)
	return r
}

// judge says what becomes of a task that failed at the time now.
func (r RetryPolicy) judge(t core.Task, f core.Failure, now time.Time) core.StageFailed {
	e := core.StageFailed{
		Stage: t.Stage, Page: t.Page, Destination: t.Destination, Round: t.Round,
		Attempt: t.Attempt, Failures: t.Failures + 1, Failure: f,
	}
	if e.Final = f.Permanent || r.last(t); !e.Final {
		rest := r.MaxRest
		if t.Stage == core.Deliver {
			rest = r.DeliverRest
		}
		e.RetryAt = now.Add(r.after(e.Failures, rest))
	}
	return e
}

// last reports whether no attempt follows if this one fails.
func (r RetryPolicy) last(t core.Task) bool {
	if t.Stage == core.Deliver {
		return t.Failures+1 >= r.DeliverTries
	}
	return t.Failures+1 >= r.Tries
}

// after is the rest after the n-th failure.
func (r RetryPolicy) after(n int, most time.Duration) time.Duration {
	rest := r.Rest
	for range n - 1 {
		if rest >= most {
			break
		}
		rest *= 2
	}
	return min(rest, most)
}

// interrupted is the end of work that took the server down too often.
func (r RetryPolicy) interrupted(t core.Task) (core.StageFailed, bool) {
	if t.Interrupted < r.Interrupts {
		return core.StageFailed{}, false
	}
	e := r.judge(t, core.Failure{
		Code:      core.CodeInterrupted,
		Detail:    "the server went down too often while this was worked on",
		Remedy:    "look into the server's log; then retry the job",
		Permanent: true,
	}, time.Time{})
	e.Attempt--
	return e, true
}
