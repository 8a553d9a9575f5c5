package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

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
		return core.JobHeld{Reason: "held by a person", Count: s.NextHold(v.ID)}, v.State.Open() && v.State != core.Held
	})
}

// Release lets a held job go on.
func (p *Pipeline) Release(ctx context.Context, id core.JobID) error {
	return p.onJob(ctx, id, "release", func(s *core.State, v core.JobView) (core.Body, bool) {
		return core.JobReleased{Count: s.NextHold(v.ID)}, v.State == core.Held
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
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, ok := p.state.Job(id)
	if !ok {
		return v, noJob(id)
	}
	return v, nil
}

// Jobs gives a page of jobs, the newest first.
func (p *Pipeline) Jobs(f core.Filter) []core.JobView {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.state.Jobs(f)
}

// Output is the file of a kind that a job has made; the error has core.CodeUnknown.
func (p *Pipeline) Output(id core.JobID, kind string) (core.File, error) {
	v, err := p.Job(id)
	if err != nil {
		return core.File{}, err
	}
	at := slices.IndexFunc(v.Outputs, func(o core.Output) bool { return o.Kind == kind })
	if at < 0 {
		return core.File{}, core.Refuse(core.CodeUnknown, "wait until it is done, or see the outputs of its profile",
			"job %s has no output %q; it is %s", v.ID, kind, v.State)
	}
	return v.Outputs[at].File, nil
}

// Digest is the digest of the state and the sequence up to which it is folded.
func (p *Pipeline) Digest() (core.Ref, uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.state.Digest(), uint64(p.last)
}

// maxSetting is the size of a setting's value in bytes.
const maxSetting = 1 << 20

// SetSetting changes a shared setting; the value is JSON, nil removes the key. Profiles and
// destinations are checked; codes: bad-request, unknown (nothing to remove).
func (p *Pipeline) SetSetting(ctx context.Context, key string, value []byte, user string) error {
	if err := p.validSetting(ctx, key, value); err != nil {
		return err
	}
	_, err := p.change(ctx, "setting/"+key, func(s *core.State) ([]core.Event, error) {
		old, known := s.Setting(key)
		if !known && len(value) == 0 {
			return nil, noSetting(key)
		}
		if known && string(old.Value) == string(value) {
			return nil, nil
		}
		body := core.SettingChanged{Key: key, Value: value, Revision: s.Revision(key) + 1, User: user}
		return []core.Event{{At: p.now(), Body: body}}, nil
	})
	return err
}

func noSetting(key string) error {
	return core.Refuse(core.CodeUnknown, `list the settings with "twinleaf settings get"; what is built in cannot be removed`, "there is no setting %q", key)
}

// CheckSetting says whether SetSetting would take a change as things stand. It
// changes nothing, so several changes can be checked before the first is made.
func (p *Pipeline) CheckSetting(ctx context.Context, key string, value []byte) error {
	if err := p.validSetting(ctx, key, value); err != nil || len(value) > 0 {
		return err
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if _, known := p.state.Setting(key); !known {
		return noSetting(key)
	}
	return nil
}

func (p *Pipeline) validSetting(ctx context.Context, key string, value []byte) error {
	kind, name, ok := strings.Cut(key, "/")
	if !ok || kind == "" || len(key) > 200 {
		return core.Refuse(core.CodeBadRequest, "write it like profile/NAME", "%q is no key of a setting", key)
	}
	if len(value) == 0 {
		return nil
	}
	if len(value) > maxSetting || !json.Valid(value) {
		return core.Refuse(core.CodeBadRequest, "give one JSON value of at most 1 MiB", "the value of %s is too large or no JSON", key)
	}
	var err error
	switch kind {
	case "profile":
		_, err = core.ParseProfile(value)
	case "destination":
		err = p.checkDestination(ctx, value)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return core.CheckName(name)
}

func (p *Pipeline) checkDestination(ctx context.Context, value []byte) error {
	d, err := core.ParseDestination(value)
	if err != nil || p.cfg.CheckDestination == nil {
		return err
	}
	return p.cfg.CheckDestination(ctx, d)
}

// Settings gives all shared settings by key.
func (p *Pipeline) Settings() map[string][]byte {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := map[string][]byte{}
	for s := range p.state.Settings("") {
		all[s.Key] = s.Value
	}
	return all
}
