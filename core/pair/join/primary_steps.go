package join

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

// storing bounds what is stored at the end, which no lost connection stops.
const storing = 30 * time.Second

// ServeHTTP answers the joiner.
func (p *Primary) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, err := p.serve(w, r)
	if err != nil {
		p.cfg.Log.Warn("joining: refused", "step", r.URL.Path, "from", r.RemoteAddr, "error", firstLine(err))
	}
	answer(w, v, err)
}

func (p *Primary) serve(w http.ResponseWriter, r *http.Request) (any, error) {
	who := link.FingerprintOf(r)
	if r.Method != http.MethodPost || who == "" {
		return nil, core.Refuse(core.CodeBadRequest, `another server asks here, by "twinleaf pair join"`, "this is no request of a server that joins")
	}
	switch r.URL.Path {
	case pathHello:
		return p.hello(r)
	case pathProve:
		return p.prove(who, r)
	}
	p.mu.Lock()
	stranger := who != p.peer
	p.mu.Unlock()
	if stranger {
		return nil, core.Refuse(CodeWrong, again, "this server has not proven that it has the code")
	}
	p.patient(w)
	p.work.Lock()
	defer p.work.Unlock()
	switch r.URL.Path {
	case pathPropose:
		return p.propose(who, r)
	case pathVerdict:
		return p.verdict(who, r)
	case pathConfirm:
		return p.confirm(who, r)
	}
	return nil, core.Refuse(core.CodeBadRequest, "install the same version on both servers", "there is no such step of joining")
}

// patient gives who has the code more time than strangers have.
func (p *Primary) patient(w http.ResponseWriter) {
	control, end := http.NewResponseController(w), time.Now().Add(p.cfg.Patience)
	_ = control.SetReadDeadline(end) // both fail only where there are no deadlines
	_ = control.SetWriteDeadline(end)
}

// hello tells the clock. It says nothing that a stranger may not know.
func (p *Primary) hello(r *http.Request) (any, error) {
	var in greeting
	if err := readJSON(r.Body, maxSmall, &in); err != nil || in.Format != Format {
		return nil, core.Refuse(core.CodeBadRequest, "install the same version of Twinleaf on both servers",
			"the servers join in two ways: form %d there, form %d here", in.Format, Format)
	}
	if s := p.Progress().Stage; s == Closed || s == Formed {
		return nil, p.closedFor()
	}
	return greeting{Format, p.cfg.Now().UTC()}, nil
}

// prove takes the proof of the joiner, and shows its own.
func (p *Primary) prove(who string, r *http.Request) (any, error) {
	var in proof
	if err := readJSON(r.Body, maxSmall, &in); err != nil {
		return nil, core.Refuse(core.CodeBadRequest, again, "the proof cannot be read: %v", err)
	}
	p.work.Lock()
	defer p.work.Unlock()
	if err := p.admit(who, Waiting); err != nil {
		return nil, err
	}
	self, err := fingerprint(p.cfg.Self)
	if err != nil {
		return nil, err
	}
	both, err := newProofs(p.code.Secret, self, who, p.cfg.cost)
	if err != nil {
		return nil, err
	}
	if !both.holds(pair.Secondary, in.Proof) {
		return nil, p.wrongProof(r.RemoteAddr)
	}
	p.cfg.Log.Info("joining: a server has the code", "from", r.RemoteAddr, "certificate", who[:16])
	return proof{both.of(pair.Primary)}, p.move(Proven, func() { p.peer = who })
}

// wrongProof counts, and closes the window after too many.
func (p *Primary) wrongProof(from string) error {
	p.mu.Lock()
	p.wrong++
	left := p.cfg.Tries - p.wrong
	p.mu.Unlock()
	p.cfg.Log.Warn("joining: wrong code", "from", from, "left", left)
	if left <= 0 {
		p.end(closed("%d tries with a wrong code: somebody mistypes it, guesses at it or sits between the servers", p.cfg.Tries))
	}
	return core.Refuse(CodeWrong, "type the code as it is shown there; if it is right, see who is on the way between the servers",
		"the other server has another code; %d tries are left", max(left, 0))
}

