package conform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
