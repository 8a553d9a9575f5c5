package stats

import (
	"math"
	"slices"
	"testing"
)

func TestMedianIsTheMiddle(t *testing.T) {
	cases := []struct {
		values []float64
		want   float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{8, 1, 2, 4}, 3},
		{nil, math.NaN()},
	}
	for _, c := range cases {
		given := slices.Clone(c.values)
		if got := Median(c.values); !same(got, c.want) {
			t.Errorf("Median(%v) = %v, want %v", c.values, got, c.want)
		}
		if !slices.Equal(given, c.values) {
			t.Errorf("the values were put in order: %v", c.values)
		}
	}
}

func TestPercentileIsAValueThatWasSeen(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	cases := []struct {
		values []float64
		p      float64
		want   float64
	}{
		{hundred, 50, 50},
		{hundred, 95, 95},
		{hundred, 99, 99},
		{hundred, 0, 1},
		{hundred, 100, 100},
		{hundred, 150, 100},
		{[]float64{7, 2}, 50, 2},
		{[]float64{7, 2}, 95, 7},
		{[]float64{4}, 99, 4},
		{nil, 50, math.NaN()},
	}
	for _, c := range cases {
		if got := Percentile(c.values, c.p); !same(got, c.want) {
			t.Errorf("Percentile(%d values, %v) = %v, want %v", len(c.values), c.p, got, c.want)
		}
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	got := Ratios([]float64{20, 30, 8, 5}, []float64{10, 10, 0})
	if len(got) != 3 || got[0] != 2 || got[1] != 3 || !math.IsNaN(got[2]) {
		t.Errorf("got %v, want 2, 3 and no number", got)
	}
}

func TestHistogramCountsEveryValueOnce(t *testing.T) {
	counts, width := Histogram([]float64{0, 0.9, 1, 2.5, 4}, 4)
	if !slices.Equal(counts, []int{2, 1, 1, 1}) || width != 1 {
		t.Errorf("got %v of width %v", counts, width)
	}
	if counts, width := Histogram([]float64{0, 0}, 3); !slices.Equal(counts, []int{2, 0, 0}) || width != 0 {
		t.Errorf("of zeros: got %v of width %v", counts, width)
	}
	if counts, width := Histogram(nil, 2); !slices.Equal(counts, []int{0, 0}) || width != 0 {
		t.Errorf("of nothing: got %v of width %v", counts, width)
	}
}

func same(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
