package host

import (
	"math"
	"testing"
)

func TestEngineTimeThatCannotBeIsLeftOut(t *testing.T) {
	p := &pool{}
	for _, seconds := range []float64{1.5, -3, math.NaN(), math.Inf(1), 1e9, 0, 0.25} {
		p.engineTime(seconds)
	}
	if got := p.counts.EngineSeconds; got != 1.75 {
		t.Errorf("got %v s, want the 1.5 and 0.25 that can be", got)
	}
}

// A process that ends after its call is not in the way of the one that takes its place.
func TestWhatEndsAfterItsCallTakesNoPlace(t *testing.T) {
	worn := &worker{}
	p := &pool{turns: make(chan struct{}, 1), busy: map[*worker]struct{}{worn: {}}}
	if !p.full() {
		t.Fatal("there is room beside a process at work")
	}
	p.dismiss(worn)
	fresh := &worker{}
	p.adopt(fresh)
	if len(p.idle) != 1 || p.idle[0] != fresh {
		t.Error("the process that takes its place was ended")
	}
}
