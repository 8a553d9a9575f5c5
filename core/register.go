package core

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"
)

// The fold is made of registers whose update commutes and is idempotent: the
// first of several results, the highest of several numbers. So the order in
// which two journals are folded does not matter, and folding twice is harmless.

// stamp is a time in nanoseconds since 1970; 0 is the zero time.
type stamp int64

func stampOf(t time.Time) stamp {
	if t.IsZero() {
		return 0
	}
	return stamp(t.UnixNano())
}

func (s stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}

// oldest is the earlier of two times, where 0 is no time.
func oldest(a, b stamp) stamp {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// first is a register that keeps the first of several values.
type first[T any] struct {
	At   stamp         `json:"at"`
	Took time.Duration `json:"took,omitempty"`
	Val  T             `json:"val"`
}

// earlier is the first of two values; of two of the same time, the one that is
// smaller when written down. Values are never changed once they stand in a register.
func earlier[T any](a, b *first[T]) *first[T] {
	switch {
	case b == nil:
		return a
	case a == nil:
		return b
	case a.At != b.At:
		if a.At < b.At {
			return a
		}
		return b
	}
	if reflect.DeepEqual(a, b) || bytes.Compare(written(a), written(b)) <= 0 { // mostly they are the same event
		return a
	}
	return b
}

// earlierSub is earlier for submissions: what sealing drops does not decide.
func earlierSub(a, b *first[JobSubmitted]) *first[JobSubmitted] {
	if a == nil || b == nil || a.At != b.At {
		return earlier(a, b)
	}
	if reflect.DeepEqual(a, b) || bytes.Compare(written(stripped(a.Val)), written(stripped(b.Val))) <= 0 {
		return a
	}
	return b
}

// stripped is what a sealed job keeps of its submission.
func stripped(b JobSubmitted) JobSubmitted {
	b.Inputs, b.Options = nil, Options{}
	return b
}

// written is v as JSON; what cannot be written is empty.
func written(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return data
}

// tries is what is known of the attempts at one piece of work in the latest round.
type tries struct {
	Round  int             `json:"round,omitempty"`
	Starts int             `json:"starts"` // highest number of an attempt
	Fails  int             `json:"fails,omitempty"`
	Last   *first[failing] `json:"last,omitempty"`
}

// failing is the failure that counts.
type failing struct {
	Attempt int     `json:"attempt"`
	Failure Failure `json:"failure"`
	Final   bool    `json:"final,omitempty"`
	RetryAt stamp   `json:"retryAt,omitempty"`
}

// join is what two records know together: the later round, in it the highest
// numbers and the failure that decides.
func (t *tries) join(o *tries) *tries {
	switch {
	case o == nil:
		return t
	case t == nil || o.Round > t.Round:
		return o
	case t.Round > o.Round:
		return t
	}
	return &tries{
		Round:  t.Round,
		Starts: max(t.Starts, o.Starts),
		Fails:  max(t.Fails, o.Fails),
		Last:   deciding(t.Last, o.Last),
	}
}

// deciding is the failure that counts of two: a final one before another, then
// that of the later attempt, then the first.
func deciding(a, b *first[failing]) *first[failing] {
	switch {
	case a == nil || b == nil:
		return earlier(a, b)
	case a.Val.Final != b.Val.Final:
		if a.Val.Final {
			return a
		}
		return b
	case a.Val.Attempt != b.Val.Attempt:
		if a.Val.Attempt > b.Val.Attempt {
			return a
		}
		return b
	}
	return earlier(a, b)
}

// final reports whether the work has failed for good in the round.
func (t *tries) final(round int) bool {
	return t != nil && t.Round >= round && t.Last != nil && t.Last.Val.Final
}

// in is t if it speaks of the round, else a record of no attempt.
func (t *tries) in(round int) tries {
	if t == nil || t.Round < round {
		return tries{Round: round}
	}
	return *t
}

// interrupted is the number of attempts that never ended.
func (t tries) interrupted() int { return max(0, t.Starts-t.Fails) }

// retryAt is when the next attempt may begin; 0 is at once.
func (t tries) retryAt() stamp {
	if t.Last == nil {
		return 0
	}
	return t.Last.Val.RetryAt
}
