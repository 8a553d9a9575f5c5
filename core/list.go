package core

import (
	"cmp"
	"iter"
	"slices"
)

// Open gives the ids of all jobs that may still have work, in order of submission.
func (s *State) Open() iter.Seq[JobID] {
	return func(yield func(JobID) bool) {
		for _, j := range s.open {
			if !yield(j.ID) {
				return
			}
		}
	}
}

// Waiting gives the jobs that may have tasks, in order of submission, each with the
// stage that it needs next; all stages of a page count as recognize. Of is asked for the
// server of each, and says whether it is wanted; nil: all are.
func (s *State) Waiting(of func(server string) bool) iter.Seq2[JobID, Stage] {
	return func(yield func(JobID, Stage) bool) {
		for _, j := range s.open {
			if of != nil && !of(j.Sub.Val.Server) {
				continue
			}
			if j.plan.State != Held && !yield(j.ID, j.plan.Stage) {
				return
			}
		}
	}
}

// CountOpen is the number of jobs that Open gives.
func (s *State) CountOpen() int { return len(s.open) }

// Job gives a job by its id or an alias of it.
func (s *State) Job(id JobID) (JobView, bool) {
	j := s.find(id)
	if j == nil || j.Sub == nil {
		return JobView{}, false
	}
	return s.view(j), true
}

// ByKey gives the job that was submitted with the Idempotency-Key, and whether
// it has that content. Without one of that content it gives the first that used the key.
func (s *State) ByKey(key string, digest Ref) (v JobView, same, used bool) {
	jobs := s.keys[key]
	if key == "" || len(jobs) == 0 {
		return JobView{}, false, false
	}
	for _, j := range jobs {
		if j.Sub.Val.Digest == digest {
			return s.view(j), true, true
		}
	}
	return s.view(jobs[0]), false, true
}

// NextHold is the number for the next hold or release of a job.
func (s *State) NextHold(id JobID) int {
	j := s.find(id)
	if j == nil {
		return 1
	}
	return max(j.hold(), j.Release) + 1
}

// Filter chooses jobs for a list.
type Filter struct {
	State JobState // empty: every state
	After JobID    // the last job of the page before; empty: from the newest
	Limit int      // 0: 100
	User  string   // only jobs that they submitted; empty: everybody's
}

// Jobs gives a page of jobs, the newest first. An After that is not known any
// more gives no jobs.
func (s *State) Jobs(f Filter) []JobView {
	limit := cmp.Or(f.Limit, 100)
	from := len(s.order)
	if f.After != "" {
		j := s.find(f.After)
		if j == nil || j.Sub == nil {
			return nil
		}
		from, _ = slices.BinarySearchFunc(s.order, j, bySubmission)
	}
	var page []JobView
	for _, j := range slices.Backward(s.order[:from]) {
		if len(page) == limit {
			break
		}
		if (f.State == "" || j.plan.State == f.State) && (f.User == "" || j.Sub.Val.User == f.User) {
			page = append(page, s.view(j))
		}
	}
	return page
}

// Count gives the number of jobs in each state.
func (s *State) Count() map[JobState]int {
	n := map[JobState]int{}
	for _, j := range s.order {
		n[j.plan.State]++
	}
	return n
}
