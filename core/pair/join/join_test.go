package join

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

func TestTwoServersBecomeAPair(t *testing.T) {
	r := newRig(t)
	r.config.Reach = func(_ context.Context, addresses []string, fingerprint string) error {
		if fingerprint != r.south.id.Fingerprint || !reflect.DeepEqual(addresses, r.south.proposal.Server.Addresses) {
			t.Errorf("reach %v with %s", addresses, fingerprint)
		}
		return nil
	}
	r.open(t)
	got, err := r.join(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
	n, s := r.north.formed(t), r.south.formed(t)
	wantNorth := identity.Formed{Pair: n.Pair, Role: pair.Primary, Peer: r.south.proposal.Server, At: n.At, Signer: r.issuer.public, Silence: 3 * time.Second}
	wantSouth := identity.Formed{Pair: n.Pair, Role: pair.Secondary, Peer: r.north.proposal.Server, At: n.At, Signer: r.issuer.public, Silence: 3 * time.Second}
	if !reflect.DeepEqual(*n, wantNorth) || !reflect.DeepEqual(*s, wantSouth) || !reflect.DeepEqual(*got, wantSouth) {
		t.Errorf("north keeps %+v\nwant %+v\nsouth keeps %+v\nwant %+v", n, wantNorth, s, wantSouth)
	}
	if r.south.committed != "key of north" || len(r.north.overruled) > 0 {
		t.Errorf("key %q, overruled %v", r.south.committed, r.north.overruled)
	}
	if p := r.window.Progress(); p.Stage != Formed || p.Peer != "south" {
		t.Errorf("got %+v", p)
	}
}

// The real cost of a guess: slow enough to matter, quick enough to wait for.
func TestAProofTakesItsTime(t *testing.T) {
	a, err := newProofs([5]byte{1}, "n", "s", defaultCost)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newProofs([5]byte{1}, "s", "n", defaultCost)
	if err != nil {
		t.Fatal(err)
	}
	if a.holds(pair.Primary, a.of(pair.Secondary)) || a.holds(pair.Primary, b.of(pair.Primary)) || !a.holds(pair.Primary, a.of(pair.Primary)) {
		t.Error("a proof does not mean one role and two keys")
	}
}

func TestAWrongCodeIsRefusedAndFiveCloseTheWindow(t *testing.T) {
	r := newRig(t)
	r.open(t)
	wrong := r.window.Code()
	wrong.Secret[0] ^= 1
	for n := 1; n <= 5; n++ {
		_, err := r.joinWith(t, wrong.String(), Config{})
		says(t, fmt.Sprint("try ", n), err, CodeWrong, fmt.Sprintf("%d tries are left", 5-n))
	}
	says(t, "window", r.ended(t), CodeClosed, "5 tries with a wrong code")
	_, err := r.join(t)
	says(t, "right code afterwards", err, CodeClosed, "its time is over")
	r.apart(t)
}

func TestACodeIsForOneUse(t *testing.T) {
	r := newRig(t)
	r.open(t)
	if _, err := r.join(t); err != nil {
		t.Fatal(err)
	}
	before := r.south.formed(t)
	r.south.proposal.Server.Name = "again"
	_, err := r.join(t)
	says(t, "the same server", err, CodeClosed, "the code is used")
	west := newParty(t, "west", southMAC, r.issuer, r.issuer.issue(t, nil, southKey))
	_, err = Join(t.Context(), r.window.Code().String(), Config{Mine: west.mine()})
	says(t, "another server", err, CodeClosed, "the code is used")
	if !reflect.DeepEqual(before, r.south.formed(t)) || west.formed(t) != nil {
		t.Error("a used code changed a pair")
	}
}

func TestAWindowClosesWhenItsTimeIsOver(t *testing.T) {
	r := newRig(t)
	r.config.Valid = 20 * time.Millisecond
	r.open(t)
	says(t, "window", r.ended(t), CodeClosed, "nobody joined within 20ms")
	_, err := r.join(t)
	says(t, "joiner", err, CodeClosed, "its time is over")
	r.apart(t)
}

func TestAWindowThatIsStoppedTakesNobody(t *testing.T) {
	r := newRig(t)
	w, err := NewPrimary(PrimaryConfig{Mine: r.north.mine(), Address: r.address})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = w.Run(ctx)
	says(t, "window", err, CodeClosed, "was stopped")
	r.server.Join(w)
	_, err = r.joinWith(t, w.Code().String(), Config{})
	says(t, "joiner", err, CodeClosed, "its time is over")
	r.server.Join(nil)
	_, err = r.joinWith(t, w.Code().String(), Config{})
	says(t, "nobody waits", err, core.CodeConflict, "waits for nobody")
}

func TestAServerThatDoesNotAnswerIsToldWithItsAddress(t *testing.T) {
	r := newRig(t)
	code, err := NewCode("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.joinWith(t, code.String(), Config{})
	says(t, "nobody", err, CodeUnreachable, "does not answer at 127.0.0.1:1")
}

// Whoever was refused may ask the window at once why: it is closed with the reason.
func TestAClosedWindowSaysWhyAtOnce(t *testing.T) {
	r := newRig(t)
	r.south.proposal.Manifest.Zone = "Asia/Tokyo"
	r.open(t)
	if why := r.window.Progress().Why; why != nil {
		t.Errorf("an open window says %v", why)
	}
	_, err := r.join(t)
	says(t, "joiner", err, CodeRefused, "time zone")
	p := r.window.Progress()
	if p.Stage != Closed {
		t.Fatalf("got stage %s, want %s", p.Stage, Closed)
	}
	says(t, "window", p.Why, CodeRefused, "time zone")
}

// A joiner that has the code and does not go on must not hold the window for ever.
func TestAJoinerThatStopsHalfWayClosesTheWindow(t *testing.T) {
	r := newRig(t)
	r.config.Patience = 20 * time.Millisecond
	r.open(t)
	j := newJoiner(t, r)
	for _, step := range []func(context.Context) error{j.hello, j.prove} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	says(t, "window", r.ended(t), CodeClosed, "did not finish")
	says(t, "joiner", j.propose(t.Context()), CodeClosed, "its time is over")
	r.apart(t)
}

// newJoiner is a Join that the test takes step by step.
func newJoiner(t *testing.T, r *rig) *joiner {
	t.Helper()
	mine, err := r.south.mine().propose(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	j := &joiner{cfg: Config{Mine: r.south.mine().withDefaults(), Install: r.south.install}, code: r.window.Code(), mine: mine}
	t.Cleanup(j.open())
	return j
}

func TestStepsAreTakenInTheirOrderAndByOneServer(t *testing.T) {
	r := newRig(t)
	r.open(t)
	j := newJoiner(t, r)
	says(t, "propose without a proof", j.propose(t.Context()), CodeWrong, "has not proven")
	if err := j.hello(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.prove(t.Context()); err != nil {
		t.Fatal(err)
	}
	says(t, "verdict before the proposal", j.call.ask(t.Context(), pathVerdict, waitVerdict, verdict{}, nil), core.CodeConflict, "not the next step")
	says(t, "confirm before the grant", j.call.ask(t.Context(), pathConfirm, waitConfirm, confirmation{}, nil), core.CodeConflict, "not the next step")
	says(t, "no such step", j.call.ask(t.Context(), "/join/more", waitConfirm, confirmation{}, nil), core.CodeBadRequest, "no such step")
	stranger := *r
	stranger.south = newParty(t, "west", southMAC, r.issuer, nil)
	s := newJoiner(t, &stranger)
	for path, in := range map[string]any{pathPropose: s.mine, pathVerdict: verdict{}, pathConfirm: confirmation{}} {
		says(t, "a stranger's "+path, s.call.ask(t.Context(), path, waitConfirm, in, nil), CodeWrong, "has not proven")
	}
	_, err := stranger.join(t)
	says(t, "a second one with the code", err, CodeClosed, "the code is used")
	for _, step := range []func(context.Context) error{j.propose, j.verdict} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	says(t, "confirm another pair", j.call.ask(t.Context(), pathConfirm, waitConfirm, confirmation{"x"}, nil), core.CodeConflict, "another pair")
	if _, err := j.store(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.confirm(t.Context()); err != nil {
		t.Errorf("confirmed twice: %v", err)
	}
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
	r.together(t)
}

func TestARequestWithoutACertificateIsRefused(t *testing.T) {
	r := newRig(t)
	r.open(t)
	conf := link.ClientTLS(r.south.id.Cert, "")
	conf.Certificates = nil
	c := caller{&http.Client{Transport: &http.Transport{TLSClientConfig: conf}}, "https://" + r.address}
	defer c.http.CloseIdleConnections()
	says(t, "no certificate", c.ask(t.Context(), pathHello, waitHello, greeting{Format: Format}, nil), core.CodeBadRequest, "no request of a server that joins")
}

// middle is a server with a key of its own between the two: it passes on what it hears.
type middle struct {
	self  *party
	to    string // address of the primary
	code  Code   // that it knows or guesses
	knows bool
	steps []string
	delay chan struct{} // it answers the proof after this; nil: at once
}

func (m *middle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.steps = append(m.steps, r.URL.Path)
	if m.knows && r.URL.Path == pathProve {
		<-m.delay
		self, _ := fingerprint(m.self.id.Cert)
		both, err := newProofs(m.code.Secret, self, link.FingerprintOf(r), cheap)
		answer(w, proof{both.of(pair.Primary)}, err)
		return
	}
	up := caller{&http.Client{Transport: &http.Transport{TLSClientConfig: link.ClientTLS(m.self.id.Cert, "")}}, "https://" + m.to}
	defer up.http.CloseIdleConnections()
	var in, out map[string]any
	err := readJSON(r.Body, maxProposal, &in)
	if err == nil {
		err = up.ask(r.Context(), r.URL.Path, waitHello, in, &out)
	}
	answer(w, out, err)
}

// between puts somebody between the servers of a rig, and gives the code that leads there.
func between(t *testing.T, r *rig, m *middle) string {
	t.Helper()
	m.self, m.to = newParty(t, "middle", southMAC, r.issuer, nil), r.address
	s := link.NewServer(link.ServerConfig{Self: m.self.id.Cert})
	s.Join(m)
	code, err := NewCode(serve(t, s))
	if err != nil {
		t.Fatal(err)
	}
	code.Secret = r.window.Code().Secret
	return code.String()
}

func TestWhoSitsInBetweenProvesNothing(t *testing.T) {
	r := newRig(t)
	r.open(t)
	m := &middle{}
	code := between(t, r, m)
	_, err := r.joinWith(t, code, Config{})
	says(t, "joiner", err, CodeWrong, "has another code")
	if p := r.window.Progress(); p.Wrong != 1 || p.Stage != Waiting {
		t.Errorf("the primary saw %+v", p)
	}
	if want := []string{pathHello, pathHello, pathProve}; !reflect.DeepEqual(m.steps, want) {
		t.Errorf("it heard %v, want %v", m.steps, want)
	}
	if !strings.Contains(r.north.log.String(), "wrong code") {
		t.Errorf("the primary's log says nothing: %s", &r.north.log)
	}
	r.apart(t)
}

// Who answers with a proof of nothing is told from the primary.
func TestWhoMakesUpAProofIsNotThePrimary(t *testing.T) {
	r := newRig(t)
	r.open(t)
	m := &middle{knows: true, delay: make(chan struct{}), code: Code{}} // a guess that is wrong
	close(m.delay)
	_, err := r.joinWith(t, between(t, r, m), Config{})
	says(t, "joiner", err, CodeWrong, "does not have the code")
	r.apart(t)
}

// Who finds the secret from the joiner's proof finds it too late: the joiner is gone, and
// so is the window.
func TestACodeThatIsGuessedLateIsOfNoUse(t *testing.T) {
	r := newRig(t)
	r.config.Valid = 300 * time.Millisecond
	r.open(t)
	m := &middle{knows: true, code: r.window.Code(), delay: make(chan struct{})}
	code := between(t, r, m)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Join(ctx, code, Config{Mine: r.south.mine()})
		done <- err
	}()
	says(t, "window", r.ended(t), CodeClosed, "nobody joined")
	cancel() // as waitProof would
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("joiner: %v", err)
	}
	close(m.delay)
	late := *r
	late.south = m.self
	_, err := late.joinWith(t, r.window.Code().String(), Config{})
	says(t, "the one in between", err, CodeClosed, "its time is over")
	r.apart(t)
}

// lost is an identity on a disk that fails.
type lost struct {
	*identity.Identity
	before, after error // of Form: nothing was stored, or it was and nobody knew
}

func (l lost) Form(f identity.Formed) error {
	if l.before != nil {
		return l.before
	}
	if err := l.Identity.Form(f); err != nil {
		return err
	}
	return l.after
}

// Whatever point the exchange is cut off at, both commands once more make the pair.
func TestACutOffAtAnyPointIsHealedByDoingItAgain(t *testing.T) {
	died := errors.New("the power went")
	for name, c := range map[string]struct {
		cut          func(r *rig)
		north, south bool // stored afterwards
		joiner       string
		primary      string
	}{
		"before the joiner stores":  {func(r *rig) { r.south.identity = lost{r.south.id, died, nil} }, false, false, "", CodeClosed},
		"after the joiner stores":   {func(r *rig) { r.south.identity = lost{r.south.id, nil, died} }, false, true, "", CodeClosed},
		"before the primary stores": {func(r *rig) { r.north.identity = lost{r.north.id, died, nil} }, false, true, CodeUnconfirmed, core.CodeInternal},
		"after the primary stores":  {func(r *rig) { r.north.identity = lost{r.north.id, nil, died} }, true, true, CodeUnconfirmed, core.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.config.Patience = time.Second
			c.cut(r)
			r.open(t)
			f, err := r.join(t)
			if c.joiner != "" {
				says(t, "joiner", err, c.joiner, "the other one did not answer")
			}
			if err == nil || (f != nil) != (c.joiner != "") {
				t.Errorf("got %+v, %v", f, err)
			}
			if got := core.AsFailure(r.ended(t)); got.Code != c.primary {
				t.Errorf("the window ended with %+v, want %s", got, c.primary)
			}
			if (r.north.formed(t) != nil) != c.north || (r.south.formed(t) != nil) != c.south {
				t.Errorf("north %+v, south %+v", r.north.formed(t), r.south.formed(t))
			}
			was := r.south.formed(t)
			r.north.identity, r.south.identity, r.config.Patience = nil, nil, 0
			r.open(t)
			if _, err := r.join(t); err != nil {
				t.Fatal(err)
			}
			if err := r.ended(t); err != nil {
				t.Fatal(err)
			}
			r.together(t)
			if now := r.south.formed(t); was != nil && now.Pair != was.Pair {
				t.Errorf("the pair %s became %s", was.Pair, now.Pair)
			}
		})
	}
}

// The primary's answer to the last step gets lost: it is asked again.
func TestALostLastAnswerIsAskedForAgain(t *testing.T) {
	r := newRig(t)
	r.open(t)
	cut := true
	r.server.Join(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == pathConfirm && cut {
			cut = false
			v, err := r.window.serve(w, q)
			if v == nil || err != nil {
				t.Errorf("got %v, %v", v, err)
			}
			panic(http.ErrAbortHandler)
		}
		r.window.ServeHTTP(w, q)
	}))
	if _, err := r.join(t); err != nil {
		t.Fatal(err)
	}
	if err := r.ended(t); err != nil {
		t.Error(err)
	}
	r.together(t)
}

