package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// golden makes the call of a case and compares.
func (s *suite) golden(ctx context.Context, k Case) (string, error) {
	p, err := s.start(ctx)
	if err != nil {
		return "", err
	}
	defer p.end()
	done, err := s.make(ctx, p, k)
	if err != nil {
		return "", err
	}
	if err := s.matches(k, done); err != nil {
		return "", err
	}
	if done.refusal == nil {
		s.passed = append(s.passed, k)
		return short(done.tree()), nil
	}
	s.refused = append(s.refused, k)
	return fmt.Sprintf("refused: %s", strings.TrimSpace(done.refusal.Code+" "+done.refusal.Detail)), nil
}

// outcome is a call that came to an end of the right form.
type outcome struct {
	answer
	files map[string][]byte // of the answer, by name
	place Place
}

// tree is the answer with paths that do not depend on the process, without what it took.
func (o outcome) tree() any {
	if o.refusal != nil {
		return map[string]any{"error": map[string]any{"code": o.refusal.Code, "detail": o.refusal.Detail, "remedy": o.refusal.Remedy, "temporary": o.refusal.Temporary}}
	}
	var tree any
	raw := bytes.ReplaceAll(o.result, []byte(o.place.Dir+string(filepath.Separator)), nil)
	_ = json.Unmarshal(raw, &tree) // it was checked
	if answer, ok := tree.(map[string]any); ok {
		delete(answer, "engineSeconds") // what a call took is no part of what it says
	}
	return tree
}

// errRefused stands for a refusal of inspect, with which a call for a page ends, too.
var errRefused = errors.New("refused")

// make makes a call on a process and checks the form of what comes back.
func (s *suite) make(ctx context.Context, p *process, k Case) (outcome, error) {
	var first outcome
	k, err := s.inspected(p, k, func(inspect Case) (_ []byte, err error) {
		if first, err = s.make(ctx, p, inspect); err == nil && first.refusal != nil {
			err = errRefused
		}
		return first.result, err
	})
	if errors.Is(err, errRefused) {
		return first, nil
	}
	if err != nil {
		return outcome{}, fmt.Errorf("inspect first: %w", err)
	}
	job, err := s.prepare(p, k)
	if err != nil {
		return outcome{}, err
	}
	a := p.call(ctx, job)
	done := outcome{answer: a, files: map[string][]byte{}, place: p.place}
	switch {
	case a.err != nil:
		return done, a.err
	case a.refusal != nil && strings.TrimSpace(a.refusal.Detail) == "":
		return done, fail("say what was tried and why it failed", "it refuses without a word")
	case a.refusal != nil:
		return done, p.place.unchanged(k)
	}
	request := job.ArgsJson
	if k.Op == sdk.OpAssemble {
		if request, err = os.ReadFile(filepath.Join(p.place.In, "document.json")); err != nil {
			return done, err
		}
	}
	t, err := p.place.right(k.Op, request, a.result)
	if err != nil {
		return done, err
	}
	for name, path := range t.files {
		if done.files[name], err = os.ReadFile(path); err != nil {
			return done, err
		}
	}
	return done, p.place.unchanged(k)
}

// matches compares a call's outcome with what its case wants.
func (s *suite) matches(k Case, o outcome) error {
	var want any
	if k.Want != nil {
		if err := json.Unmarshal(k.Want, &want); err != nil {
			return fmt.Errorf("want of case %s: %w", k.Name, err)
		}
	}
	if o.refusal != nil && !k.builtin && !wantsRefusal(want) {
		return fail(o.refusal.Remedy, "refused: %s", strings.TrimSpace(o.refusal.Code+" "+o.refusal.Detail))
	}
	if k.Want != nil {
		if d := alike(want, o.tree(), ""); d != "" {
			return fail("is the wanted answer still right?", "%s", d)
		}
	}
	for name, want := range k.Outputs {
		got, ok := o.files[name]
		if !ok {
			return fail("", "the answer has no file %s", name)
		}
		if !bytes.Equal(got, want) {
			return fail("", "the file %s has %d bytes that differ from the %d wanted", name, len(got), len(want))
		}
	}
	return nil
}

func wantsRefusal(want any) bool {
	tree, _ := want.(map[string]any)
	return tree["error"] != nil
}

// again makes a call in two processes. The answers may not differ: a page is read twice
// after a crash, and two servers are to come to the same.
func (s *suite) again(ctx context.Context, c sdk.ComponentManifest, k Case) (string, error) {
	var seen [2]outcome
	for i := range seen {
		p, err := s.start(ctx)
		if err != nil {
			return "", err
		}
		seen[i], err = s.make(ctx, p, k)
		p.end()
		if err != nil {
			return "", err
		}
	}
	if c.Kind == sdk.KindDeliverer {
		return "the second delivery under one key ended well, too", nil
	}
	if d := alike(seen[0].tree(), seen[1].tree(), ""); d != "" {
		return "", fail("the same input must give the same answer: no clock, no randomness, sorted maps", "%s", d)
	}
	for name, first := range seen[0].files {
		if !bytes.Equal(first, seen[1].files[name]) {
			return "", fail("the same input must give the same bytes: no clock, no randomness, sorted maps", "the file %s differs", name)
		}
	}
	return "", nil
}
