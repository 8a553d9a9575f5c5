package core

import "iter"

// Withhold marks a job: it is shown as held, with why as its error, and has no tasks until
// the mark is lifted; nil lifts it. The mark is this server's alone. It is in no event, in
// no snapshot and not in the Digest. A job that becomes one with its twin keeps it if
// either had it. An id that is not known, or of a job that has ended, is no matter.
func (s *State) Withhold(id JobID, why *Failure) {
	j := s.find(id)
	if j == nil || j.Sub == nil || !j.plan.State.Open() {
		return
	}
	j.withheld = why
	j.replan()
}

// Withheld is why a job is withheld, nil if it is not.
func (s *State) Withheld(id JobID) *Failure {
	if j := s.find(id); j != nil && j.plan.State == Held {
		return j.withheld
	}
	return nil
}

// Holding reports whether a job is held by its events: a person held it.
func (s *State) Holding(id JobID) bool {
	j := s.find(id)
	return j != nil && j.plan.State.Open() && j.heldByPerson()
}

// Server is the id of the server whose a job is; empty for an unknown one.
func (s *State) Server(id JobID) string {
	j := s.find(id)
	if j == nil || j.Sub == nil {
		return ""
	}
	return j.Sub.Val.Server
}

// Aliases are the other ids of a job. They must not be changed.
func (s *State) Aliases(id JobID) []JobID {
	j := s.find(id)
	if j == nil {
		return nil
	}
	return j.Aliases
}

// Submitted gives every job that was submitted, in order of submission, each with its server.
func (s *State) Submitted() iter.Seq2[JobID, string] {
	return func(yield func(JobID, string) bool) {
		for _, j := range s.order {
			if !yield(j.ID, j.Sub.Val.Server) {
				return
			}
		}
	}
}

// Needs is what a job needs of the server that works on it.
type Needs struct {
	ID           JobID
	Server       string     // that accepted it
	Options      Options    // with defaults
	Media        []string   // of the inputs; none before they were inspected
	Destinations []string   // that do not have the document yet
	Kinds        []StepKind // of the plug-ins that still have work on it, in the order of that work
}

// Needs says what an open job still needs.
func (s *State) Needs(id JobID) (n Needs, open bool) {
	j := s.find(id)
	if j == nil || j.Sub == nil || !j.plan.State.Open() {
		return n, false
	}
	n = Needs{ID: j.ID, Server: j.Sub.Val.Server, Options: j.Sub.Val.Options.WithDefaults(), Destinations: j.Sub.Val.Destinations, Kinds: j.kinds()}
	if j.Ingest != nil {
		for _, in := range j.Ingest.Val {
			n.Media = append(n.Media, in.Media)
		}
	}
	if j.plan.Stage == Deliver {
		n.Destinations = j.undelivered()
	}
	return n, true
}

// kinds are the kinds of plug-ins that an open job still needs.
func (j *job) kinds() []StepKind {
	var kinds []StepKind
	switch j.plan.Stage {
	case Ingest:
		kinds = []StepKind{StepReader, StepFilter, StepRecognizer}
	case Recognize:
		kinds = j.pageKinds()
	case Deliver:
		return []StepKind{StepDeliverer}
	}
	if len(j.Sub.Val.Options.Indexers) > 0 {
		kinds = append(kinds, StepIndexer)
	}
	return append(kinds, StepAssembler, StepDeliverer)
}

// pageKinds are those that pages still need: a page needs what follows its next stage, too.
func (j *job) pageKinds() []StepKind {
	need := map[StepKind]bool{}
	for n := 1; n <= j.index.total; n++ {
		stage, end := j.stageOf(n, j.pages[n])
		switch {
		case end != pending:
		case j.born(n):
			need[StepReader] = true
		case stage == Rasterize:
			need[StepReader], need[StepFilter], need[StepRecognizer] = true, true, true
		case stage == Clean:
			need[StepFilter], need[StepRecognizer] = true, true
		default:
			need[StepRecognizer] = true
		}
	}
	var kinds []StepKind
	for _, k := range []StepKind{StepReader, StepFilter, StepRecognizer} {
		if need[k] {
			kinds = append(kinds, k)
		}
	}
	return kinds
}
