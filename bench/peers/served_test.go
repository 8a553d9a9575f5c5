package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/latency"
)

func TestPagesOfASetAreShared(t *testing.T) {
	for n, want := range map[int][3]int{34: {2, 20, 12}, 40: {2, 23, 15}, 4: {0, 2, 2}, 1: {0, 0, 1}, 0: {}} {
		all := make([]int, n)
		warm, idle, busy := shares(all)
		if got := [3]int{len(warm), len(idle), len(busy)}; got != want {
			t.Errorf("%d pages: got %v, want %v", n, got, want)
		}
	}
}

func TestABatchCountsOnlyWhenItWasReadOnceAndThenKept(t *testing.T) {
	l := &laid{set: &set{Name: "again"}, images: make([]string, 100)}
	for _, c := range []struct {
		round, pages, kept int
		program, why       string
	}{
		{0, 100, 0, firstTime, ""}, {1, 100, 100, secondTime, ""},
		{0, 100, 3, firstTime, "3 of 100 pages were answered from what was read before, not 0"},
		{2, 100, 99, secondTime, "99 of 100"}, {1, 90, 90, secondTime, "it made 90 of 100 pages"},
	} {
		m := batch(l, c.round, latency.Cost{Wall: time.Second, CPU: 2 * time.Second, Pages: c.pages, Kept: c.kept, Words: 7})
		if m.Program != c.program || !strings.Contains(m.Failed, c.why) || (c.why == "") != (m.Failed == "") || m.Wall != 1 || m.CPU != 2 || m.Words != 7 {
			t.Errorf("%+v: got %+v", c, m)
		}
	}
}

func TestAServerThatDoesNotStartIsARowWithAReason(t *testing.T) {
	dir := programs(t, map[string]string{"twinleaf": `echo "no plug-ins here" >&2; exit 1`})
	s := setup{twinleaf: filepath.Join(dir, "twinleaf"), at: 1, patience: time.Minute}
	l := &laid{set: &set{Name: "single", Lang: "eng"}, documents: []string{"a.pdf"}}
	var said bytes.Buffer
	for _, got := range [][]measure{s.pages(t.Context(), l, nil, t.TempDir(), &said), s.twice(t.Context(), l, t.TempDir(), "a.png", &said)} {
		if len(got) != 2 || !strings.Contains(got[0].Failed, "no plug-ins here") || got[0].Program == got[1].Program {
			t.Errorf("got %+v", got)
		}
	}
}
