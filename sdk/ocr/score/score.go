// Package score says how far a recognised text is from the truth: the share of
// wrong characters (CER) and words (WER). Benchmarks and accuracy checks use it;
// the server does not.
package score

import "strings"

// Result is the distance of one recognised text from its truth. A rate of 0.01 is
// one error in a hundred; a rate may exceed 1 when much was invented.
type Result struct {
	CER       float64 `json:"cer"`       // character edits per character of the truth
	WER       float64 `json:"wer"`       // word edits per word of the truth, in reading order
	BagWER    float64 `json:"bag_wer"`   // the same when the order of words does not matter
	Recall    float64 `json:"recall"`    // share of the truth's words that were found
	Precision float64 `json:"precision"` // share of the found words that the truth has
	Chars     int     `json:"chars"`     // of the truth
	Words     int     `json:"words"`     // of the truth
	Found     int     `json:"found"`     // words of the recognised text
}

// Compare scores recognised against truth, both brought into the form that o asks
// for. Time grows with the product of their lengths: two pages of 5,000 characters
// take some 50 ms.
func Compare(truth, recognised string, o Options) Result {
	truth, recognised = Normalise(truth, o), Normalise(recognised, o)
	want, got := strings.Fields(truth), strings.Fields(recognised)
	wantChars, gotChars := []rune(truth), []rune(recognised)
	hits := common(want, got)
	return Result{
		CER:       rate(Distance(wantChars, gotChars), len(wantChars)),
		WER:       rate(Distance(want, got), len(want)),
		BagWER:    rate(max(len(want), len(got))-hits, len(want)),
		Recall:    share(hits, len(want)),
		Precision: share(hits, len(got)),
		Chars:     len(wantChars),
		Words:     len(want),
		Found:     len(got),
	}
}

// Distance is the least number of insertions, deletions and replacements that
// turn a into b (Levenshtein).
func Distance[T comparable](a, b []T) int {
	prev := make([]int, len(b)+1)
	next := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range a {
		next[0] = i + 1
		for j := range b {
			replace := prev[j]
			if a[i] != b[j] {
				replace++
			}
			next[j+1] = min(replace, prev[j+1]+1, next[j]+1)
		}
		prev, next = next, prev
	}
	return prev[len(b)]
}

// common counts the words that both have, each as often as the rarer side has it.
func common(want, got []string) int {
	left := make(map[string]int, len(want))
	for _, w := range want {
		left[w]++
	}
	hits := 0
	for _, w := range got {
		if left[w] > 0 {
			left[w]--
			hits++
		}
	}
	return hits
}

// rate is edits per unit of the truth. Anything at all is wholly wrong where the
// truth is empty.
func rate(edits, units int) float64 {
	if units == 0 {
		return float64(min(edits, 1))
	}
	return float64(edits) / float64(units)
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
