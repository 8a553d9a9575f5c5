package delivertest

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Destination is what a deliverer gives to [deliver.Once].
type Destination interface {
	deliver.Files
	deliver.Tidier
}

// repeating is a way to a destination that loses the answer to a move and repeats it, as
// proxies do. The move is done then, and the answer says that it could not be.
type repeating struct {
	Destination
	left    int    // moves until the one that is repeated
	answer  error  // to the second
	planned func() // called after the first move, that of the plan
}

// Move is part of deliver.Files.
func (r *repeating) Move(ctx context.Context, from, to string) error {
	if err := r.Destination.Move(ctx, from, to); err != nil {
		return err
	}
	r.planned()
	r.planned = func() {}
	if r.left--; r.left == 0 {
		return fmt.Errorf("move to %s, again: %w", to, r.answer)
	}
	return nil
}

// Lock is part of deliver.Locker.
func (r *repeating) Lock(ctx context.Context) (func(), error) {
	if l, ok := r.Destination.(deliver.Locker); ok {
		return l.Lock(ctx)
	}
	return func() {}, nil
}

func survivesRepetition(t *testing.T, place func(*testing.T) Place) {
	if place(t).Over == nil {
		t.Skip("nothing is moved there")
	}
	for _, answer := range []error{fs.ErrExist, fs.ErrNotExist} {
		for _, taken := range []bool{false, true} {
			t.Run(fmt.Sprintf("%v, name taken=%v", answer, taken), func(t *testing.T) {
				n := 1
				for survivesOneRepetition(t, place(t), repeating{left: n, answer: answer}, taken) {
					n++
				}
				if n < 4 {
					t.Errorf("a delivery of two files has only %d moves", n-1)
				}
			})
		}
	}
}

// survivesOneRepetition reports whether there were as many moves. Where a name is taken
// after the plan there is a second plan.
func survivesOneRepetition(t *testing.T, p Place, way repeating, taken bool) bool {
	n := way.left
	want := map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"}
	way.planned = func() {}
	if taken {
		want = map[string]string{"scan.pdf": "theirs", "scan.txt": "the text of k", "scan-here-01.pdf": "the pdf of k"}
		way.planned = func() { p.Put(t, "scan.pdf", "theirs") }
	}
	r := Request(t, "k", "scan")
	err := p.Over(r, func(to Destination) Destination { way.Destination = to; return &way })
	if err != nil {
		t.Errorf("move %d: %v", n, err)
	}
	p.want(t, want)
	for name := range maps.Keys(p.Have(t)) {
		p.Take(t, name)
	}
	p.send(t, r)
	p.want(t, map[string]string{})
	return way.left <= 0 && !t.Failed()
}
