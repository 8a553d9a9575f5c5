// Package stats is the little statistics of the measurements: what lies in the middle of
// several runs, and how long the slow pages take.
package stats

import (
	"math"
	"slices"
)

// Median is the middle of values, the mean of the two middle ones where their number is
// even; NaN where there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Percentile is the least of values that at least p of a hundred of them do not exceed
// (nearest rank); NaN where there are none.
func Percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Ratio is a over b; NaN where b is 0.
func Ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// Ratios are those of two series of runs, round by round: what slows down one round slows
// down both. What one series has more than the other is left out.
func Ratios(a, b []float64) []float64 {
	out := make([]float64, min(len(a), len(b)))
	for i := range out {
		out[i] = Ratio(a[i], b[i])
	}
	return out
}

// Histogram counts values in n ranges of one width from 0 to the greatest. width is 0
// where there is nothing to count.
func Histogram(values []float64, n int) (counts []int, width float64) {
	counts = make([]int, max(n, 1))
	if len(values) == 0 {
		return counts, 0
	}
	width = slices.Max(values) / float64(len(counts))
	if width <= 0 {
		counts[0] = len(values)
		return counts, 0
	}
	for _, v := range values {
		counts[min(max(int(v/width), 0), len(counts)-1)]++
	}
	return counts, width
}
