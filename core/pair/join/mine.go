package join

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
)

// Identity is the server's own, see package identity.
type Identity interface {
	Formed() (*identity.Formed, error)
	Form(identity.Formed) error
}

// Mine is what both sides need of their own server.
type Mine struct {
	Self     tls.Certificate
	Identity Identity

	// Propose writes down what this server is. TakeSettings and Skew are filled in here, and
	// so is Pair from the Identity.
	Propose func(context.Context) (Proposal, error)
	Trusted func() ([]string, error) // public keys of whose licences count

	Silence time.Duration // before this server takes over, see identity.Formed
	Manual  bool

	Log *slog.Logger     // default: none
	Now func() time.Time // default time.Now

	cost int // of scrypt; default defaultCost. Tests make it small on both sides
}

func (m Mine) withDefaults() Mine {
	if m.Log == nil {
		m.Log = slog.New(slog.DiscardHandler)
	}
	if m.Now == nil {
		m.Now = time.Now
	}
	if m.cost == 0 {
		m.cost = defaultCost
	}
	return m
}

// propose is this server's proposal, whole and checked as the other one will.
func (m Mine) propose(ctx context.Context) (Proposal, error) {
	p, err := m.Propose(ctx)
	if err != nil {
		return p, fmt.Errorf("say what this server is: %w", err)
	}
	f, err := m.Identity.Formed()
	if err != nil {
		return p, err
	}
	p.Format, p.Pair = Format, nil
	if f != nil {
		p.Pair = &Member{f.Pair, f.Peer.ID}
	}
	p.Manifest.Sort()
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("say what this server is: %w", err)
	}
	return p, nil
}

// meet holds both proposals against each other, as a server sees them.
func (m Mine) meet(here pair.Role, primary, joiner Proposal) (meeting, error) {
	trusted, err := m.Trusted()
	return meeting{primary: primary, joiner: joiner, here: here, trusted: trusted, now: m.Now()}, err
}

// formed is the pair as a server keeps it.
func (m Mine) formed(g grant, met meeting) identity.Formed {
	f := identity.Formed{Pair: g.Pair, Role: met.here, Peer: met.joiner.Server, At: g.At, Signer: met.signerOf(), Silence: m.Silence, Manual: m.Manual}
	if met.here == pair.Secondary {
		f.Peer = met.primary.Server
	}
	return f
}

// impostor is the failure of a proposal that names another key than TLS has shown.
func impostor(p Proposal) error {
	return core.Refuse(CodeWrong, again, "server %s names another key than that with which it speaks", p.Server.ID)
}
