package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/core/parity"
	"github.com/twinleaf-scan/twinleaf/pipeline"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// paired is this server as one of a pair, while its data service is open.
type paired struct {
	part    *membership
	self    *identity.Identity
	formed  identity.Formed
	run     uint64 // differs from start to start
	client  *link.Client
	copy    *journal.Copy
	pipe    *pipeline.Pipeline
	node    *node.Node
	checker *checker
	farm    *farm.Pool // the other server joins it
	pages   *reading   // read for the other server
	now     func() time.Time
	log     *slog.Logger

	mu       sync.Mutex // guards what follows
	sessions pair.Sessions
	verdict  pair.Verdicts // without what parity says
	shown    core.Item     // the mode as it was last told
}

// run holds the servers together until ctx ends.
func (m *paired) serve(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.node.Run(ctx) })
	g.Go(func() error { return m.checker.run(ctx) })
	g.Go(func() error { return m.watch(ctx) })
	g.Go(func() error { return m.hire(ctx, m.farm) })
	return g.Wait()
}

// parting is how long a server that stops waits for the peer to have what it did last.
const parting = 2 * time.Second

// takeLeave waits for that, so that the peer does nothing of it again.
func (m *paired) takeLeave(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, parting)
	defer stop()
	for s := m.node.Status(); s.Linked && s.Lag > 0 && ctx.Err() == nil; s = m.node.Status() {
		pause(ctx, 10*time.Millisecond)
	}
}

func (m *paired) close() error {
	m.stopReading()
	m.client.Close()
	return m.copy.Close()
}

// stopReading reads nothing more for the other server.
func (m *paired) stopReading() {
	if m.pages != nil {
		m.pages.stop()
	}
}

// admit says why a job is not taken here; nil: it is.
func (m *paired) admit(sub core.Submission) error {
	if why := m.ask(sub.Origin); why != nil {
		return why
	}
	m.touch(sub.Origin.Session)
	return nil
}

// ask says why a job that comes so is not taken here.
func (m *paired) ask(o core.Origin) *core.Failure {
	if o.Failover != "" {
		m.node.Came(pair.Cause(o.Failover))
	}
	why := m.node.Admit(pair.Request{Failover: pair.Cause(o.Failover), Bound: m.bound(o.Session), Device: o.Device})
	return m.addressed(why)
}

// addressed has a refusal name the other server as people reach it, not by its id.
func (m *paired) addressed(why *core.Failure) *core.Failure {
	peer := m.formed.Peer
	if why == nil || peer.URL == "" {
		return why
	}
	told := *why
	told.Remedy = strings.ReplaceAll(why.Remedy, peer.ID, fmt.Sprintf("%s (%s)", peer.Name, peer.URL))
	return &told
}

func (m *paired) bound(session string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return session != "" && m.sessions.Open(session, m.now())
}

func (m *paired) touch(session string) {
	if session == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions.Touch(session, m.now())
}

func (m *paired) sessionEnded(session string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions.End(session)
}

// worker is the pipeline as the pair sees it.
type worker struct{ *pipeline.Pipeline }

func whose(w pair.Whose) pipeline.Whose {
	if w == pair.OwnJobs {
		return pipeline.Own
	}
	return pipeline.Peers
}

func (w worker) Work(jobs pair.Whose) { w.Pipeline.Work(whose(jobs)) }
func (w worker) Stop(jobs pair.Whose) { w.Pipeline.Stop(whose(jobs)) }

func (w worker) Drain(ctx context.Context, jobs pair.Whose, limit time.Duration) error {
	return w.DrainJobs(ctx, whose(jobs), limit)
}

// gate holds the peer's jobs that may not run here, and the own ones that only the peer has
// an engine for.
func (m *paired) gate() {
	m.pipe.Gate(func(j pipeline.GateJob) *core.Failure {
		job := parity.Job{Options: j.Options, Media: j.Media, Destinations: j.Destinations}
		if j.Server == m.formed.Peer.ID {
			return m.checker.may(job, j.Kinds...)
		}
		return m.checker.lacks(j.Kinds)
	})
}

// accepted tells of a job that was taken here.
func (m *paired) accepted(a core.Accepted, o core.Origin) {
	m.node.Accepted(a.ID, pair.Cause(o.Failover))
	if o.Failover != "" {
		m.log.Warn("a job came over from the other server", "job", string(a.ID), "cause", o.Failover, "protected", a.Protected)
	}
}

// mode is the health item of that name. A server that is stopping drains.
func (m *paired) mode(own core.Item) core.Item {
	if own.State == pipeline.ModeDraining {
		return own
	}
	s := m.node.Status()
	if s.Mode == pair.ModeActive && s.Role == pair.Primary {
		s.Cause = "" // of a takeover, for which a primary is not active
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shown.State != s.Mode || m.shown.Cause != string(s.Cause) {
		m.shown = core.Item{State: s.Mode, Cause: string(s.Cause), Since: m.now().UTC().Round(0)}
	}
	return m.shown
}

// open counts the sessions that are open here.
func (m *paired) open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions.Count(m.now())
}

// lastTakeover is the last takeover of either server's jobs; nil: there was none.
func (m *paired) lastTakeover() (last *api.PairTakeover) {
	m.pipe.Look(func(s *core.State) {
		for _, of := range []string{m.self.ID, m.formed.Peer.ID} {
			t, ok := s.LastTakeover(of)
			if ok && (last == nil || t.Epoch > last.Epoch) {
				last = &api.PairTakeover{Epoch: t.Epoch, Of: of, Cause: t.Cause, At: t.At, Back: t.Back}
			}
		}
	})
	return last
}

// unsure gives a refusal another code if it may be wrong: a server that has lost its disk and
// has not heard its peer yet knows neither profiles nor destinations.
func (m *paired) unsure(err error) error {
	why, ok := errors.AsType[*core.Failure](err)
	if !ok || why.Code != core.CodeUnknown || !m.node.Status().LastHeard.IsZero() {
		return err
	}
	return &core.Failure{
		Code: pair.CodeStarting, Remedy: "submit to the other server, or try again once it answers",
		Detail: "this server has not heard the other one since its start, and may not know all settings: " + why.Detail,
	}
}
