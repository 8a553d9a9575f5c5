package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"path/filepath"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/core/parity"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// newMember opens what a server in a pair has beside: the copy of the peer's journal and
// the way to the peer. The pipeline and the node come later; see join.
func (m *membership) newMember(ctx context.Context, self *identity.Identity, formed identity.Formed) (*paired, error) {
	log := m.log.With("peer", formed.Peer.ID)
	copied, err := node.OpenCopy(ctx, journal.Config{
		Dir: filepath.Join(m.config.Data, peerFolder, formed.Peer.ID), Writer: formed.Peer.ID, Logger: log, Refuse: m.refuse,
	})
	if err != nil {
		return nil, err
	}
	run := newRun()
	mb := &paired{
		part: m, self: self, formed: formed, copy: copied, run: run, now: m.now, log: log,
		client: link.NewClient(link.ClientConfig{
			Self: self.Cert, Pin: formed.Peer.Fingerprint, Addresses: formed.Peer.Addresses, Run: run, Log: log,
		}),
	}
	return mb, nil
}

// newRun differs from start to start.
func newRun() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// configure adds to the pipeline's configuration what a pair wants of it.
func (m *paired) configure(c *pipeline.Config) {
	c.Peer = m.formed.Peer.ID
	c.Admit = m.admit
	c.Syncs = func() bool { return m.checker.syncs() == nil }
	c.Protect = func(ctx context.Context, seq journal.Seq) bool { return m.node.Protect(ctx, seq) }
	c.Shipped = func() journal.Seq { return m.node.Shipped() }
	c.Without = func(seq journal.Seq) bool { return m.node.Without(seq) }
	c.CompactLimit = func() journal.Seq { return m.node.CompactLimit() }
	c.Heal = func(ctx context.Context, ref core.Ref) error { return m.node.Heal(ctx, ref) }
}

// join makes the node, now that there is a pipeline.
func (m *paired) join(e *engine) error {
	c := m.part.config
	m.pipe, m.farm, m.pages = e.pipe, e.farm, m.reader(e)
	m.checker = &checker{
		here: func(ctx context.Context, deep bool) (parity.Manifest, error) {
			return e.manifest(ctx, c, m.now(), deep)
		},
		there: m.theirs,
		roles: m.roles,
		path:  filepath.Join(c.Data, serverFolder, peerManifest),
		tell:  m.gate,
		now:   m.now, log: m.log, asked: make(chan question),
	}
	if err := m.checker.recall(); err != nil {
		return err
	}
	m.node = node.New(node.Config{
		Pair: pair.Config{
			Self: m.self.ID, Peer: m.formed.Peer.ID, Pair: m.formed.Pair, Role: m.part.role(m.formed.Role),
			Protocol: pairProtocol, Run: m.run, Manual: c.Pair.Takeover == takeoverManual, Silence: c.Pair.Silence,
		},
		Link: m.client, Journal: e.journal, Copy: m.copy, Blobs: e.blobs, Work: worker{e.pipe}, Offers: offered(c, node.Offers{Manifest: m.checker.here, Pages: m.pages}), CopyCompacted: e.pipe.PeerCompacted, Salvage: e.salvage,
		Verdicts: m.verdicts, Health: m.health, Skew: m.checker.skewed, Now: m.now, Log: m.log,
	})
	m.look()
	return nil
}

// theirs is the peer's manifest, with the time by the clock here at which it was taken. That
// was between question and answer: of these times the one that makes the clocks agree best
// counts, so that a slow answer is no skew.
func (m *paired) theirs(ctx context.Context, deep bool) (parity.Manifest, time.Time, error) {
	asked := m.now()
	manifest, _, _, err := m.client.Manifest(ctx, deep)
	return manifest, between(asked, manifest.Clock, m.now()), err
}

// between is the time of from..to that is nearest to t.
func between(from, t, to time.Time) time.Time {
	switch {
	case t.Before(from):
		return from
	case t.After(to):
		return to
	}
	return t
}

func (m *paired) roles() parity.Pair {
	role := m.part.role(m.formed.Role)
	return parity.Pair{Here: parity.Role(role), There: parity.Role(other(role)), Formed: true}
}

// health is how the own services are.
func (m *paired) health() pair.Health {
	h := m.part.live.health()
	return pair.Health{Web: h.Web.State == "up", Data: h.Data.State == "up"}
}

// lookEvery is how often the licence is looked at for what it lets this server be.
const lookEvery = time.Second

// watch looks at the licence, and whether the other server is heard, again and again until
// ctx ends.
func (m *paired) watch(ctx context.Context) error {
	pulse := heartbeat{peer: m.formed.Peer.Name, limit: m.part.config.Pair.Silence, log: m.log}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			m.look()
			s := m.node.Status()
			pulse.note(s.Linked, s.LastHeard, m.now())
		}
	}
}

// look takes in what the licence lets this server be. A licence that has run out since the
// pair was formed stops nothing; one that is gone does.
func (m *paired) look() {
	v := pair.Verdicts{Role: m.part.role(m.formed.Role)}
	if _, err := m.part.license.active(); err != nil {
		v.Licence = &core.Failure{
			Code: codeLicense, Permanent: true, Remedy: `activate this server's licence ("twinleaf activate FILE")`,
			Detail: "this server takes nothing over without a licence: " + firstLine(err),
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.verdict = v
}

// verdicts is what the machine is told again and again.
func (m *paired) verdicts() pair.Verdicts {
	m.mu.Lock()
	v := m.verdict
	m.mu.Unlock()
	v.Parity, v.Lacking = m.checker.verdict()
	return v
}

// readOnly says whether shared data may not be changed here, and where it may.
func (m *membership) readOnly() (primary string, readOnly bool) {
	mb := m.present()
	if mb == nil {
		return "", m.role("") == pair.Secondary
	}
	return mb.formed.Peer.URL, m.role(mb.formed.Role) == pair.Secondary
}

// readOnlyHere is readOnly as the pipeline asks for it.
func (m *membership) readOnlyHere() error {
	primary, readOnly := m.readOnly()
	if !readOnly {
		return nil
	}
	if primary == "" {
		primary = "the primary"
	}
	return core.Refuse(core.CodeReadOnly, "change it on "+primary+"; it comes over by itself", "this server is the secondary of a pair, where shared settings are not changed")
}