func TestTheKeyOfSecretsThatCannotBeKeptFormsNoPair(t *testing.T) {
	r := newRig(t)
	r.config.Patience = 50 * time.Millisecond
	r.open(t)
	full := errors.New("disk full")
	_, err := Join(t.Context(), r.window.Code().String(), Config{Mine: r.south.mine(), Install: func(context.Context, string) (func() error, error) { return nil, full }})
	if !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	says(t, "window", r.ended(t), CodeClosed, "did not finish")
	r.apart(t)
}

// refused has both servers try, and wants both to say the same reasons.
func (r *rig) refused(t *testing.T, c Config) []Problem {
	t.Helper()
	r.open(t)
	_, err := r.joinWith(t, r.window.Code().String(), c)
	south, ok := errors.AsType[*Refusal](err)
	if !ok {
		t.Fatalf("the joiner says %v", err)
	}
	north, ok := errors.AsType[*Refusal](r.ended(t))
	if !ok {
		t.Fatal("the primary says no reason")
	}
	if a, b := codes(north.Problems), codes(south.Problems); !reflect.DeepEqual(a, b) {
		t.Errorf("north says %v, south %v", a, b)
	}
	for _, p := range append(north.Problems, south.Problems...) {
		if p.Text == "" || p.Remedy == "" {
			t.Errorf("no reason or remedy: %+v", p)
		}
	}
	if r.south.installed != "" {
		t.Error("a key was handed out")
	}
	return south.Problems
}

