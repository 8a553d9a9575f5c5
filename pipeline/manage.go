package pipeline

import (
	"context"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Retry gives a failed or partial job another round: what failed is tried again,
// what was finished stays.
func (p *Pipeline) Retry(ctx context.Context, id core.JobID) error {
	return p.onJob(ctx, id, "retry", func(_ *core.State, v core.JobView) (core.Body, bool) {
		return core.JobRetried{Round: v.Attempts}, v.State == core.Failed || v.State == core.Partial
	})
}

// Cancel ends a job for good; its tasks are stopped. A job that is completed or
// cancelled already is a conflict.
func (p *Pipeline) Cancel(ctx context.Context, id core.JobID) error {
	return p.onJob(ctx, id, "cancel", func(_ *core.State, v core.JobView) (core.Body, bool) {
		return core.JobCancelled{Pages: v.Pages}, v.State != core.Completed && v.State != core.Cancelled
	})
}

// Hold begins nothing new for a job until Release. Tasks that run go on.
func (p *Pipeline) Hold(ctx context.Context, id core.JobID) error {
	return p.onJob(ctx, id, "hold", func(s *core.State, v core.JobView) (core.Body, bool) {
		return core.JobHeld{Reason: "held by a person", Count: s.NextHold(v.ID)}, v.State.Open() && !s.Holding(v.ID)
	})
}

// Release lets a held job go on. One that is withheld is not a person's to release: see Gate.
func (p *Pipeline) Release(ctx context.Context, id core.JobID) error {
	return p.onJob(ctx, id, "release", func(s *core.State, v core.JobView) (core.Body, bool) {
		return core.JobReleased{Count: s.NextHold(v.ID)}, s.Holding(v.ID)
	})
}

// onJob writes one event about a job, if its state allows it.
func (p *Pipeline) onJob(ctx context.Context, id core.JobID, verb string, body func(*core.State, core.JobView) (core.Body, bool)) error {
	_, err := p.change(ctx, "job/"+string(id), func(s *core.State) ([]core.Event, error) {
		v, ok := s.Job(id)
		if !ok {
			return nil, noJob(id)
		}
		b, allowed := body(s, v)
		if why := s.Withheld(v.ID); !allowed && why != nil {
			return nil, core.Refuse(core.CodeConflict, why.Remedy, "cannot %s job %s: it is withheld: %s", verb, v.ID, why.Detail)
		}
		if !allowed {
			return nil, core.Refuse(core.CodeConflict, "see the job's state", "cannot %s job %s: it is %s", verb, v.ID, v.State)
		}
		return []core.Event{{At: p.now(), Job: v.ID, Body: b}}, nil
	})
	return err
}

func noJob(id core.JobID) error {
	return core.Refuse(core.CodeUnknown, `list the jobs with "twinleaf jobs"`, "there is no job %q", id)
}

// Job gives a job by its id; the error has core.CodeUnknown.
func (p *Pipeline) Job(id core.JobID) (core.JobView, error) {
	shipped := p.shipped()
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, ok := p.state.Job(id)
	if !ok {
		return v, noJob(id)
	}
	return p.seen(v, shipped), nil
}

// Jobs gives a page of jobs, the newest first.
func (p *Pipeline) Jobs(f core.Filter) []core.JobView {
	shipped := p.shipped()
	p.mu.RLock()
	defer p.mu.RUnlock()
	list := p.state.Jobs(f)
	for i, v := range list {
		list[i] = p.seen(v, shipped)
	}
	return list
}

// Output is the file of a kind that a job has made; of a job that was split, of that
// part. Part 0 will do where there is only one. The error has core.CodeUnknown.
func (p *Pipeline) Output(id core.JobID, kind string, part int) (core.File, error) {
	v, err := p.Job(id)
	if err != nil {
		return core.File{}, err
	}
	var found []core.Output
	for _, o := range v.Outputs {
		if o.Kind == kind && (part == 0 || part == max(o.Part, 1)) {
			found = append(found, o)
		}
	}
	switch {
	case len(found) > 1 && part == 0 && len(v.Parts) > 0:
		return core.File{}, core.Refuse(core.CodeUnknown, fmt.Sprintf("say which: part=1 to part=%d", len(v.Parts)),
			"job %s was split into %d documents", v.ID, len(v.Parts))
	case len(found) == 0 && part > max(len(v.Parts), 1) && len(v.Outputs) > 0:
		return core.File{}, core.Refuse(core.CodeUnknown, "look at the job's parts", "job %s has no part %d but %d", v.ID, part, max(len(v.Parts), 1))
	case len(found) == 0:
		return core.File{}, core.Refuse(core.CodeUnknown, "wait until it is done, or see the outputs of its profile",
			"job %s has no output %q; it is %s", v.ID, kind, v.State)
	}
	return found[0].File, nil
}

// Digest is the digest of the state and the sequence up to which it is folded.
func (p *Pipeline) Digest() (core.Ref, uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.state.Digest(), uint64(p.last)
}
