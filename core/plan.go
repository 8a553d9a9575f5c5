package core

import (
	"slices"
	"strconv"
)

// plan is where a job stands and what it needs next. It follows from the record
// and is worked out again after each event.
type plan struct {
	State    JobState                  // empty for a stub
	Stage    Stage                     // open jobs: ingest, recognize (which stands for all stages of a page), assemble or deliver
	Failure  *Failure                  // why the job failed
	Finished stamp                     // when it ended
	Out      *first[DocumentAssembled] // the outputs that count; nil before there are any
}

// replan works the plan out.
func (j *job) replan() {
	switch done := j.finished(); {
	case done != nil:
		j.plan = plan{State: Completed, Out: done, Finished: j.deliveredAt(done)}
	case j.Sub == nil:
		j.plan = plan{}
	case j.Cancel != nil:
		j.plan = plan{State: Cancelled, Out: j.latest(), Finished: j.Cancel.At}
	default:
		j.plan = j.next()
		j.plan.Out = j.latest()
		if j.plan.State == "" {
			j.plan.State = j.openState()
		}
	}
}

// openState is the state of a job that still has work.
func (j *job) openState() JobState {
	switch {
	case j.heldByPerson() || j.withheld != nil:
		return Held
	case j.Started != 0:
		return Running
	}
	return Queued
}

func (j *job) heldByPerson() bool { return j.hold() > j.Release }

// hold is the number of the latest hold; a job that was submitted held has the first.
func (j *job) hold() int {
	if j.Sub != nil && j.Sub.Val.Held {
		return max(j.Hold, 1)
	}
	return j.Hold
}

// latest gives the outputs of the latest round that has any.
func (j *job) latest() *first[DocumentAssembled] {
	var last *first[DocumentAssembled]
	for _, a := range j.Assembled {
		if last == nil || a.Val.Round > last.Val.Round {
			last = a
		}
	}
	return last
}

// next finds the stage that a job needs next, or how it ended.
func (j *job) next() plan {
	if j.Ingest == nil {
		return j.unless(Ingest)
	}
	x := &j.index
	switch {
	case x.total == 0:
		return plan{State: Failed, Finished: j.Ingest.At, Failure: &Failure{
			Code: CodeDamaged, Detail: "the document has no page", Remedy: "scan it again", Permanent: true}}
	case x.done < x.total:
		return plan{Stage: Recognize}
	case x.failed == x.total && (!j.drawn() || j.misasked()):
		return j.allPagesFailed()
	}
	if out := j.latest(); out == nil || out.Val.Round < j.Round && (len(out.Val.Unindexed) > 0 || j.improved(out.Val.Failed)) {
		return j.unless(Assemble)
	}
	return j.delivering()
}

// unless is the plan to do the stage, or the end of a job in which it failed for good.
func (j *job) unless(stage Stage) plan {
	if t := j.Tries[string(stage)]; t.final(j.Round) {
		return plan{State: Failed, Finished: t.Last.At, Failure: &t.Last.Val.Failure}
	}
	return plan{Stage: stage}
}

// improved reports whether a page that had failed is there now.
func (j *job) improved(missing []int) bool {
	return slices.ContainsFunc(missing, func(n int) bool { return j.outcome(n, j.pages[n]) != failed })
}

// drawn reports whether any page has an image, which can be delivered without its
// text (P7).
func (j *job) drawn() bool {
	for _, p := range j.pages {
		if p.Image != nil {
			return true
		}
	}
	return false
}

// misasked reports whether every page failed for a reason that lies in what was
// asked for and not in the page, so that images would be the wrong answer.
func (j *job) misasked() bool {
	for n := 1; n <= j.index.total; n++ {
		if code := j.failure(n).Last.Val.Failure.Code; code != CodeNoLanguage && code != CodeBadRequest {
			return false
		}
	}
	return true
}

// allPagesFailed is the end of a job that has nothing to deliver.
func (j *job) allPagesFailed() plan {
	end := plan{State: Failed}
	for n := 1; n <= j.index.total; n++ {
		t := j.failure(n)
		if end.Failure == nil {
			end.Failure = onPage(n, j.index.total, t.Last.Val.Failure)
		}
		end.Finished = max(end.Finished, t.Last.At)
	}
	return end
}

func onPage(n, total int, f Failure) *Failure {
	if total > 1 {
		f.Detail = "no page could be done; page " + strconv.Itoa(n) + ": " + f.Detail
	}
	return &f
}

// failure is the record of attempts of a page that failed.
func (j *job) failure(n int) *tries {
	stage, _ := j.stageOf(n, j.pages[n])
	return j.pages[n].Tries[pageStage(stage)]
}

// delivering is the plan of a job whose outputs are there.
func (j *job) delivering() plan {
	out := j.latest()
	end := plan{Finished: j.deliveredAt(out)}
	for _, d := range j.Sub.Val.Destinations {
		t := j.Tries[triesName(Deliver, d)]
		switch {
		case j.Receipts[out.Val.Round][d] != nil:
		case !t.final(j.Round):
			return plan{Stage: Deliver}
		default:
			if end.Failure == nil {
				end.Failure = &t.Last.Val.Failure
			}
			end.Finished = max(end.Finished, t.Last.At)
		}
	}
	for _, n := range out.Val.Failed {
		if j.outcome(n, j.pages[n]) == failed {
			end.Finished = max(end.Finished, j.failure(n).Last.At)
		}
	}
	end.State = Partial
	if end.Failure != nil {
		end.State = Failed
	}
	return end
}

// deliveredAt is when the last destination got the outputs; without
// destinations, when they were made.
func (j *job) deliveredAt(out *first[DocumentAssembled]) stamp {
	at := out.At
	for _, d := range j.Sub.Val.Destinations {
		if r := j.Receipts[out.Val.Round][d]; r != nil {
			at = max(at, r.At)
		}
	}
	return at
}