// propose takes what the joiner is, and tells what this server is and sees.
func (p *Primary) propose(who string, r *http.Request) (any, error) {
	if err := p.admit(who, Proven); err != nil {
		return nil, err
	}
	theirs, err := DecodeProposal(r.Body)
	if err == nil && theirs.Server.Fingerprint != who {
		err = impostor(theirs)
	}
	if err != nil {
		return nil, p.failed(err)
	}
	mine, err := p.cfg.propose(r.Context())
	if err != nil {
		return nil, p.failed(err)
	}
	met, err := p.cfg.meet(pair.Primary, mine, theirs)
	if err != nil {
		return nil, p.failed(err)
	}
	found := append(met.problems(), p.reach(r.Context(), met)...)
	raw, err := json.Marshal(mine)
	if err != nil {
		return nil, p.failed(err)
	}
	return offer{raw, found}, p.move(Checking, func() { p.met, p.found = met, found })
}

// reach tries the way to the joiner, which the pair needs too.
func (p *Primary) reach(ctx context.Context, met meeting) []Problem {
	s := met.joiner.Server
	if p.cfg.Reach == nil || s.ID == met.primary.Server.ID {
		return nil
	}
	err := p.cfg.Reach(ctx, s.Addresses, s.Fingerprint)
	if err == nil {
		return nil
	}
	return []Problem{{ProblemReach, s.ID, fmt.Sprintf("%s cannot reach %s at %s: %s", met.name(met.primary), met.name(met.joiner), listed(s.Addresses), firstLine(err)),
		"open the port there, or name the right address in its configuration: pair: {address: HOST:PORT}"}}
}

// verdict takes what the joiner sees. If nobody sees a problem the joiner is given the pair.
func (p *Primary) verdict(who string, r *http.Request) (any, error) {
	var in verdict
	if err := p.admit(who, Checking); err != nil {
		return nil, err
	}
	if err := readJSON(r.Body, maxSmall, &in); err != nil {
		return nil, p.failed(fmt.Errorf("read what the joiner sees: %w", err))
	}
	if err := p.met.refusal(merge(p.found, plain(in.Problems))); err != nil {
		return nil, p.failed(err)
	}
	g := grant{Pair: p.met.pair(), At: p.cfg.Now().UTC().Truncate(time.Second)}
	if g.Pair == "" {
		g.Pair = newPair()
	}
	if p.cfg.SealKey != nil {
		key, err := p.cfg.SealKey()
		if err != nil {
			return nil, p.failed(err)
		}
		g.SealKey = key
	}
	return g, p.move(Granted, func() { p.grant = g })
}

// newPair is the id of a new pair.
func newPair() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// confirm learns that the joiner has stored the pair, and stores it here. Asked again by
// one whose answer was lost, it answers once more.
func (p *Primary) confirm(who string, r *http.Request) (any, error) {
	var in confirmation
	if err := readJSON(r.Body, maxSmall, &in); err != nil {
		return nil, core.Refuse(core.CodeBadRequest, again, "the confirmation cannot be read: %v", err)
	}
	if p.Progress().Stage == Formed && in.Pair == p.grant.Pair {
		return in, nil
	}
	if err := p.admit(who, Granted); err != nil {
		return nil, err
	}
	if in.Pair != p.grant.Pair {
		return nil, core.Refuse(core.CodeConflict, again, "another pair was meant")
	}
	if err := p.move(Forming, func() {}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storing)
	defer cancel()
	if err := p.store(ctx); err != nil {
		return nil, p.failed(err)
	}
	return in, nil
}

func (p *Primary) store(ctx context.Context) error {
	if list := p.met.overruled(); len(list) > 0 && p.cfg.Overrule != nil {
		if err := p.cfg.Overrule(ctx, list); err != nil {
			return fmt.Errorf("make the settings of this server count: %w", err)
		}
	}
	f := p.cfg.formed(p.grant, p.met)
	if err := p.cfg.Identity.Form(f); err != nil {
		return err
	}
	p.cfg.Log.Info("the pair is formed", "pair", f.Pair, "role", f.Role, "peer", f.Peer.ID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.formed = &f
	p.close(Formed, nil)
	return nil
}

// plain keeps of another server's problems what may be shown.
func plain(list []Problem) []Problem {
	const most = 100
	var all []Problem
	for _, q := range list[:min(len(list), most)] {
		if q.Code != "" && !isNoText(q.Code) && !isNoText(q.About) && !isNoText(q.Text) && !isNoText(q.Remedy) {
			all = append(all, q)
		}
	}
	return all
}
