package core

import (
	"slices"
	"sort"
)

// index is where a job's pages stand, kept so that the next task is found without
// walking over all pages.
type index struct {
	opts     Options // of the job, with defaults
	graft    bool
	starts   []int // pages before each input; the last entry is the number of pages
	total    int
	frontier int   // the first page of which nothing is known
	active   []int // pages of which something is known and that have not ended, ascending
	done     int   // ended pages, however they ended
	blank    int   // of done
	failed   int   // of done
	divided  bool  // the pages make several documents, and separator sheets are left out
	sheets   int   // of a divided job: pages that are sheets
}

// reindex builds the index anew, after a change that concerns all pages.
func (j *job) reindex() {
	j.index = index{}
	if j.Sub == nil || j.Ingest == nil || j.sealed() {
		return
	}
	x := &j.index
	x.opts = j.Sub.Val.Options.WithDefaults()
	x.graft = graft(x.opts.Mode, j.Ingest.Val)
	x.starts = make([]int, 1, len(j.Ingest.Val)+1)
	for _, in := range j.Ingest.Val {
		x.total += len(in.Pages)
		x.starts = append(x.starts, x.total)
	}
	x.frontier = 1
	x.divided = x.opts.leavesOutSheets()
	for n, p := range j.pages {
		if j.sheet(n, p) {
			x.sheets++
		}
	}
	for n, p := range j.pages {
		x.moved(n, pending, j.outcome(n, p))
	}
	j.advance()
}

// advance moves the frontier past the pages of which something is known.
func (j *job) advance() {
	for j.index.frontier <= j.index.total && j.pages[j.index.frontier] != nil {
		j.index.frontier++
	}
}

// moved notes that page n, of which something is known, went from one outcome to another.
func (x *index) moved(n int, before, after outcome) {
	if n > x.total {
		return
	}
	x.count(before, -1)
	x.count(after, 1)
	at, found := slices.BinarySearch(x.active, n)
	switch {
	case after == pending && !found:
		x.active = slices.Insert(x.active, at, n)
	case after != pending && found:
		x.active = slices.Delete(x.active, at, at+1)
	}
}

func (x *index) count(o outcome, by int) {
	if o == pending {
		return
	}
	x.done += by
	switch o {
	case blank:
		x.blank += by
	case failed:
		x.failed += by
	}
}

// locate finds page n of the document in its input.
func (j *job) locate(n int) (input, inputPage int, info PageInfo) {
	input = sort.SearchInts(j.index.starts, n) - 1
	inputPage = n - j.index.starts[input]
	return input, inputPage, j.Ingest.Val[input].Pages[inputPage-1]
}

// born reports whether page n of the document is left alone.
func (j *job) born(n int) bool {
	if !j.index.graft || j.index.opts.Mode != ModeSkip {
		return false
	}
	_, _, info := j.locate(n)
	return born(true, ModeSkip, info)
}

// outcome is how page n ended. Before ingest nothing has ended.
func (j *job) outcome(n int, p *pageWork) outcome {
	if n > j.index.total {
		return pending
	}
	_, end := j.stageOf(n, p)
	return end
}

// stageOf is the stage that page n needs next, with its outcome.
func (j *job) stageOf(n int, p *pageWork) (Stage, outcome) {
	return p.next(j.born(n), j.leftOut(p), j.Round)
}

// sheet reports whether a divided job ends a document at page n.
func (j *job) sheet(n int, p *pageWork) bool {
	return j.index.divided && n <= j.index.total && p != nil && p.Clean != nil && j.index.opts.Split.sheet(p.Clean.Val)
}

// onlySheets reports whether a divided job has no other page. Then it stays whole, see
// Options.Parts.
func (j *job) onlySheets() bool { return j.index.divided && j.index.sheets == j.index.total }

// leftOut reports whether a page is a separator sheet that no document will have.
func (j *job) leftOut(p *pageWork) bool {
	return j.index.divided && p != nil && p.Clean != nil && p.Clean.Val.Separator && !j.onlySheets()
}