func TestEachReasonIsToldOnBothServers(t *testing.T) {
	other := newIssuer(t)
	for name, c := range map[string]struct {
		change func(t *testing.T, r *rig)
		want   string // codes
		says   string
	}{
		"other protocol":      {func(_ *testing.T, r *rig) { r.south.proposal.Protocol = 2 }, ProblemProtocol, "north 1, south 2"},
		"other version":       {func(_ *testing.T, r *rig) { r.south.proposal.Manifest.Product = "2.0" }, string(parity.OtherProduct), "south has 2.0, north has 1.0"},
		"GS9 no licence":      {func(_ *testing.T, r *rig) { r.south.proposal.Licence = nil }, ProblemNone, "south has no licence in force: in a pair it needs a permanent one with the role secondary (04)"},
		"GS9 none on primary": {func(_ *testing.T, r *rig) { r.north.proposal.Licence = nil }, ProblemNone, "north has no licence in force: in a pair it needs a permanent one with the role primary (03)"},
		"GS9 none, no trust":  {func(_ *testing.T, r *rig) { r.south.proposal.Licence, r.south.trusted = nil, nil }, ProblemNone, "south has no licence"},
		"GS7 wrong role":      {func(t *testing.T, r *rig) { r.north.proposal.Licence = r.issuer.issue(t, nil, southKey) }, ProblemRole, "of north has the role secondary (04): it needs primary (03)"},
		"GS8 two primaries":   {func(t *testing.T, r *rig) { r.south.proposal.Licence = r.issuer.issue(t, nil, northKey) }, ProblemRole, "of south has the role primary (03): it needs secondary (04)"},
		"GS9 trial": {func(t *testing.T, r *rig) {
			r.licence(t, func(l *license.License) { l.Kind, l.Expires = license.Trial, time.Now().AddDate(1, 0, 0) })
		}, ProblemTrial, "is a trial one"},
		"licence over": {func(t *testing.T, r *rig) {
			r.licence(t, func(l *license.License) { l.Expires = day0.AddDate(0, -1, 0) })
		}, ProblemExpired, "expired or not yet valid (800002)"},
		"licence edited": {func(_ *testing.T, r *rig) { r.south.proposal.Licence[30] ^= 1 }, ProblemDamaged, "of south is not valid"},
		"another signer": {func(t *testing.T, r *rig) {
			r.south.proposal.Licence, r.south.trusted = other.issue(t, nil, southKey), []string{other.public}
		}, ProblemSigner, "another key than this server trusts"},
		"EP17 cores":           {func(_ *testing.T, r *rig) { r.south.proposal.Cores = 5 }, ProblemCores + " " + ProblemCores, license.CPULimit},
		"EP18 address changed": {func(_ *testing.T, r *rig) { r.south.proposal.MACs = []string{"00:16:3e:00:00:09"} }, ProblemMACs + " " + ProblemMACs, license.MultiInvalid},
		"GS16 clock":           {func(_ *testing.T, r *rig) { r.south.clock = 5 * time.Second }, string(parity.ClockSkew), "apart where 1s is allowed"},
		"GS16 clock behind":    {func(_ *testing.T, r *rig) { r.south.clock = -5 * time.Second }, string(parity.ClockSkew), "apart where 1s is allowed"},
		"GS17 zone":            {func(_ *testing.T, r *rig) { r.south.proposal.Manifest.Zone = "Europe/Berlin" }, string(parity.OtherZone), "south has Europe/Berlin, north has UTC"},
		"GS25 engine":          {func(_ *testing.T, r *rig) { r.south.proposal.Manifest.Engines = nil }, string(parity.EngineOneSide), "OCR engine"},
		"in a pair":            {func(t *testing.T, r *rig) { r.elsewhere(t, r.south, "p1", "west-2222") }, ProblemPaired, "south is in a pair with west-2222"},
		"primary in a pair":    {func(t *testing.T, r *rig) { r.elsewhere(t, r.north, "p1", "west-2222") }, ProblemPaired, "north is in a pair with west-2222"},
		"two pairs": {func(t *testing.T, r *rig) {
			r.elsewhere(t, r.north, "p1", r.south.id.ID)
			r.elsewhere(t, r.south, "p2", r.north.id.ID)
		}, ProblemPaired + " " + ProblemPaired, "another pair"},
		"own settings": {func(_ *testing.T, r *rig) { r.south.proposal.Settings = []Setting{{"a", 1, digest(1)}, {"b", 2, ""}} }, ProblemSettings, "settings of its own that differ: a"},
		"fixed key":    {func(_ *testing.T, r *rig) { r.south.proposal.SealFixed = true }, ProblemSealKey, "is given to it from outside"},
		"not reached": {func(_ *testing.T, r *rig) {
			r.config.Reach = func(context.Context, []string, string) error { return errors.New("refused") }
		}, ProblemReach, "north cannot reach south at south.example.org:8443: refused"},
		"several at once": {func(_ *testing.T, r *rig) {
			r.south.proposal.Protocol = 2
			r.south.proposal.Manifest.Zone = "Europe/Berlin"
			r.north.proposal.Licence = nil
		}, string(parity.OtherZone) + " " + ProblemNone + " " + ProblemProtocol, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c.change(t, r)
			before, beforeNorth := r.south.formed(t), r.north.formed(t)
			got := r.refused(t, Config{})
			want := strings.Fields(c.want)
			if have := codes(got); !sameSet(have, want) {
				t.Errorf("got %v, want %v", have, want)
			}
			if text := (&Refusal{Problems: got}).Error(); !strings.Contains(text, c.says) {
				t.Errorf("got %s\nwant … %s …", text, c.says)
			}
			if !reflect.DeepEqual(before, r.south.formed(t)) || !reflect.DeepEqual(beforeNorth, r.north.formed(t)) {
				t.Error("a refusal changed what is stored")
			}
		})
	}
}

