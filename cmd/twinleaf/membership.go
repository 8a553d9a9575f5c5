package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// Folders of a pair in the data folder.
const (
	serverFolder = "server" // who this server is, and its pair
	peerFolder   = "peer"   // copies of the journals of peers, by their ids
)

// pairProtocol is the generation of what two servers say to each other.
const pairProtocol = 1

// membership is this server's part in a pair, for as long as the program runs. Which pair
// that is may change meanwhile: then the data service is opened anew.
type membership struct {
	config  config
	log     *slog.Logger
	live    *live
	license *licensing
	now     func() time.Time
	refuse  func() error  // why nothing is written to the disk; nil: it is
	renewed chan struct{} // has room for one: a pair was formed or left
	wanted  chan struct{} // has room for one: somebody is to reach the listener

	mu     sync.Mutex // guards what follows
	id     *identity.Identity
	server *link.Server
	member *paired // of the engine that is open; nil: in no pair, or absent
}

func newMembership(c config, log *slog.Logger, l *live, lic *licensing, f *faults) *membership {
	return &membership{
		config: c, log: log, live: l, license: lic, now: f.now, refuse: f.data,
		renewed: make(chan struct{}, 1), wanted: make(chan struct{}, 1),
	}
}

// run listens for the other server as soon as there is one, or is to be.
func (m *membership) run(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-m.wanted:
	}
	last := ""
	for ctx.Err() == nil {
		err := m.server.Serve(ctx, nil)
		if ctx.Err() != nil {
			return nil
		}
		if why := fmt.Sprint(err); why != last { // told once, for it is tried every second
			m.log.Error("the other server cannot reach this one; trying on", "listen", m.config.Pair.Listen, "cause", why,
				"remedy", "see what else has that address, or choose another: pair.listen")
			last = why
		}
		pause(ctx, time.Second)
	}
	return nil
}

// identify finds out who this server is and in which pair; nil: in none.
func (m *membership) identify() (*identity.Identity, *identity.Formed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id == nil {
		_, err := os.Stat(filepath.Join(m.config.Data, "journal"))
		id, err := identity.Open(filepath.Join(m.config.Data, serverFolder), m.config.Name, err == nil)
		if err != nil {
			return nil, nil, err
		}
		m.id = id
		m.server = link.NewServer(link.ServerConfig{Self: id.Cert, Listen: m.config.Pair.Listen, Log: m.log})
	}
	formed, err := m.id.Formed()
	return m.id, formed, err
}

// present is the member that works now; nil: there is none.
func (m *membership) present() *paired {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.member
}

// arrive begins with a member that is open; nil: this server is in no pair.
func (m *membership) arrive(mb *paired) {
	m.mu.Lock()
	m.member = mb
	m.mu.Unlock()
	if mb == nil {
		m.server.Alone()
		return
	}
	m.server.Pin(mb.formed.Peer.Fingerprint, mb.node.Handler())
	m.listen()
}

// leave ends with the member, before it is closed. The peer stays known: what it asks for
// meanwhile fails, and it asks again.
func (m *membership) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.member = nil
}

// listen lets others reach this server from now on.
func (m *membership) listen() {
	select {
	case m.wanted <- struct{}{}:
	default:
	}
}

// renew opens the data service anew, because a pair was formed or left. Until then a peer
// is not told that this server is in no pair.
func (m *membership) renew() {
	m.mu.Lock()
	if m.server != nil && m.member == nil {
		m.server.Unpin()
	}
	m.mu.Unlock()
	select {
	case m.renewed <- struct{}{}:
	default:
	}
}

// role is what this server is licensed for; without a licence what it was when the pair was
// formed.
func (m *membership) role(formed pair.Role) pair.Role {
	l, err := m.license.active()
	if err != nil {
		return formed
	}
	switch l.Key.Role() {
	case license.Primary:
		return pair.Primary
	case license.Secondary:
		return pair.Secondary
	}
	return formed
}

// manifest is what of this server must be the same on a peer.
func (m *membership) manifest(ctx context.Context, deep bool) (parity.Manifest, error) {
	e, err := m.live.get()
	if err != nil {
		return parity.Manifest{}, err
	}
	return e.manifest(ctx, m.config, m.now(), deep)
}

// active is where jobs are taken while this server does not take them; empty: nobody knows.
func (m *membership) active() string {
	mb := m.present()
	if mb == nil {
		return ""
	}
	if s := mb.node.Status(); !s.Linked || s.Peer.Phase != pair.Working {
		return ""
	}
	return mb.formed.Peer.URL
}

// admit says why a job that comes so is not taken here, before anything of it is read.
func (m *membership) admit(_ context.Context, o core.Origin) *core.Failure {
	mb := m.present()
	if mb == nil {
		return nil
	}
	return mb.ask(o)
}
