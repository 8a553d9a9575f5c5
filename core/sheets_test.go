package core_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	. "github.com/twinleaf-scan/twinleaf/core"
)

// batch is a job of pages that were all cleaned, written as sheetsOf has them.
func batch(word string, split *Split) *story {
	s := newStory()
	sub := s.submission(j1, 1, "x")
	sub.Options.Split = split
	s.tell(j1, sub, DocumentIngested{Inputs: []Inspection{pages(len(word))}})
	s.clean(word)
	return s
}

func (s *story) clean(word string) {
	for _, p := range sheetsOf(word) {
		s.tell(j1, PageRasterized{Page: p.Number, Image: PageImage{Image: File{Ref: s.ref("image", p.Number)}, Width: 1, Height: 1}})
		if p.Failure != nil {
			s.tell(j1, StageFailed{Stage: Clean, Page: p.Number, Attempt: 1, Final: true, Failure: *p.Failure})
			continue
		}
		clean := *p.Clean
		clean.Image = &File{Ref: s.ref("clean", p.Number)}
		s.tell(j1, PageCleaned{Page: p.Number, Clean: clean})
	}
}

func TestASeparatorSheetThatIsLeftOutIsNotRead(t *testing.T) {
	sheets, both := []string{SplitSeparator}, []string{SplitBlank, SplitSeparator}
	for _, c := range []struct {
		pages string
		split *Split
		want  string // pages that are read
	}{
		{"psp", &Split{At: sheets}, "1 3"},
		{"pbsSp", &Split{At: both}, "1 5"},
		{"psp", &Split{At: sheets, Keep: true}, "1 2 3"},
		{"psp", &Split{At: []string{SplitBlank}}, "1 2 3"},
		{"psp", nil, "1 2 3"},
		{"sss", &Split{At: sheets}, "1 2 3"}, // the job stays whole
		{"s", &Split{At: sheets}, "1"},
		{"sb", &Split{At: both}, "1"},
		{"sb", &Split{At: sheets}, ""}, // the blank page is a document
		{"sf", &Split{At: sheets}, ""},
	} {
		t.Run(fmt.Sprint(c.pages, c.split), func(t *testing.T) {
			s := batch(c.pages, c.split)
			var want []string
			for n := range strings.FieldsSeq(c.want) {
				want = append(want, "recognize "+n)
			}
			if want == nil {
				want = []string{"assemble"}
			}
			s.wantReady(t, want...)
			s.run(nil)
			v := s.view(t, j1)
			if n := len(c.pages); v.Pages.Total != n || v.Pages.Done != n || v.State.Open() {
				t.Errorf("the job is %s with pages %+v", v.State, v.Pages)
			}
		})
	}
}

func TestSheetsAreReadAfterAllWhenNothingElseComes(t *testing.T) {
	s := newStory()
	sub := s.submission(j1, 1, "x")
	sub.Options.Split = &Split{At: []string{SplitSeparator}}
	s.tell(j1, sub, DocumentIngested{Inputs: []Inspection{pages(3)}})
	s.clean("ss")
	s.wantReady(t, "rasterize 3")
	if v := s.view(t, j1); v.Pages.Done != 2 {
		t.Errorf("%d pages are done, want 2", v.Pages.Done)
	}
	kept := slices.Collect(s.Refs())
	s.tell(j1, PageRasterized{Page: 3}, PageCleaned{Page: 3, Clean: PageClean{Separator: true}})
	s.wantReady(t, "recognize 1", "recognize 2", "recognize 3")
	for ref := range s.ready()[0].Refs() {
		if !slices.Contains(kept, ref) {
			t.Errorf("the image %q could have been deleted meanwhile", ref)
		}
	}
	s.run(nil)
	s.wantState(t, j1, Completed)
}

// Journals from before sheets were left out tell of sheets that were read.
func TestWhatWasToldOfSheetsBeforeMeansTheSame(t *testing.T) {
	split := &Split{At: []string{SplitSeparator}}
	sheet := func(s *story) Task {
		return Task{Job: j1, Stage: Recognize, Page: 2, Attempt: 1, Options: Options{Split: split}}
	}
	for name, c := range map[string]struct {
		tell func(*story)
		want []string
		PageCounts
	}{
		"read":        {func(s *story) { s.do(sheet(s)) }, []string{"recognize 1", "recognize 3"}, PageCounts{Total: 3, Done: 1}},
		"interrupted": {func(s *story) { s.start(sheet(s)) }, []string{"recognize 1", "recognize 2", "recognize 3"}, PageCounts{Total: 3}},
		"failed":      {func(s *story) { s.fail(sheet(s), true, 0) }, []string{"recognize 1", "recognize 3"}, PageCounts{Total: 3, Done: 1, Failed: 1}},
		"failed, then asked for again": {func(s *story) {
			s.fail(sheet(s), true, 0)
			s.tell(j1, JobRetried{Round: 1})
		}, []string{"recognize 1", "recognize 2", "recognize 3"}, PageCounts{Total: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			s := batch("psp", split)
			c.tell(s)
			s.wantReady(t, c.want...)
			if v := s.view(t, j1); v.Pages != c.PageCounts {
				t.Errorf("pages: got %+v, want %+v", v.Pages, c.PageCounts)
			}
			s.run(nil)
			if v := s.view(t, j1); v.State != Completed {
				t.Errorf("the job ends as %s", v.State)
			}
		})
	}
}

// Whatever the order in which pages turn out to be sheets: every page that is in a
// document has its text or is blank, and no sheet that is left out was read.
func TestWhatIsReadIsWhatDocumentsHave(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[pbsS]{1,8}`).Draw(t, "pages")
		split := &Split{At: []string{SplitBlank, SplitSeparator}[rapid.IntRange(0, 1).Draw(t, "from"):], Keep: rapid.Bool().Draw(t, "keep")}
		s := newStory()
		sub := s.submission(j1, 1, "x")
		sub.Options.Split = split
		s.tell(j1, sub, DocumentIngested{Inputs: []Inspection{pages(len(word))}})
		var assemble *Task
		read := map[int]bool{}
		for assemble == nil {
			task := rapid.SampledFrom(s.ready()).Draw(t, "task")
			switch task.Stage {
			case Assemble:
				assemble = &task
			case Clean:
				s.tell(j1, PageCleaned{Page: task.Page, Clean: *sheetsOf(word)[task.Page-1].Clean})
			case Recognize:
				read[task.Page] = true
				fallthrough
			default:
				s.do(task)
			}
		}
		in := map[int]bool{}
		for _, part := range assemble.Options.Parts(assemble.Document.Pages) {
			for _, p := range part.Pages {
				in[p.Number] = !p.Blank()
				if p.Text == nil && !p.Blank() {
					t.Fatalf("%s, %+v: page %d is in a document and was not read", word, split, p.Number)
				}
			}
		}
		for n := range read {
			if !in[n] {
				t.Fatalf("%s, %+v: page %d was read for nobody", word, split, n)
			}
		}
	})
}
