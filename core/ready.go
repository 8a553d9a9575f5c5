package core

import (
	"iter"
	"time"
)

// Ready gives every task that may be done at the time now: the jobs in order of
// submission, the tasks of each as [State.Tasks] orders them. It does not know
// which tasks are being worked on.
func (s *State) Ready(now time.Time) iter.Seq[Task] {
	return func(yield func(Task) bool) {
		for _, j := range s.open {
			for t := range s.tasks(j, now) {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// Tasks gives the tasks of one job that may be done at the time now, the most
// urgent first: the lowest page first, so that a page is finished before the next
// begins and few images lie between the stages. Work that was interrupted more
// than once comes last. The tasks are made one by one: who wants only the first few
// pays only for those.
func (s *State) Tasks(id JobID, now time.Time) iter.Seq[Task] {
	if j := s.find(id); j != nil {
		return s.tasks(j, now)
	}
	return func(func(Task) bool) {}
}

func (s *State) tasks(j *job, now time.Time) iter.Seq[Task] {
	return func(yield func(Task) bool) {
		if state := j.plan.State; state != Queued && state != Running {
			return
		}
		switch j.plan.Stage {
		case Ingest, Assemble:
			if t, ok := j.documentTask(j.plan.Stage, "", stampOf(now)); ok {
				yield(t)
			}
		case Deliver:
			s.deliveries(j, stampOf(now), yield)
		default:
			j.pageTasks(stampOf(now), yield)
		}
	}
}

// documentTask is the task of a stage that works on the whole document. It is not
// ready while it waits for its next attempt.
func (j *job) documentTask(stage Stage, destination string, now stamp) (Task, bool) {
	tried := j.Tries[triesName(stage, destination)].in(j.Round)
	if tried.retryAt() > now {
		return Task{}, false
	}
	t := j.task(stage, tried)
	t.Destination = destination
	t.Document = j.document(stage)
	return t, true
}

func (s *State) deliveries(j *job, now stamp, yield func(Task) bool) {
	for _, d := range j.undelivered() {
		t, ok := j.documentTask(Deliver, d, now)
		if !ok {
			continue
		}
		key := DestinationKey(d)
		if value, ok := s.Setting(key); ok {
			t.Document.Settings = map[string][]byte{key: value.Value}
		}
		if !yield(t) {
			return
		}
	}
}

// undelivered are the destinations that neither have the outputs nor refused them
// for good in this round.
func (j *job) undelivered() []string {
	var left []string
	for _, d := range j.Sub.Val.Destinations {
		has := j.Receipts[j.plan.Out.Val.Round][d] != nil
		if !has && !j.Tries[triesName(Deliver, d)].final(j.Round) {
			left = append(left, d)
		}
	}
	return left
}

func (j *job) pageTasks(now stamp, yield func(Task) bool) {
	var fragile []int
	for _, n := range j.index.active {
		if j.pageTries(n).interrupted() > 1 {
			fragile = append(fragile, n)
		} else if t, ok := j.pageTask(n, now); ok && !yield(t) {
			return
		}
	}
	for n := j.index.frontier; n <= j.index.total; n++ {
		if j.pages[n] != nil {
			continue
		}
		if t, ok := j.pageTask(n, now); ok && !yield(t) {
			return
		}
	}
	for _, n := range fragile {
		if t, ok := j.pageTask(n, now); ok && !yield(t) {
			return
		}
	}
}

// pageTries is what is known of the attempts at the stage that page n needs next.
func (j *job) pageTries(n int) tries {
	p := j.pages[n]
	if p == nil {
		return tries{Round: j.Round}
	}
	stage, _ := j.stageOf(n, p)
	return p.Tries[pageStage(stage)].in(j.Round)
}

func (j *job) pageTask(n int, now stamp) (Task, bool) {
	tried := j.pageTries(n)
	if tried.retryAt() > now {
		return Task{}, false
	}
	p := j.pages[n]
	isBorn := j.born(n)
	stage, _ := j.stageOf(n, p)
	t := j.task(stage, tried)
	t.Page, t.Born = n, isBorn
	var input int
	input, t.InputPage, t.Info = j.locate(n)
	t.Input = j.input(input)
	if p != nil && p.Image != nil {
		t.Image = p.Image.Val
	}
	if p != nil && p.Clean != nil {
		t.Clean = p.Clean.Val
	}
	return t, true
}

// input is an input with the media type that ingest found.
func (j *job) input(i int) File {
	if i >= len(j.Sub.Val.Inputs) {
		return File{}
	}
	f := j.Sub.Val.Inputs[i]
	if j.Ingest != nil && i < len(j.Ingest.Val) {
		f.Media = j.Ingest.Val[i].Media
	}
	return f
}

// task is what the tasks of all stages have in common.
func (j *job) task(stage Stage, tried tries) Task {
	return Task{
		Job: j.ID, Stage: stage, Round: j.Round,
		Attempt: tried.Starts + 1, Failures: tried.Fails, Interrupted: tried.interrupted(),
		Name: j.Sub.Val.Name, Options: j.Sub.Val.Options.WithDefaults(), Graft: j.index.graft,
	}
}

// NextWake gives the earliest time after now at which a task becomes ready by
// itself, because its wait for another attempt ends.
func (s *State) NextWake(now time.Time) (time.Time, bool) {
	var next stamp
	for _, j := range s.open {
		if j.plan.State == Held {
			continue
		}
		for at := range j.wakes() {
			if at > stampOf(now) {
				next = oldest(next, at)
			}
		}
	}
	return next.time(), next != 0
}

// wakes gives the times at which the job's next attempts may begin.
func (j *job) wakes() iter.Seq[stamp] {
	return func(yield func(stamp) bool) {
		if j.plan.Stage == Recognize {
			for _, n := range j.index.active {
				if !yield(j.pageTries(n).retryAt()) {
					return
				}
			}
			return
		}
		for name, t := range j.Tries {
			if (name == string(j.plan.Stage) || j.plan.Stage == Deliver) && !yield(t.in(j.Round).retryAt()) {
				return
			}
		}
	}
}
