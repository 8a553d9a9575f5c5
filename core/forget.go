package core

import (
	"cmp"
	"slices"
	"strings"
)

// Forget drops all but the newest keep jobs of those that have ended; events whose
// job never came count among them. It is called before a snapshot.
func (s *State) Forget(keep int) {
	var over []*job
	for _, j := range s.jobs {
		if !j.plan.State.Open() {
			over = append(over, j)
		}
	}
	slices.SortFunc(over, func(a, b *job) int {
		return cmp.Or(cmp.Compare(b.ended(), a.ended()), strings.Compare(string(b.ID), string(a.ID)))
	})
	gone := map[*job]bool{}
	for _, j := range over[min(max(keep, 0), len(over)):] {
		gone[j] = true
		s.forget(j)
	}
	s.order = slices.DeleteFunc(s.order, func(j *job) bool { return gone[j] })
}

// Leave drops the open jobs of other servers: those that theirs says of. Who knows more of
// them merges it in again.
func (s *State) Leave(theirs func(server string, ids []JobID) bool) {
	gone := map[*job]bool{}
	for _, j := range s.open {
		if theirs(j.Sub.Val.Server, append([]JobID{j.ID}, j.Aliases...)) {
			gone[j] = true
			s.forget(j)
		}
	}
	s.order = slices.DeleteFunc(s.order, func(j *job) bool { return gone[j] })
	s.open = slices.DeleteFunc(s.open, func(j *job) bool { return gone[j] })
}

// ended is when the job ended; of a stub, when it was last heard of.
func (j *job) ended() stamp {
	if j.Sub == nil {
		return j.Seen
	}
	return j.plan.Finished
}

// forget drops a job from everything but the list of all jobs.
func (s *State) forget(j *job) {
	if j.Sub != nil {
		s.dropKey(j)
	}
	delete(s.jobs, j.ID)
	for _, id := range j.Aliases {
		delete(s.alias, id)
	}
}
