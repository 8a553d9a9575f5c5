package core

import (
	"maps"
	"slices"
)

// Merge takes in everything that another state knows: afterwards s is the fold of the
// events of both. It commutes, is associative and idempotent, and o stays as it is; it may
// be the state of a snapshot of the peer, which has seen some of the same events.
//
// Not defined, as the states no longer tell:
//
//   - What Forget dropped of one state comes back when the other still knows it.
//   - A job whose id was submitted with two contents, see State.
func (s *State) Merge(o *State) {
	s.begin()
	for key, v := range o.settings {
		if old, known := s.settings[key]; !known || newer(v, old) {
			s.settings[key] = v
		}
	}
	for id, v := range o.servers {
		s.server(id).join(v)
	}
	for _, j := range o.jobs {
		s.mergeJob(j)
	}
	s.relist()
}

// join takes in what another record knows of the same server.
func (v *server) join(o *server) {
	for epoch, began := range o.Takeovers {
		v.takenOver(began.At, TakeoverBegan{Epoch: epoch, Cause: began.Val})
	}
	v.Back = max(v.Back, o.Back)
	if o.Mode != nil {
		v.moded(*o.Mode)
	}
}

// mergeJob takes in a job of another state, which may be several here: one of them may
// not know yet that the other is its twin. The lists of all jobs are left to relist.
func (s *State) mergeJob(o *job) {
	j := newJob(o.ID)
	j.join(o) // a copy
	for _, id := range append([]JobID{o.ID}, o.Aliases...) {
		if known := s.find(id); known != nil && known != j {
			j = s.unite(known, j)
		}
	}
	if j.Sub != nil {
		if twin := s.twin(j); twin != nil {
			j = s.unite(twin, j)
		}
	}
	s.keep(j)
	if key := j.key(); key != "" {
		s.keys[key] = insert(s.keys[key], j)
	}
	j.conclude()
}

// unite makes one job of two that are the same. The one submitted first gives its id; a
// stub gives its own to nobody.
func (s *State) unite(known, other *job) *job {
	if known.Sub != nil {
		s.dropKey(known)
	}
	own, gone := known, other
	if known.Sub == nil || other.Sub != nil && bySubmission(other, known) < 0 {
		own, gone = other, known
	}
	delete(s.jobs, gone.ID)
	own.join(gone)
	s.keep(own)
	return own
}

// keep enters a job under its id and its other ones.
func (s *State) keep(j *job) {
	s.jobs[j.ID] = j
	delete(s.alias, j.ID)
	for _, id := range j.Aliases {
		s.alias[id] = j.ID
	}
}

// relist makes the lists of all jobs anew.
func (s *State) relist() {
	s.order = slices.DeleteFunc(slices.Collect(maps.Values(s.jobs)), func(j *job) bool { return j.Sub == nil })
	slices.SortFunc(s.order, bySubmission)
	s.open = slices.DeleteFunc(slices.Clone(s.order), func(j *job) bool { return !j.plan.State.Open() })
}

// otherIDs are the ids of both records but the first one's own.
func otherIDs(j, o *job) []JobID {
	ids := slices.Concat(j.Aliases, o.Aliases, []JobID{o.ID})
	slices.Sort(ids)
	ids = slices.DeleteFunc(slices.Compact(ids), func(id JobID) bool { return id == j.ID })
	if len(ids) == 0 {
		return nil
	}
	return ids
}
