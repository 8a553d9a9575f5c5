package core_test

import (
	"maps"
	"slices"
	"testing"

	. "github.com/twinleaf-scan/twinleaf/core"
)

func refs(s *story) []Ref {
	set := map[Ref]bool{}
	for r := range s.Refs() {
		set[r] = true
	}
	return slices.Sorted(maps.Keys(set))
}

func TestBlobsAreNeededAsLongAsAStageAsksForThem(t *testing.T) {
	const in = "inputA-10"
	for _, c := range []struct {
		name string
		pdf  *PDFInfo
		fail func(Task) bool
		stop Stage // run until a task of this stage is ready
		want []Ref
	}{
		{"new document before assembly", nil, nil, Assemble, []Ref{"image1", "image2", in, "text1", "text2"}},
		{"new document after assembly", nil, nil, Deliver, []Ref{in, "pdf0"}},
		{"graft before assembly", &PDFInfo{}, nil, Assemble, []Ref{in, "text1", "text2"}},
		{"partial new document", nil, atStage(Recognize, 2), "", []Ref{"image1", "image2", in, "pdf0", "text1"}},
		{"partial graft", &PDFInfo{}, atStage(Recognize, 2), "", []Ref{"image2", in, "pdf0", "text1"}},
		{"completed", nil, nil, "", []Ref{"pdf0"}},
		{"failed at ingest", nil, atStage(Ingest, 0), "", []Ref{in}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStory()
			s.submit(j1, 1, "x")
			if c.fail == nil || !c.fail(s.ready()[0]) {
				s.tell(j1, DocumentIngested{Inputs: []Inspection{{PDF: c.pdf, Pages: make([]PageInfo, 2)}}})
			}
			for len(s.ready()) > 0 && s.ready()[0].Stage != c.stop {
				if next := s.ready()[0]; c.fail != nil && c.fail(next) {
					s.fail(next, true, 0)
				} else {
					s.do(next)
				}
			}
			if got := refs(s); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCancelledJobNeedsNoBlob(t *testing.T) {
	s := newStory()
	s.submit(j1, 1, "x")
	s.run(atStage(Recognize, 2))
	s.tell(j1, JobCancelled{})
	if got := refs(s); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}
