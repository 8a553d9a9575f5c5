package core_test

import (
	"strings"
	"testing"

	. "github.com/twinleaf-scan/twinleaf/core"
)

func TestDamagedSnapshotIsRefused(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.run(atStage(Clean, 2))
	good := s.String()
	lines := strings.SplitAfter(strings.TrimSuffix(good, "\n"), "\n")
	for name, bad := range map[string]string{
		"empty":            "",
		"other format":     strings.Replace(good, "state 1", "state 2", 1),
		"cut short":        strings.Join(lines[:len(lines)-1], ""),
		"a line lost":      lines[0] + strings.Join(lines[2:], ""),
		"a page lost":      strings.Join(append(lines[:2:2], lines[3:]...), ""),
		"a line twice":     lines[0] + lines[1] + lines[1] + strings.Join(lines[2:], ""),
		"something after":  good + lines[1],
		"no JSON":          strings.Replace(good, "{", "", 1),
		"unknown field":    strings.Replace(good, `"settings":0`, `"settings":0,"x":1`, 1),
		"page number zero": strings.Replace(good, `"n":1`, `"n":0`, 1),
	} {
		if got, err := DecodeState(strings.NewReader(bad)); err == nil {
			t.Errorf("%s: read as\n%s", name, got)
		}
	}
	if _, err := DecodeState(strings.NewReader(good)); err != nil {
		t.Error(err)
	}
}

func FuzzDecodeState(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(fold(history(seed, 1)[:20]).String())
	}
	f.Fuzz(func(t *testing.T, data string) {
		s, err := DecodeState(strings.NewReader(data))
		if err != nil {
			return
		}
		again, err := DecodeState(strings.NewReader(s.String()))
		if err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, s)
		}
		if again.Digest() != s.Digest() {
			t.Fatalf("reading again gives another state:\n%s", diff(again, s))
		}
		readyNames(s)
		for range s.Refs() {
		}
	})
}