func sameSet(a, b []string) bool {
	var x, y []Problem
	for _, s := range a {
		x = append(x, Problem{Code: s})
	}
	for _, s := range b {
		y = append(y, Problem{Code: s})
	}
	return reflect.DeepEqual(codes(x), codes(y))
}

func (r *rig) licence(t *testing.T, change func(*license.License)) {
	t.Helper()
	r.south.proposal.Licence = r.issuer.issue(t, change, southKey)
}

// elsewhere puts a server into a pair.
func (r *rig) elsewhere(t *testing.T, p *party, name, peer string) {
	t.Helper()
	err := p.id.Form(identity.Formed{Pair: name, Role: pair.Primary, At: day0, Peer: identity.Peer{ID: peer, Fingerprint: digest(7), Addresses: []string{"x:1"}}})
	if err != nil {
		t.Fatal(err)
	}
}

// A data folder that was copied has the same id and key, and so has the server to which
// its own code was given.
func TestACopyOfTheServerIsRefused(t *testing.T) {
	r := newRig(t)
	r.south.id, r.south.proposal = r.north.id, r.north.proposal
	got := r.refused(t, Config{})
	if len(got) != 1 || got[0].Code != ProblemSelf || !strings.Contains(got[0].Remedy, "empty data folder of its own") {
		t.Errorf("got %+v", got)
	}
}

