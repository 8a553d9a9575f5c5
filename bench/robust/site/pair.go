package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Pair is two servers that belong together, or shall.
type Pair struct {
	Primary, Secondary *Server
	Programs           Programs
	Dir                string // for the licences
	licenses           int    // issued so far
}

// Both are the servers, the primary first.
func (p *Pair) Both() []*Server { return []*Server{p.Primary, p.Secondary} }

// Other is the server that is not s.
func (p *Pair) Other(s *Server) *Server {
	if s == p.Primary {
		return p.Secondary
	}
	return p.Primary
}

// Kill ends both servers at once.
func (p *Pair) Kill() {
	for _, s := range p.Both() {
		s.Kill()
	}
}

// Start starts both servers.
func (p *Pair) Start(ctx context.Context) error {
	for _, s := range p.Both() {
		if err := s.Launch(); err != nil {
			return err
		}
	}
	for _, s := range p.Both() {
		if err := s.Await(ctx, 30*time.Second); err != nil {
			return err
		}
	}
	return nil
}

// cores is what the licences allow: enough for every machine.
const cores = "4096"

// Roles as licences name them.
const (
	RolePrimary   = "03"
	RoleSecondary = "04"
)

// License issues a licence for each server and puts it in force. The servers run.
func (p *Pair) License(ctx context.Context) error {
	if err := p.LicenseFor(ctx, p.Primary, RolePrimary); err != nil {
		return err
	}
	return p.LicenseFor(ctx, p.Secondary, RoleSecondary)
}

// LicenseFor issues one licence for the machines of both servers and puts it in force on
// one of them, instead of the one that it may have.
func (p *Pair) LicenseFor(ctx context.Context, s *Server, role string) error {
	key := filepath.Join(p.Dir, "licences.key")
	if _, err := os.Stat(key); err != nil {
		if _, err := p.Programs.Run(ctx, "license", "keygen", "demo", "-o", key); err != nil {
			return err
		}
	}
	macs, err := p.machines(ctx)
	if err != nil {
		return err
	}
	p.licenses++
	file := filepath.Join(p.Dir, fmt.Sprintf("%s-%d.license", s.Name, p.licenses))
	args := []string{"license", "issue", "--signer", key, "--role", role, "--cores", cores, "--holder", "Demonstration", "-o", file}
	for _, m := range macs {
		args = append(args, "--mac", m)
	}
	if _, err := p.Programs.Run(ctx, args...); err != nil {
		return err
	}
	_, _ = p.Programs.Run(ctx, "deactivate", "--server", s.URL()) // there may be none
	_, err = p.Programs.Run(ctx, "activate", file, "--trust", key+".pub", "--server", s.URL())
	return err
}

// machines are the MAC addresses that the servers have.
func (p *Pair) machines(ctx context.Context) ([]string, error) {
	var all []string
	for _, s := range p.Both() {
		var l struct{ Machine struct{ MACs []string } }
		if err := s.Get(ctx, "/v1/license", &l); err != nil {
			return nil, fmt.Errorf("licence of %s: %w", s.Name, err)
		}
		all = append(all, l.Machine.MACs...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Form makes the running, licensed servers a pair and waits until it protects.
func (p *Pair) Form(ctx context.Context) error {
	out, err := p.Programs.Run(ctx, "pair", "init", "--detach", "--server", p.Primary.URL())
	if err != nil {
		return err
	}
	code, err := codeIn(out)
	if err != nil {
		return err
	}
	if _, err := p.Programs.Run(ctx, "pair", "join", code, "--server", p.Secondary.URL()); err != nil {
		return err
	}
	return p.Protected(ctx, 30*time.Second)
}

// code looks like the code that `pair init` prints: groups of letters and digits with
// dashes between them.
var code = regexp.MustCompile(`\b[A-Z0-9]{2,}(-[A-Z0-9]{2,})+\b`)

func codeIn(out string) (string, error) {
	if line := strings.TrimSpace(out); line != "" && !strings.ContainsAny(line, " \n") {
		return line, nil
	}
	if c := code.FindString(out); c != "" {
		return c, nil
	}
	return "", fmt.Errorf("twinleaf pair init printed no code: %q", out)
}

// Status is what is needed of GET /v1/pair.
type Status struct {
	Paired bool
	Here   struct {
		ID, Role, Phase, Stand, Cause string
		Epoch                         int
	}
	Link struct {
		Linked, Protected bool
		Lag               uint64
	}
	Takeover *struct {
		Epoch     int
		Of, Cause string
		Back      bool
	}
	Parity *struct {
		At          bool
		Differences int
	}
	Refused json.RawMessage
}

// Status asks how the pair stands, as a server sees it.
func (s *Server) Status(ctx context.Context) (st Status, err error) {
	err = s.Get(ctx, "/v1/pair", &st)
	return st, err
}

// Protected waits until both servers work on their own jobs, nobody works on the
// other's, and each has what the other took.
func (p *Pair) Protected(ctx context.Context, patience time.Duration) error {
	return Eventually(ctx, patience, "the pair protects", func(ctx context.Context) error {
		return errors.Join(settled(ctx, p.Primary), settled(ctx, p.Secondary))
	})
}

func settled(ctx context.Context, s *Server) error {
	st, err := s.Status(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", s.Name, err)
	case !st.Paired:
		return fmt.Errorf("%s is in no pair", s.Name)
	case !st.Link.Protected || st.Link.Lag > 0:
		return fmt.Errorf("%s: protected %t, lag %d, phase %s (%s), refused %s", s.Name, st.Link.Protected, st.Link.Lag, st.Here.Phase, st.Here.Cause, st.Refused)
	case st.Here.Phase != "working" || st.Here.Stand != "standby":
		return fmt.Errorf("%s: phase %s, stand %s (%s), refused %s", s.Name, st.Here.Phase, st.Here.Stand, st.Here.Cause, st.Refused)
	}
	return nil
}
