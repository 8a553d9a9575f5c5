package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	joinpair "github.com/twinleaf-scan/twinleaf/core/pair/join"
	"github.com/twinleaf-scan/twinleaf/core/secret"
)

// forming makes this server one of a pair, and takes it out again. It is what the console
// asks for that.
type forming struct {
	*membership
	opened chan *window // has room for one: Run takes it over

	joining sync.Mutex // held while this server joins another one

	mu   sync.Mutex // guards what follows
	last *window    // nil: none was opened
}

// window is one for which a code was given.
type window struct {
	*joinpair.Primary
	stop context.CancelFunc
	ctx  context.Context // ends with stop
}

func newForming(m *membership) *forming {
	return &forming{membership: m, opened: make(chan *window, 1)}
}

// linger is for how long a joiner whose last answer was lost may ask once more.
const linger = 10 * time.Second

// run waits for who joins until ctx ends.
func (f *forming) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-f.opened:
			f.await(ctx, w)
		}
	}
}

// await keeps one window open until it has come to its end.
func (f *forming) await(ctx context.Context, w *window) {
	defer context.AfterFunc(ctx, w.stop)()
	formed, err := w.Run(w.ctx)
	if formed == nil {
		f.log.Warn("no pair was formed", "err", err)
	} else {
		f.renew()
		pause(w.ctx, linger) // the next window, or the end of the server, ends it
	}
	w.stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == w {
		f.server.Join(nil)
	}
}

// mine is what joining asks of this server, which is reached at address.
func (f *forming) mine(self *identity.Identity, address string) joinpair.Mine {
	return joinpair.Mine{
		Self: self.Cert, Identity: self, Trusted: f.license.trusted, Log: f.log, Now: f.now,
		Silence: f.config.Pair.Silence, Manual: f.config.Pair.Takeover == takeoverManual,
		Propose: func(ctx context.Context) (joinpair.Proposal, error) { return f.propose(ctx, self, address) },
	}
}

// Init opens a window and gives its code. A code that was given before is of no use any
// more.
func (f *forming) Init(ctx context.Context, by string) (api.PairCode, error) {
	self, _, err := f.identify()
	if err != nil {
		return api.PairCode{}, formingFailure(err)
	}
	address, err := peerAddress(f.config, "")
	if err != nil {
		return api.PairCode{}, err
	}
	mine := f.mine(self, address)
	if err := f.ready(ctx, mine); err != nil {
		return api.PairCode{}, formingFailure(err)
	}
	p, err := joinpair.NewPrimary(joinpair.PrimaryConfig{
		Mine: mine, Address: address, SealKey: f.sealKey,
		Overrule: func(ctx context.Context, list []joinpair.Setting) error { return f.overrule(ctx, list, by) },
		Reach: func(ctx context.Context, addresses []string, fingerprint string) error {
			return joinpair.Reach(ctx, self.Cert, addresses, fingerprint)
		},
	})
	if err != nil {
		return api.PairCode{}, err
	}
	w := &window{Primary: p}
	w.ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last != nil {
		f.last.stop()
	}
	select {
	case f.opened <- w:
	default:
		w.stop()
		return api.PairCode{}, core.Refuse(core.CodeConflict, "try again in a moment", "another code is being made")
	}
	f.last = w
	f.server.Join(w)
	return api.PairCode{Code: p.Code().String(), Expires: p.Progress().Until}, nil
}

// ready says what keeps this server from being a primary, and has it listen.
func (f *forming) ready(ctx context.Context, mine joinpair.Mine) error {
	p, err := mine.Propose(ctx)
	if err != nil {
		return err
	}
	trusted, err := mine.Trusted()
	if err != nil {
		return err
	}
	if err := joinpair.Lacking(p, trusted, f.now()); err != nil {
		return err
	}
	return f.listening(ctx, mine, p.Server.Fingerprint)
}

// listenTime bounds waiting for the own listener.
const listenTime = 3 * time.Second