func TestServersOfOneNameBecomeAPair(t *testing.T) {
	r := newRig(t)
	r.south.proposal.Server.Name = "north"
	r.open(t)
	if _, err := r.join(t); err != nil {
		t.Fatal(err)
	}
	r.together(t)
}

func TestTheJoinersSettingsGiveWayWhenItSaysSo(t *testing.T) {
	r := newRig(t)
	r.north.proposal.Settings = []Setting{{"a", 1, digest(1)}, {"gone", 1, digest(1)}, {"same", 1, digest(1)}}
	r.south.proposal.Settings = []Setting{{"a", 4, digest(2)}, {"gone", 5, ""}, {"mine", 1, digest(3)}, {"never", 3, ""}, {"same", 9, digest(1)}}
	got := r.refused(t, Config{})
	if len(got) != 1 || !strings.Contains(got[0].Text, "differ: a, mine") || !strings.Contains(got[0].Remedy, "--take-settings") {
		t.Errorf("got %+v", got)
	}
	r.open(t)
	if _, err := r.joinWith(t, r.window.Code().String(), Config{TakeSettings: true}); err != nil {
		t.Fatal(err)
	}
	want := []Setting{{"a", 4, digest(2)}, {"gone", 5, ""}, {"mine", 1, digest(3)}}
	if !reflect.DeepEqual(r.north.overruled, want) {
		t.Errorf("overruled %v, want %v", r.north.overruled, want)
	}
	r.together(t)
}

