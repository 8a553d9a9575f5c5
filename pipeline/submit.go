package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Bounds of a submission.
const (
	maxFiles = 10_000
	maxName  = 200 // bytes
	maxKey   = 255 // bytes
)

// Submit takes a job whose files lie in the blob store. The job is durable when
// it returns. The same key with the same content gives the same job, whatever
// its state; with other content it is refused with core.CodeKeyReused. Further codes: bad-request,
// unknown (profile, destination), over-limit, data-down, maintenance.
func (p *Pipeline) Submit(ctx context.Context, sub core.Submission) (core.Accepted, error) {
	sub, err := p.tidy(sub)
	if err != nil {
		return core.Accepted{}, err
	}
	if err := p.welcome(sub); err != nil {
		return core.Accepted{}, err
	}
	id, err := p.ids.next(p.now())
	if err != nil {
		return core.Accepted{}, err
	}
	subject, content := "job/"+string(id), contentDigest(sub)
	if sub.Key != "" {
		subject = "key/" + sub.Key
	}
	var acc core.Accepted
	seq, err := p.change(ctx, subject, func(s *core.State) ([]core.Event, error) {
		if v, same, used := s.ByKey(sub.Key, content); used {
			acc = core.Accepted{ID: v.ID, State: v.State, Server: v.Server, Duplicate: true}
			return nil, reused(sub.Key, v.ID, same)
		}
		body, err := p.admit(s, sub)
		if err != nil {
			return nil, err
		}
		body.Digest = content
		acc = core.Accepted{ID: id, State: core.Queued, Server: p.cfg.Server}
		if sub.Held {
			acc.State = core.Held
		}
		return []core.Event{{At: p.now(), Job: id, Body: body}}, nil
	})
	if err != nil {
		return core.Accepted{}, err
	}
	switch {
	case acc.Duplicate:
		acc.Protected = p.protectAgain(ctx, acc.ID)
	case p.cfg.Protect != nil:
		acc.Protected = p.cfg.Protect(ctx, seq)
	}
	p.stats.submitted(acc.Duplicate)
	return acc, nil
}

// welcome says why a submission is not taken here, unless it was taken before.
func (p *Pipeline) welcome(sub core.Submission) error {
	if p.cfg.Admit == nil {
		return nil
	}
	p.mu.RLock()
	_, _, used := p.state.ByKey(sub.Key, contentDigest(sub))
	p.mu.RUnlock()
	if used {
		return nil
	}
	return p.cfg.Admit(sub)
}

func reused(key string, id core.JobID, same bool) error {
	if same {
		return nil
	}
	return core.Refuse(core.CodeKeyReused, "use a new key for another document",
		"the key %q belongs to job %s, which has other content", key, id)
}

// admit decides on a submission that is new.
func (p *Pipeline) admit(s *core.State, sub core.Submission) (core.JobSubmitted, error) {
	if err := p.health.refusal(); err != nil {
		return core.JobSubmitted{}, err
	}
	choice, err := s.Resolve(sub, p.cfg.Defaults)
	if err != nil {
		return core.JobSubmitted{}, err
	}
	var total int64
	for _, f := range sub.Files {
		total += f.Size
	}
	if most := choice.Options.Limits.Bytes; total > most {
		return core.JobSubmitted{}, core.Refuse(core.CodeOverLimit, "split the document, or raise limits.bytes in the profile",
			"the files have %d bytes together, the limit is %d", total, most)
	}
	return core.JobSubmitted{
		Name: sub.Name, Profile: choice.Profile, Options: choice.Options, Inputs: sub.Files,
		Destinations: choice.Destinations, Key: sub.Key, Server: p.cfg.Server, User: sub.User, Held: sub.Held,
	}, nil
}

// tidy fills in what a submission leaves out and refuses what makes no sense.
func (p *Pipeline) tidy(sub core.Submission) (core.Submission, error) {
	if n := len(sub.Files); n == 0 || n > maxFiles {
		return sub, core.Refuse(core.CodeBadRequest, "submit 1 to 10,000 files", "a job of %d files", n)
	}
	if len(sub.Key) > maxKey || !utf8.ValidString(sub.Key) {
		return sub, core.Refuse(core.CodeBadRequest, "use at most 255 bytes of text", "the idempotency key is too long or no text")
	}
	files := make([]core.File, len(sub.Files))
	for i, f := range sub.Files {
		if !p.blobs.Has(f.Ref) {
			return sub, core.Refuse(core.CodeBadRequest, "upload it first", "file %q is not in the blob store", f.Name)
		}
		files[i] = core.File{Name: cleanName(path.Base(f.Name), "scan"), Ref: f.Ref, Size: f.Size}
	}
	if sub.Name == "" {
		sub.Name = strings.TrimSuffix(files[0].Name, path.Ext(files[0].Name))
	}
	sub.Files, sub.Name = files, cleanName(sub.Name, "scan")
	return sub, nil
}

// cleanName makes a name that is safe as part of a file's name: no path, no
// control character, no leading dot, bounded.
func cleanName(name, otherwise string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r):
			return -1
		case r == '/' || r == '\\':
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(strings.TrimSpace(name), ".")
	for len(name) > maxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name = strings.TrimSpace(name); name == "" {
		return otherwise
	}
	return name
}

// contentDigest stands for what a submission asks, so that a key is seen to come
// back with the same request.
func contentDigest(sub core.Submission) core.Ref {
	refs := make([]core.Ref, len(sub.Files))
	for i, f := range sub.Files {
		refs[i] = f.Ref
	}
	line, err := json.Marshal([]any{sub.Name, sub.Profile, sub.Languages, refs, sub.Destinations})
	if err != nil {
		return "" // strings can always be written
	}
	sum := sha256.Sum256(line)
	return core.Ref(hex.EncodeToString(sum[:]))
}
