package core_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	. "github.com/twinleaf-scan/twinleaf/core"
)

// sheetsOf makes pages of a word: b is blank, s a separator sheet, S one with the code
// "next", f a page that failed, x a separator sheet that failed, anything else a page.
func sheetsOf(word string) []Page {
	var pages []Page
	for i, r := range word {
		p := Page{Number: i + 1, Clean: &PageClean{}}
		switch r {
		case 'b':
			p.Clean.Blank = true
		case 's', 'x', 'S':
			p.Clean.Separator = true
		}
		if r == 'S' {
			p.Clean.Codes = []Code{{Type: "code-128", Value: "next"}, {Type: "qr", Value: "other"}}
		}
		if r == 'f' || r == 'x' {
			p.Failure = &Failure{Code: CodeTimeout}
		}
		if r == 'n' {
			p.Clean = nil // born digital
		}
		pages = append(pages, p)
	}
	return pages
}

// told writes parts as the numbers of their pages.
func told(parts []Part) string {
	var out []string
	for _, p := range parts {
		var pages []string
		for _, page := range p.Pages {
			pages = append(pages, fmt.Sprint(page.Number))
		}
		out = append(out, fmt.Sprintf("%d:%s", p.Number, strings.Join(pages, ",")))
	}
	return strings.Join(out, " ")
}

func TestPagesAreDividedAtSheets(t *testing.T) {
	both := []string{SplitBlank, SplitSeparator}
	for _, c := range []struct {
		pages string
		at    []string
		keep  bool
		want  string
	}{
		{"pp", nil, false, "0:1,2"},
		{"ppbp", []string{SplitSeparator}, false, "0:1,2,3,4"},
		{"ppbp", []string{SplitBlank}, false, "1:1,2 2:4"},
		{"psp", []string{SplitBlank}, false, "0:1,2,3"},
		{"pspbp", both, false, "1:1 2:3 3:5"},
		{"sppspps", []string{SplitSeparator}, false, "1:2,3 2:5,6"},
		{"psbspn", both, false, "1:1 2:5,6"}, // a sheet's blank back
		{"spp", []string{SplitSeparator}, false, "0:2,3"},
		{"sss", []string{SplitSeparator}, false, "0:1,2,3"},
		{"b", []string{SplitBlank}, false, "0:1"},
		{"", []string{SplitBlank}, false, "0:"},
		{"fxf", []string{SplitSeparator}, false, "1:1 2:3"},
		{"psp", []string{SplitSeparator}, true, "1:1 2:2,3"},
		{"sps", []string{SplitSeparator}, true, "1:1,2 2:3"}, // a document of one page with a barcode
		{"ss", []string{SplitSeparator}, true, "1:1 2:2"},
		{"pbbp", []string{SplitBlank}, true, "1:1 2:2,3,4"},
		{"bpb", []string{SplitBlank}, true, "0:1,2,3"},
		{"pbsp", both, true, "1:1 2:2,3,4"},
	} {
		o := Options{}
		if c.at != nil {
			o.Split = &Split{At: c.at, Keep: c.keep}
		}
		if got := told(o.Parts(sheetsOf(c.pages))); got != c.want {
			t.Errorf("%s at %v, keep %v: got %q, want %q", c.pages, c.at, c.keep, got, c.want)
		}
	}
}

