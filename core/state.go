package core

import (
	"cmp"
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
	servers  map[string]*server // by server id
	names    interner
}

// Apply folds one event. Events of a type that it does not know change nothing.
func (s *State) Apply(e Event) {
	s.begin()
	at := stampOf(e.At)
	switch b := s.names.body(e.Body).(type) {
	case SettingChanged:
		s.set(at, b)
	case TakeoverBegan:
		s.server(b.Of).takenOver(at, b)
	case HandedBack:
		v := s.server(b.Of)
		v.Back = max(v.Back, b.Epoch)
	case ModeChanged:
		s.server(b.Server).moded(b)
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

// begin makes the maps.
func (s *State) begin() {
	if s.jobs == nil {
		s.jobs, s.alias = map[JobID]*job{}, map[JobID]JobID{}
		s.keys, s.settings = map[string][]*job{}, map[string]setting{}
		s.servers = map[string]*server{}
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
			s.leave(twin)
			j = s.unite(twin, j)
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

// enter puts a submitted job into the lists, leave takes it out.
func (s *State) enter(j *job) {
	s.order = insert(s.order, j)
	if key := j.key(); key != "" {
		s.keys[key] = insert(s.keys[key], j)
	}
}

func (s *State) leave(j *job) {
	s.order, s.open = remove(s.order, j), remove(s.open, j)
	s.dropKey(j)
}

func (s *State) dropKey(j *job) {
	key := j.key()
	if s.keys[key] = remove(s.keys[key], j); len(s.keys[key]) == 0 {
		delete(s.keys, key)
	}
}

// settle works out where a job stands after an event.
func (s *State) settle(j *job) {
	j.conclude()
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
