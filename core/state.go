package core

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// State is the fold of all events. The zero value is the state before the first.
//
// Apply never fails: an event may come twice, and it may come before its cause,
// for the journals of two servers have no mutual order. Whatever the order, the
// same events give the same Digest, as long as a job id is submitted with one
// content only.
//
// A State is not safe for concurrent use; readers may share it between two calls
// of Apply or Forget.
type State struct {
	jobs     map[JobID]*job    // by their own id, not by an alias
	alias    map[JobID]JobID   // to the id of the job
	keys     map[string][]*job // by Idempotency-Key, in order of submission
	order    []*job            // submitted jobs in order of submission
	open     []*job            // of order, those that are queued, running or held
	settings map[string]setting
	names    interner
}

// Apply folds one event. Events of a type that it does not know change nothing.
func (s *State) Apply(e Event) {
	if s.jobs == nil {
		s.jobs, s.alias = map[JobID]*job{}, map[JobID]JobID{}
		s.keys, s.settings = map[string][]*job{}, map[string]setting{}
	}
	at := stampOf(e.At)
	switch b := s.names.body(e.Body).(type) {
	case SettingChanged:
		s.set(at, b)
	case JobSubmitted:
		if e.Job != "" {
			s.submit(e.Job, at, b)
		}
	case StageStarted, StageFailed, DocumentIngested, PageRasterized, PageCleaned, PageRecognized,
		DocumentAssembled, Delivered, JobHeld, JobReleased, JobCancelled, JobRetried:
		if e.Job != "" {
			j := s.findOrStub(e.Job)
			j.apply(at, b)
			s.settle(j)
		}
	}
}

// find gives the job of an id or an alias, nil if there is none.
func (s *State) find(id JobID) *job {
	return s.jobs[s.Own(id)]
}

// Own is the id under which a job is kept: of an alias that of its job, else id itself.
func (s *State) Own(id JobID) JobID {
	if own, ok := s.alias[id]; ok {
		return own
	}
	return id
}

func (s *State) findOrStub(id JobID) *job {
	if j := s.find(id); j != nil {
		return j
	}
	j := newJob(id)
	s.jobs[id] = j
	return j
}

// submit folds a submission: a stub becomes a job, and a job that was submitted
// to two servers under one key becomes one.
func (s *State) submit(id JobID, at stamp, b JobSubmitted) {
	if _, known := s.alias[id]; known {
		return
	}
	j := s.findOrStub(id)
	if j.Sub == nil {
		j.submitted(at, b)
		if twin := s.twin(j); twin != nil {
			j = s.merge(twin, j)
		}
		s.enter(j)
	} else {
		s.leave(j)
		j.submitted(at, b)
		s.enter(j)
	}
	s.settle(j)
}

// twin finds the other job that has the same key, content and destinations.
func (s *State) twin(j *job) *job {
	if j.Sub.Val.Key == "" {
		return nil
	}
	for _, o := range s.keys[j.Sub.Val.Key] {
		if o != j && o.Sub.Val.Digest == j.Sub.Val.Digest && sameSet(o.Sub.Val.Destinations, j.Sub.Val.Destinations) {
			return o
		}
	}
	return nil
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// merge makes one job of two; the one submitted first gives its id.
func (s *State) merge(known, other *job) *job {
	s.leave(known)
	own, gone := known, other
	if bySubmission(other, known) < 0 {
		own, gone = other, known
	}
	own.join(gone)
	delete(s.jobs, gone.ID)
	for _, id := range own.Aliases {
		s.alias[id] = own.ID
	}
	return own
}

// enter puts a submitted job into the lists, leave takes it out.
func (s *State) enter(j *job) {
	s.order = insert(s.order, j)
	if key := j.Sub.Val.Key; key != "" {
		s.keys[key] = insert(s.keys[key], j)
	}
}

func (s *State) leave(j *job) {
	s.order, s.open = remove(s.order, j), remove(s.open, j)
	s.dropKey(j)
}

func (s *State) dropKey(j *job) {
	key := j.Sub.Val.Key
	if s.keys[key] = remove(s.keys[key], j); len(s.keys[key]) == 0 {
		delete(s.keys, key)
	}
}

// settle works out where a job stands after an event.
func (s *State) settle(j *job) {
	if j.Sub != nil {
		j.Seen = 0
	}
	if j.sealed() {
		j.seal()
	}
	j.replan()
	if j.Sub == nil {
		return
	}
	if j.plan.State.Open() {
		s.open = insert(s.open, j)
	} else {
		s.open = remove(s.open, j)
	}
}

// bySubmission orders jobs by the time of submission, then by id.
func bySubmission(a, b *job) int {
	return cmp.Or(cmp.Compare(a.Sub.At, b.Sub.At), strings.Compare(string(a.ID), string(b.ID)))
}

// insert puts j into its place in a list by submission, unless it is there.
func insert(list []*job, j *job) []*job {
	if at, found := slices.BinarySearchFunc(list, j, bySubmission); !found {
		return slices.Insert(list, at, j)
	}
	return list
}

func remove(list []*job, j *job) []*job {
	if at, found := slices.BinarySearchFunc(list, j, bySubmission); found {
		return slices.Delete(list, at, at+1)
	}
	return list
}

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
// stage that it needs next; all stages of a page count as recognize.
func (s *State) Waiting() iter.Seq2[JobID, Stage] {
	return func(yield func(JobID, Stage) bool) {
		for _, j := range s.open {
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
	return j.view(), true
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
			return j.view(), true, true
		}
	}
	return jobs[0].view(), false, true
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
		if f.State == "" || j.plan.State == f.State {
			page = append(page, j.view())
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
