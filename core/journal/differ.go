package journal

import (
	"errors"
	"fmt"
)

// Gap is the error of entries that begin behind the next one.
type Gap struct {
	Want Seq // the next one
	Got  Seq
}

func (g *Gap) Error() string {
	return fmt.Sprintf("entry %d was asked for or given, but the next one is %d", g.Got, g.Want)
}

// ErrForked is what a *Fork is.
var ErrForked = errors.New("two histories of one journal")

// Fork is the error of entries that belong to another history: the entry Seq is
// one here and another there. Both were written by their journal's owner, which
// lost its end and went on without it. The package comment says what to do.
type Fork struct {
	Seq  Seq // an entry that differs; the first that was seen to
	Have Hash
	Got  Hash
}

func (f *Fork) Error() string {
	return fmt.Sprintf("%v: entry %d is %s here and %s there", ErrForked, f.Seq, f.Have, f.Got)
}

// Is makes every *Fork an ErrForked.
func (f *Fork) Is(target error) bool { return target == ErrForked }

// Stranger is the error of entries that another server wrote.
type Stranger struct{ Want, Got string }

func (s *Stranger) Error() string {
	return fmt.Sprintf("these entries are from the journal of %q, not of %q\nhint: two servers have been mixed up; look at the addresses and folders of both", s.Got, s.Want)
}

// ErrFrame is the error of bytes that are no entry, or not the entries of one
// journal in order.
var ErrFrame = errors.New("not a sound entry")
