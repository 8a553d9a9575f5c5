package join

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// Config is what the joiner needs.
type Config struct {
	Mine
	TakeSettings bool // the primary's settings may replace this server's own

	// Install puts the key with which the primary seals secrets beside this server's, durable,
	// and gives what puts it in its place; the old one is kept under another name. Cut off
	// in between, the server finishes that at its next start if it is in a pair, and else
	// forgets the new key. Nil: no key is installed.
	Install func(ctx context.Context, key string) (commit func() error, err error)
}

// How long the joiner waits for each step.
const (
	waitHello   = 10 * time.Second
	waitProof   = 15 * time.Second // to break the code takes longer
	waitPropose = 3 * time.Minute
	waitVerdict = 30 * time.Second
	waitConfirm = 35 * time.Second
	dialTime    = 5 * time.Second
)

// confirmTries is how often the joiner says that it has stored the pair.
const confirmTries = 3

// Join makes this server the secondary of a pair with the server that made the code. Once
// the pair is stored it is given, even with an error: then of code [CodeUnconfirmed].
func Join(ctx context.Context, typed string, cfg Config) (*identity.Formed, error) {
	code, err := ParseCode(typed)
	if err != nil {
		return nil, err
	}
	cfg.Mine = cfg.Mine.withDefaults()
	mine, err := cfg.propose(ctx)
	if err != nil {
		return nil, err
	}
	mine.TakeSettings = cfg.TakeSettings
	j := &joiner{cfg: cfg, code: code, mine: mine}
	defer j.open()()
	for _, step := range []func(context.Context) error{j.hello, j.prove, j.propose, j.verdict} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return j.store(context.WithoutCancel(ctx))
}

// joiner is one Join under way.
type joiner struct {
	cfg   Config
	code  Code
	mine  Proposal
	call  caller
	seen  string // fingerprint of who answers
	met   meeting
	found []Problem // by the primary
	grant grant
}

// open makes the way to the primary: who answers first is who answers always.
func (j *joiner) open() (end func()) {
	conf := link.ClientTLS(j.cfg.Self, "")
	conf.VerifyConnection = func(s tls.ConnectionState) error {
		who := identity.Fingerprint(s.PeerCertificates[0])
		if j.seen != "" && j.seen != who {
			return errors.New("another server answers than before")
		}
		j.seen = who
		return nil
	}
	t := &http.Transport{
		DialContext: (&net.Dialer{Timeout: dialTime}).DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: dialTime,
		MaxConnsPerHost: 1, // so that seen is one goroutine's at a time
	}
	j.call = caller{&http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, "https://" + j.code.Address()}
	return t.CloseIdleConnections
}

// hello meets the primary and measures how far its clock is ahead. The second of two
// answers comes without the time that it takes to open a connection.
func (j *joiner) hello(ctx context.Context) error {
	for range 2 {
		var out greeting
		asked := j.cfg.Now()
		if err := j.call.ask(ctx, pathHello, waitHello, greeting{Format: Format}, &out); err != nil {
			return j.explain(ctx, err)
		}
		took := j.cfg.Now().Sub(asked)
		j.mine.Skew = out.Clock.Sub(asked.Add(took / 2))
	}
	return nil
}

// explain says what to do about a server that does not answer.
func (j *joiner) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var f *core.Failure
	if errors.As(err, &f) {
		return f
	}
	return core.Refuse(CodeUnreachable, "the code names that address: is it right, is the port open, does Twinleaf run there? pair: {address: HOST:PORT} in the configuration there changes it",
		"the other server does not answer at %s: %v", j.code.Address(), err)
}

// prove shows the proof and wants the other's.
func (j *joiner) prove(ctx context.Context) error {
	self, err := fingerprint(j.cfg.Self)
	if err != nil {
		return err
	}
	both, err := newProofs(j.code.Secret, j.seen, self, j.cfg.cost)
	if err != nil {
		return err
	}
	var out proof
	if err := j.call.ask(ctx, pathProve, waitProof, proof{both.of(pair.Secondary)}, &out); err != nil {
		return j.explain(ctx, err)
	}
	if !both.holds(pair.Primary, out.Proof) {
		return core.Refuse(CodeWrong, `stop "twinleaf pair init" there at once and see who is on the way between the servers`,
			"who answers at %s does not have the code: it is not the server that made it", j.code.Address())
	}
	return nil
}

