package main

import (
	"context"
	"errors"
	"io"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// pairing is the pair as the console sees it.
type pairing struct{ *membership }

func noPair() error {
	return core.Refuse(api.CodeNoPair, `form one with "twinleaf pair init" and "twinleaf pair join"`, "this server is in no pair")
}

// Do does what an operator asks of the pair.
func (p pairing) Do(ctx context.Context, order, _ string) error {
	m := p.present()
	if m == nil {
		return noPair()
	}
	if why := m.node.Do(ctx, pair.Order(order)); why != nil {
		return why
	}
	return nil
}

// Sync compares the servers anew and says what keeps settings from coming over.
func (p pairing) Sync(ctx context.Context, _ string) error {
	m := p.present()
	if m == nil {
		return noPair()
	}
	if err := m.checker.ask(ctx, false); err != nil {
		return silent(m, err)
	}
	return m.checker.syncs()
}

// silent says that the other server is needed and does not answer.
func silent(m *paired, err error) error {
	return core.Refuse(api.CodeSilent, "see whether it runs and can be reached; jobs are shipped as soon as it can", "%s does not answer: %s", m.formed.Peer.Name, firstLine(err))
}

// unlessTold is silent for an error that nobody explained.
func unlessTold(m *paired, err error) error {
	if err == nil || errors.As(err, new(*core.Failure)) {
		return err
	}
	return silent(m, err)
}

// Parity compares the servers.
func (p pairing) Parity(ctx context.Context, deep bool) (api.Parity, error) {
	m := p.present()
	if m == nil {
		return api.Parity{}, noPair()
	}
	if err := m.checker.ask(ctx, deep); err != nil && !m.checker.compared() {
		return api.Parity{}, silent(m, err)
	}
	r, checked := m.checker.found()
	return api.Parity{At: r.At, Differences: r.Differences, Peer: m.formed.Peer.Name, Checked: checked}, nil
}

// Status tells how the pair stands.
func (p pairing) Status(context.Context) (api.Pair, error) {
	m := p.present()
	if m == nil {
		return api.Pair{}, nil
	}
	s := m.node.Status()
	here, there := p.here(m, s), p.there(m, s)
	report, checked := m.checker.found()
	differences, warnings := counts(report)
	out := api.Pair{
		Paired: true, ID: m.formed.Pair, Here: &here, There: &there,
		Link: &api.PairLink{
			Linked: s.Linked, Protected: s.UnprotectedSince.IsZero() && s.Lag <= underWay, Unprotected: s.UnprotectedSince,
			Lag: s.Lag, SkewMS: s.Skew.Milliseconds(),
		},
		Parity: &api.PairParity{At: report.At, Differences: differences, Warnings: warnings, Checked: checked},
		Worker: m.worker(), Sessions: m.open(), Withheld: m.withheld(),
	}
	p.happened(&out, m, s)
	return out, nil
}

func counts(r parity.Report) (differences, warnings int) {
	for _, d := range r.Differences {
		if d.Severity == parity.Warning {
			warnings++
		} else {
			differences++
		}
	}
	return differences, warnings
}

// here is this server.
func (p pairing) here(m *paired, s node.Status) api.PairServer {
	h := p.live.health()
	out := api.PairServer{
		ID: m.self.ID, Name: m.self.Name, Role: string(s.Role), URL: p.url(), Web: h.Web, Data: h.Data, Mode: h.Mode,
		Phase: string(s.Phase), Stand: string(s.Stand), Epoch: s.Epoch,
	}
	if s.Phase == pair.Resting {
		out.Cause = string(s.Cause) // else it is that of a takeover of the other's jobs
	}
	l := p.license.look()
	out.License = &api.PairLicense{Code: int(l.code), State: l.code.Text(), Key: string(l.signed.Key)}
	return out
}

// there is the other server as it was last heard.
func (p pairing) there(m *paired, s node.Status) api.PairServer {
	v, peer := s.Peer, m.formed.Peer
	h := peerHealth(s)
	out := api.PairServer{
		ID: peer.ID, Name: peer.Name, Role: string(v.Role), URL: peer.URL, Heard: s.LastHeard, Web: h.Web, Data: h.Data, Mode: h.Mode,
		Epoch: v.Epoch, Cause: string(v.Rest),
	}
	if s.Linked {
		out.Phase = string(v.Phase)
	}
	switch {
	case v.Taken > 0:
		out.Stand = string(pair.Ours)
	case s.Linked:
		out.Stand = string(pair.Standby)
	}
	if out.Role == "" {
		out.Role = string(other(s.Role))
	}
	if is, ok := m.checker.peerIs(); ok && is.License != nil {
		out.License = &api.PairLicense{Code: is.License.Code, State: license.Code(is.License.Code).Text(), Key: is.License.Key}
	}
	return out
}

func other(r pair.Role) pair.Role {
	if r == pair.Primary {
		return pair.Secondary
	}
	return pair.Primary
}

// peerHealth is what the other server says of itself, item by item.
func peerHealth(s node.Status) core.Health {
	if !s.Linked {
		unknown := core.Item{State: "unknown", Cause: "it is not heard", Since: s.UnprotectedSince}
		return core.Health{Web: unknown, Data: unknown, Mode: unknown}
	}
	v, state := s.Peer, map[bool]string{true: "up", false: "down"}
	mode := core.Item{State: pair.ModeStandby}
	switch {
	case v.Rest == pair.Maintenance:
		mode.State = pair.ModeMaintenance
	case v.Phase == pair.Resting:
		mode.State, mode.Cause = pair.ModeStandby, string(v.Rest)
	case v.Phase == pair.Working && (v.Role == pair.Primary || v.Taken > 0):
		mode.State = pair.ModeActive
	}
	return core.Health{Web: core.Item{State: state[v.Web]}, Data: core.Item{State: state[v.Data]}, Mode: mode}
}

// underWay is how many events may be on their way to the other server at a good moment.
const underWay = 200

// maxShown bounds the events that the status shows.
const maxShown = 20

// happened adds what happened to the pair.
func (p pairing) happened(out *api.Pair, m *paired, s node.Status) {
	for _, e := range s.Events {
		if e.Job != "" {
			out.First = &api.PairFirst{Job: e.Job, At: e.At, Cause: string(e.Cause)}
		}
	}
	for i := len(s.Events) - 1; i >= 0 && len(out.Events) < maxShown; i-- {
		e := s.Events[i]
		out.Events = append(out.Events, api.PairEvent{At: e.At, What: e.Name, Cause: string(e.Cause), Epoch: e.Epoch, Detail: e.Detail})
		if e.Code != "" && e.Code == s.Refused && out.Refused == nil {
			out.Refused = &api.Problem{Code: e.Code, Detail: e.Detail, Remedy: e.Remedy}
		}
	}
	out.Takeover = m.lastTakeover()
}

// url is where clients reach this server.
func (p pairing) url() string {
	if p.config.Pair.URL != "" {
		return p.config.Pair.URL
	}
	return address(p.config).Found
}

// Lock is the lock of the other server's plug-in store.
func (p pairing) Lock(ctx context.Context) ([]byte, error) {
	m := p.present()
	if m == nil {
		return nil, noPair()
	}
	lock, err := m.client.Lock(ctx)
	return lock, unlessTold(m, err)
}

// Archive opens a plug-in of the other server.
func (p pairing) Archive(ctx context.Context, digest string) (io.ReadCloser, error) {
	m := p.present()
	if m == nil {
		return nil, noPair()
	}
	archive, err := m.client.Archive(ctx, digest)
	return archive, unlessTold(m, err)
}