func TestNoPageIsLostOrDoubledByDividing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[pbsSfxn]{0,30}`).Draw(t, "pages")
		split := Split{At: []string{SplitBlank, SplitSeparator}[rapid.IntRange(0, 1).Draw(t, "from"):], Keep: rapid.Bool().Draw(t, "keep")}
		pages := sheetsOf(word)
		var seen []int
		parts := Options{Split: &split}.Parts(pages)
		for i, p := range parts {
			if len(p.Pages) == 0 && len(pages) > 0 {
				t.Fatalf("part %d of %s is empty", i, word)
			}
			if want := i + 1; len(parts) > 1 && p.Number != want || len(parts) == 1 && p.Number != 0 {
				t.Fatalf("part %d has number %d", i, p.Number)
			}
			if first, last := p.Pages, len(p.Pages); last > 0 && first[last-1].Number-first[0].Number != last-1 {
				t.Fatalf("part %d of %s is no run of pages: %s", i, word, told(parts))
			}
			for _, page := range p.Pages {
				seen = append(seen, page.Number)
			}
		}
		if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
			t.Fatalf("%s: pages %v", word, seen)
		}
		lost := len(pages) - len(seen)
		if sheets := strings.Count(word, "s") + strings.Count(word, "S") + strings.Count(word, "x") + strings.Count(word, "b"); lost > 0 && (split.Keep || lost > sheets) {
			t.Fatalf("%s: %d pages are lost: %s", word, lost, told(parts))
		}
	})
}

func TestCodeOfTheSheetNamesThePart(t *testing.T) {
	o := Options{Split: &Split{At: []string{SplitBlank, SplitSeparator}}}
	var got []string
	for _, p := range o.Parts(sheetsOf("pSbpsp")) {
		got = append(got, p.Separator())
	}
	if want := []string{"", "next", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFieldsOfAnEventAreBounded(t *testing.T) {
	a := DocumentAssembled{Fields: map[string]string{"a": "1", "long": strings.Repeat("x", 501), strings.Repeat("n", 101): "y"}}
	for i := range 1000 {
		a.Parts = append(a.Parts, PartInfo{Part: i + 1, Fields: map[string]string{"text": strings.Repeat("x", 500)}})
		a.Unindexed = append(a.Unindexed, IndexFailure{Part: i + 1})
	}
	got := a.Bounded()
	line, err := EncodeEvent(Event{Body: got})
	if err != nil || len(line) > 1<<20 {
		t.Errorf("%d bytes, %v; want less than a megabyte", len(line), err)
	}
	if len(got.Fields) != 1 || got.Fields["a"] != "1" || len(got.Unindexed) != MaxPageFailures || len(got.Parts) != 1000 {
		t.Errorf("fields %v, %d index failures, %d parts", got.Fields, len(got.Unindexed), len(got.Parts))
	}
	if len(a.Parts[999].Fields) != 1 {
		t.Error("what was bounded has changed")
	}
}

func TestSheetThatIsLeftOutIsNotMissed(t *testing.T) {
	s := newStory()
	sub := s.submission("A-1", 1, "x")
	sub.Options.Split = &Split{At: []string{SplitSeparator}}
	s.tell("A-1", sub)
	s.run(func(t Task) bool { return t.Stage == Recognize && t.Page == 2 })
	s.wantState(t, "A-1", Partial) // page 2 is no sheet

	task := Task{Stage: Assemble, Options: sub.Options, Document: &Document{Pages: sheetsOf("pxfb")}}
	r, err := task.Complete(DocumentAssembled{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if a := r.(DocumentAssembled); a.Pages != 4 || a.Blank != 1 || !slices.Equal(a.Failed, []int{3}) {
		t.Errorf("got %d pages, %d blank, failed %v; want 4, 1 and page 3", a.Pages, a.Blank, a.Failed)
	}
}

func TestMissingFieldsMakeAJobPartialUntilTheyAreThere(t *testing.T) {
	s := newStory()
	s.submit("A-1", 1, "x")
	fail := true
	for range 100 {
		tasks := s.ready()
		if len(tasks) == 0 {
			break
		}
		if tasks[0].Stage != Assemble || !fail {
			s.do(tasks[0])
			continue
		}
		a := s.result(tasks[0], 0).(DocumentAssembled)
		a.Unindexed = []IndexFailure{{Indexer: "dates", Failure: Failure{Code: CodePlugin, Detail: "it crashed"}}}
		r, err := tasks[0].Complete(a, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.tell("A-1", r)
		fail = false
	}
	v := s.view(t, "A-1")
	if v.State != Partial || len(v.Unindexed) != 1 || v.Destinations[0].State != DeliveryDone {
		t.Fatalf("got %+v, want a partial job that is delivered", v)
	}
	s.tell("A-1", JobRetried{Round: 1})
	s.wantReady(t, "assemble")
	s.run(nil)
	if v := s.view(t, "A-1"); v.State != Completed || len(v.Unindexed) != 0 {
		t.Errorf("after the retry: %+v", v)
	}
}