// propose tells what this server is and looks at what the other one is.
func (j *joiner) propose(ctx context.Context) error {
	var out offer
	if err := j.call.ask(ctx, pathPropose, waitPropose, j.mine, &out); err != nil {
		return j.explain(ctx, err)
	}
	theirs, err := DecodeProposal(bytes.NewReader(out.Proposal))
	if err == nil && theirs.Server.Fingerprint != j.seen {
		err = impostor(theirs)
	}
	if err == nil {
		j.found = plain(out.Problems)
		j.met, err = j.cfg.meet(pair.Secondary, theirs, j.mine)
	}
	if err != nil {
		say := verdict{[]Problem{{ProblemJoiner, j.mine.Server.ID, firstLine(err), "see what the joining server says"}}}
		_ = j.call.ask(ctx, pathVerdict, waitVerdict, say, nil) // the primary waits in vain otherwise; the error counts
	}
	return err
}

// verdict tells the primary what stands in the way, and is given the pair if nothing does.
func (j *joiner) verdict(ctx context.Context) error {
	own := j.met.problems()
	refused := j.met.refusal(merge(own, j.found))
	err := j.call.ask(ctx, pathVerdict, waitVerdict, verdict{own}, &j.grant)
	if refused != nil {
		return refused // whether the primary has heard it or not
	}
	if err != nil {
		return j.explain(ctx, err)
	}
	if was := j.met.pair(); j.grant.Pair == "" || was != "" && j.grant.Pair != was {
		return core.Refuse(core.CodeConflict, again, "the primary means another pair, %.60q", j.grant.Pair)
	}
	return nil
}

// store makes this server one of the pair, durable, and says so to the primary.
func (j *joiner) store(ctx context.Context) (*identity.Formed, error) {
	commit := func() error { return nil }
	if j.cfg.Install != nil && j.grant.SealKey != "" {
		var err error
		if commit, err = j.cfg.Install(ctx, j.grant.SealKey); err != nil {
			return nil, fmt.Errorf("keep the key of the primary's secrets: %w", err)
		}
	}
	f := j.cfg.formed(j.grant, j.met)
	if err := j.cfg.Identity.Form(f); err != nil {
		return nil, err
	}
	j.cfg.Log.Info("the pair is formed", "pair", f.Pair, "role", f.Role, "peer", f.Peer.ID)
	if err := commit(); err != nil {
		return &f, fmt.Errorf("put the key of the primary's secrets in place: %w\nhint: start this server again: it tries once more", err)
	}
	return &f, j.confirm(ctx)
}

// confirm says that the pair is stored here.
func (j *joiner) confirm(ctx context.Context) (err error) {
	for range confirmTries {
		var out confirmation
		if err = j.call.ask(ctx, pathConfirm, waitConfirm, confirmation{j.grant.Pair}, &out); err == nil {
			return nil
		}
		if errors.As(err, new(*core.Failure)) {
			break
		}
	}
	return core.Refuse(CodeUnconfirmed, `see "twinleaf pair status" on both servers; if the other one is in no pair, `+again,
		"this server is in the pair, but the other one did not answer that it is: %s", firstLine(err))
}

// fingerprint is that of the own certificate.
func fingerprint(c tls.Certificate) (string, error) {
	leaf := c.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return "", fmt.Errorf("this server's certificate: %w", err)
		}
	}
	return identity.Fingerprint(leaf), nil
}

// Reach reports whether a server with the fingerprint answers at one of the addresses. It
// is made for PrimaryConfig.Reach.
func Reach(ctx context.Context, self tls.Certificate, addresses []string, fingerprint string) error {
	var failed []error
	for _, a := range addresses {
		d := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTime}, Config: link.ClientTLS(self, fingerprint)}
		bounded, cancel := context.WithTimeout(ctx, dialTime)
		conn, err := d.DialContext(bounded, "tcp", a)
		cancel()
		if err == nil {
			return conn.Close()
		}
		failed = append(failed, fmt.Errorf("%s: %w", a, err))
	}
	return errors.Join(failed...)
}
