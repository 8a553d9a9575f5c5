package main

import (
	"fmt"
	"regexp"
	"strconv"
)

// confidence is where hOCR says how sure the engine is of a word.
var confidence = regexp.MustCompile(`x_wconf (\d+)`)

// compare holds what the two engines made of one file against each other.
func compare(system, native reading) row {
	r := row{System: system.cpu, Native: native.cpu, Text: system.text == native.text}
	if system.exit != native.exit {
		r.Why = fmt.Sprintf("exit %d (%s), native %d (%s)", system.exit, system.told, native.exit, native.told)
	}
	r.Neither = system.exit != 0 && r.Why == ""
	const any = "x_wconf"
	r.Layout = confidence.ReplaceAllString(system.hocr, any) == confidence.ReplaceAllString(native.hocr, any)
	a, b := confidences(system.hocr), confidences(native.hocr)
	r.Words = len(a)
	for i := range min(len(a), len(b)) {
		if by := max(a[i]-b[i], b[i]-a[i]); by > 0 {
			r.Moved++
			r.Confidence = max(r.Confidence, by)
		}
	}
	return r
}

// confidences are those of all words, in order, in points of 100.
func confidences(hocr string) []int {
	var all []int
	for _, m := range confidence.FindAllStringSubmatch(hocr, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			n = 0 // more digits than any confidence has
		}
		all = append(all, n)
	}
	return all
}