// listening has this server listen for the other one, and waits until it does.
func (f *forming) listening(ctx context.Context, mine joinpair.Mine, fingerprint string) error {
	f.listen()
	host, port, err := net.SplitHostPort(f.config.Pair.Listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, listenTime)
	defer cancel()
	for {
		err := joinpair.Reach(ctx, mine.Self, []string{net.JoinHostPort(host, port)}, fingerprint)
		if err == nil {
			return nil
		}
		if pause(ctx, 50*time.Millisecond); ctx.Err() != nil {
			return core.Refuse(core.CodeConflict, "see whether another program listens there; pair: {listen: :PORT} in the configuration changes it",
				"this server does not listen for another one at %s: %s", f.config.Pair.Listen, firstLine(err))
		}
	}
}

// sealKey is the key with which this server seals secrets.
func (f *forming) sealKey() (string, error) {
	key, err := secret.Load(f.config.Data, os.Getenv)
	return key.Export(), err
}

// overrule has the settings of this server count where those of the joiner differ.
func (f *forming) overrule(ctx context.Context, list []joinpair.Setting, by string) error {
	e, err := f.live.get()
	if err != nil {
		return err
	}
	foreign := make([]core.Setting, len(list))
	for i, s := range list {
		foreign[i] = core.Setting{Key: s.Key, Revision: s.Revision, Value: []byte(s.Digest)} // which is no value of a setting
	}
	return e.pipe.Overrule(ctx, foreign, by)
}

// Join makes this server the secondary of a pair.
func (f *forming) Join(ctx context.Context, in api.JoinPair, _ string) error {
	if !f.joining.TryLock() {
		return core.Refuse(core.CodeConflict, "wait until that has come to its end", "this server is joining another one already")
	}
	defer f.joining.Unlock()
	code, err := joinpair.ParseCode(in.Code)
	if err != nil {
		return err
	}
	self, _, err := f.identify()
	if err != nil {
		return formingFailure(err)
	}
	address, err := peerAddress(f.config, code.Address())
	if err != nil {
		return err
	}
	mine := f.mine(self, address)
	if err := f.listening(ctx, mine, self.Fingerprint); err != nil {
		return err
	}
	formed, err := joinpair.Join(ctx, in.Code, joinpair.Config{Mine: mine, TakeSettings: in.TakeSettings, Install: f.install})
	if formed != nil {
		f.renew()
	}
	return formingFailure(err)
}

// install stages the key with which the primary seals secrets.
func (f *forming) install(_ context.Context, text string) (commit func() error, err error) {
	data := f.config.Data
	key, err := secret.Import(text)
	if err != nil {
		return nil, err
	}
	if secret.Fixed(os.Getenv) {
		return func() error { return nil }, nil // it is the same one, or join had refused
	}
	if err := secret.Stage(data, key); err != nil {
		return nil, err
	}
	return func() error {
		// Opened anew meanwhile, the data service has forgotten what was staged.
		return errors.Join(secret.Stage(data, key), secret.Settle(data, true))
	}, nil
}

// Leave takes this server out of its pair. Everything that it has stays.
func (f *forming) Leave(ctx context.Context, _ string) error {
	self, formed, err := f.identify()
	if self == nil {
		return formingFailure(err)
	}
	if err == nil && formed == nil {
		return noPair()
	}
	if m := f.present(); m != nil {
		if err := m.settle(ctx); err != nil {
			return formingFailure(err)
		}
	}
	if err := self.Leave(); err != nil {
		return formingFailure(err)
	}
	f.renew()
	return nil
}

// Stop makes the last code useless.
func (f *forming) Stop(context.Context, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last != nil && f.last.Progress().Stage != joinpair.Formed {
		f.last.stop()
	}
	return nil
}

// Window is how far joining is.
func (f *forming) Window() *api.PairWindow {
	f.mu.Lock()
	w := f.last
	f.mu.Unlock()
	if w == nil {
		return nil
	}
	p := w.Progress()
	out := &api.PairWindow{Stage: string(p.Stage), Until: p.Until, Wrong: p.Wrong, Peer: p.Peer}
	if p.Why != nil {
		why := core.AsFailure(p.Why)
		out.Why = &api.Problem{Code: why.Code, Detail: why.Detail, Remedy: why.Remedy}
	}
	return out
}

// formingFailure makes of any error one that people are told.
func formingFailure(err error) error {
	if err == nil || errors.As(err, new(*core.Failure)) || errors.Is(err, context.Canceled) {
		return err
	}
	return &core.Failure{Code: core.CodeConflict, Detail: fmt.Sprint(err), Remedy: "the server's log says more"}
}
