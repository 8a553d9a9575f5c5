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