// A joiner that left the pair on its side has its settings of before, which the primary
// has overruled since: only what it changed later is asked about again.
func TestASettingThatWasOverruledOnceIsNotAskedAboutAgain(t *testing.T) {
	r := newRig(t)
	r.elsewhere(t, r.north, "p1", r.south.id.ID)
	r.north.proposal.Settings = []Setting{{"a", 3, digest(1)}, {"b", 3, digest(1)}}
	r.south.proposal.Settings = []Setting{{"a", 2, digest(2)}, {"b", 3, digest(2)}}
	got := r.refused(t, Config{})
	if len(got) != 1 || !strings.Contains(got[0].Text, "differ: b") {
		t.Errorf("got %+v", got)
	}
	r.south.proposal.Settings = r.south.proposal.Settings[:1]
	r.open(t)
	if _, err := r.join(t); err != nil {
		t.Fatal(err)
	}
	r.together(t)
}

// A server that names another one's key would have the primary pin that.
func TestAProposalWithAnotherKeyIsRefused(t *testing.T) {
	for _, liar := range []string{"south", "north"} {
		r := newRig(t)
		if liar == "south" {
			r.south.proposal.Server.Fingerprint = digest(9)
		} else {
			r.north.proposal.Server.Fingerprint = digest(9)
		}
		r.open(t)
		_, err := r.join(t)
		if err == nil || !strings.Contains(err.Error(), "names another key") {
			t.Errorf("%s lies: joiner got %v", liar, err)
		}
		if err := r.ended(t); err == nil {
			t.Errorf("%s lies: the window formed a pair", liar)
		}
		r.apart(t)
	}
}

func TestReachWantsTheRightServer(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct {
		addresses []string
		print     string
		ok        bool
	}{
		"right":         {[]string{r.address}, r.north.id.Fingerprint, true},
		"second":        {[]string{"127.0.0.1:1", r.address}, r.north.id.Fingerprint, true},
		"nobody":        {[]string{"127.0.0.1:1"}, r.north.id.Fingerprint, false},
		"somebody else": {[]string{r.address}, r.south.id.Fingerprint, false},
	} {
		if err := Reach(t.Context(), r.south.id.Cert, c.addresses, c.print); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
