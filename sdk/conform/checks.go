package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// alone runs the program without a host, as a person would.
func (s *suite) alone(ctx context.Context, args ...string) (stdout, stderr string, code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.StartTimeout)
	defer cancel()
	place, err := s.newPlace()
	if err != nil {
		return "", "", 0, err
	}
	cookie := func(v string) bool {
		return strings.HasPrefix(v, pluginv2.CookieKey+"=") || strings.HasPrefix(v, pluginv2.LeashKey+"=")
	}
	place.Env = slices.DeleteFunc(place.Env, cookie)
	place.Args = args
	cmd, err := s.command(place)
	if err != nil {
		return "", "", 0, err
	}
	cmd.WaitDelay = patience
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		return "", "", 0, fmt.Errorf("start %s: %w", s.Bin, err)
	}
	stop := context.AfterFunc(ctx, func() { killGroup(cmd.Process.Pid) })
	err = cmd.Wait()
	if stop() {
		killGroup(cmd.Process.Pid)
	}
	if ctx.Err() != nil {
		return out.String(), errs.String(), -1, nil
	}
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), ended.ExitCode(), nil
	}
	return out.String(), errs.String(), 0, err
}

// cannotRun is the exit code of shells and sandboxes for a program that does not start.
const cannotRun = 126

func (s *suite) byHand(ctx context.Context) (string, error) {
	const hint = "without TWINLEAF_PLUGIN in the environment, say on standard error what the program is and exit with 2"
	stdout, stderr, code, err := s.alone(ctx)
	switch {
	case err != nil:
		return "", err
	case code == -1:
		return "", fail(hint, "started by hand it goes on for more than %s", s.StartTimeout)
	case code == cannotRun:
		return "", fail("is it readable and executable for everyone? chmod 755 makes it so", "it cannot be started: %.300s", strings.TrimSpace(stderr))
	case code == 0:
		return "", fail(hint, "started by hand it ends as if all were well")
	case strings.Contains(stdout, "|unix|"):
		return "", fail(hint, "started by hand it offers a handshake")
	case strings.TrimSpace(stderr) == "":
		return "", fail(hint, "started by hand it says nothing")
	}
	return fmt.Sprintf("exit %d", code), nil
}

func (s *suite) describe(ctx context.Context) (string, error) {
	const hint = "with the one argument describe, print the manifest on standard output and exit with 0"
	stdout, stderr, code, err := s.alone(ctx, "describe")
	if err != nil {
		return "", err
	}
	if code != 0 {
		return "", fail(hint, "%q ended with %d: %.200s", filepath.Base(s.Bin)+" describe", code, strings.TrimSpace(stderr))
	}
	s.described = []byte(stdout)
	var m sdk.Manifest
	if err := json.Unmarshal(s.described, &m); err != nil {
		return "", fail(hint, "what it prints is no manifest: %v", err)
	}
	s.manifest = m // so that the first process already has the permissions that it asks for
	return m.Name + " " + m.Version, nil
}

func (s *suite) starts(ctx context.Context) (string, error) {
	begun := time.Now()
	p, err := s.start(ctx)
	if err != nil {
		return "", err
	}
	defer p.end()
	m, err := p.describe(ctx)
	if err != nil {
		return "", p.explain(err)
	}
	s.manifest = m
	return fmt.Sprintf("%s to the first answer", time.Since(begun).Round(time.Millisecond)), nil
}

func (s *suite) wellFormed(context.Context) (string, error) {
	if err := s.manifest.Check(); err != nil {
		return "", fail("", "%v", err)
	}
	var printed sdk.Manifest
	if err := json.Unmarshal(s.described, &printed); err != nil {
		return "", fail("", "describe on the command line prints no manifest")
	}
	a, _ := json.Marshal(printed)
	b, _ := json.Marshal(s.manifest)
	if !bytes.Equal(a, b) {
		return "", fail("print what Describe answers with", "describe on the command line and the call Describe tell different things")
	}
	var kinds []string
	for _, c := range s.manifest.Components {
		kinds = append(kinds, string(c.Kind))
		if !slices.Contains([]sdk.Kind{sdk.KindReader, sdk.KindFilter, sdk.KindRecognizer, sdk.KindIndexer, sdk.KindAssembler, sdk.KindDeliverer}, c.Kind) {
			return "", fail("reader, filter, recognizer, indexer, assembler or deliverer", "component %s is a %q, which no server knows", c.ID, c.Kind)
		}
	}
	return strings.Join(kinds, ", "), nil
}

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

// tree is the answer with paths that do not depend on the process.
func (o outcome) tree() any {
	if o.refusal != nil {
		return map[string]any{"error": map[string]any{"code": o.refusal.Code, "detail": o.refusal.Detail, "remedy": o.refusal.Remedy, "temporary": o.refusal.Temporary}}
	}
	var tree any
	raw := bytes.ReplaceAll(o.result, []byte(o.place.Dir+string(filepath.Separator)), nil)
	_ = json.Unmarshal(raw, &tree) // it was checked
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
	if k.Want != nil {
		var want any
		if err := json.Unmarshal(k.Want, &want); err != nil {
			return fmt.Errorf("want of case %s: %w", k.Name, err)
		}
		if d := alike(want, o.tree(), ""); d != "" {
			return fail("is the wanted answer still right?", "%s", d)
		}
	}
	if o.refusal != nil && k.Want == nil && !k.builtin {
		return fail(o.refusal.Remedy, "refused: %s %s", o.refusal.Code, o.refusal.Detail)
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

func (s *suite) shutsDown(ctx context.Context) (string, error) {
	p, err := s.start(ctx)
	if err != nil {
		return "", err
	}
	defer p.end()
	asked, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = p.conn.Invoke(asked, "/plugin.GRPCController/Shutdown", &emptypb.Empty{}, &emptypb.Empty{})
	if !p.gone(patience) {
		return "", fail("serve GRPCController.Shutdown of go-plugin, and end", "it goes on for %s after it was asked to end (%v)", patience, err)
	}
	return "", nil
}

func (s *suite) leashed(ctx context.Context) (string, error) {
	p, err := s.start(ctx)
	if err != nil {
		return "", err
	}
	defer p.end()
	if _, err := p.describe(ctx); err != nil {
		return "", err
	}
	_ = p.leash.Close()
	if !p.gone(patience) {
		return "", fail("end when standard input does, if TWINLEAF_PLUGIN_LEASH is stdin", "it goes on for %s after its server has gone", patience)
	}
	return "", nil
}

func (s *suite) leavesNothing(context.Context) (string, error) {
	left := strays(s.base)
	for end := time.Now().Add(patience); len(left) > 0 && time.Now().Before(end); left = strays(s.base) {
		<-time.After(patience / 40)
	}
	if len(left) > 0 {
		for _, pid := range left {
			killGroup(pid)
		}
		return "", fail("wait for the programs that you start, and start none in a session of its own", "%d processes that it started live on", len(left))
	}
	return "", nil
}
