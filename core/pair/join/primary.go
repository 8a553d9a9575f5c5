package join

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
)

// PrimaryConfig says what the window shows and does. Zero values are the defaults.
type PrimaryConfig struct {
	Mine
	Address string // host:port under which the other server reaches this one's listener

	// SealKey is the key with which secrets are sealed, as text for the joiner; nil: none.
	SealKey func() (string, error)

	// Overrule makes this server's settings count where the joiner's differ: every key is set
	// once more, or removed, with a revision above the joiner's. It is durable when it
	// returns, and may be asked again. Nil: nothing is done.
	Overrule func(context.Context, []Setting) error

	// Reach tries whether this server reaches the joiner, at any of its addresses; nil: it is
	// not tried.
	Reach func(ctx context.Context, addresses []string, fingerprint string) error

	Valid    time.Duration // of the code; default 10 min
	Tries    int           // wrong ones, after which the window closes; default 5
	Patience time.Duration // for each step after the proof; default 2 min
}

func (c PrimaryConfig) withDefaults() PrimaryConfig {
	c.Mine = c.Mine.withDefaults()
	if c.Valid == 0 {
		c.Valid = 10 * time.Minute
	}
	if c.Tries == 0 {
		c.Tries = 5
	}
	if c.Patience == 0 {
		c.Patience = 2 * time.Minute
	}
	return c
}

// Stage is how far joining is.
type Stage string

// The stages of a window, in their order.
const (
	Waiting  Stage = "waiting"  // for somebody with the code
	Proven   Stage = "proven"   // somebody has it: the code is used
	Checking Stage = "checking" // both have told what they are
	Granted  Stage = "granted"  // the joiner stores the pair
	Forming  Stage = "forming"  // this server stores it
	Formed   Stage = "formed"
	Closed   Stage = "closed" // nothing was formed
)

// Progress is what people see of a window.
type Progress struct {
	Stage Stage
	Wrong int       // tries that were wrong
	Until time.Time // end of the stage
	Peer  string    // name of the joiner, once it has told
	Why   error     // nothing was formed; set with the stage Closed
}

// Primary is the window through which one server joins. It serves the paths below /join/
// of the listener for the peer while Run runs, and for some seconds after, so that a
// joiner whose last answer was lost is told once more.
type Primary struct {
	cfg  PrimaryConfig
	code Code

	work  sync.Mutex    // held while a step after hello is done: one at a time
	moved chan struct{} // has room for one: the stage changed
	done  chan struct{} // closed when the window is

	mu     sync.Mutex // guards what follows
	stage  Stage
	until  time.Time
	wrong  int
	peer   string  // fingerprint of who has the code; empty: nobody
	met    meeting // from Checking on
	found  []Problem
	grant  grant // from Granted on
	formed *identity.Formed
	err    error // why nothing was formed
}

// NewPrimary opens a window with a new code.
func NewPrimary(cfg PrimaryConfig) (*Primary, error) {
	code, err := NewCode(cfg.Address)
	if err != nil {
		return nil, core.Refuse(core.CodeBadRequest, "write pair: {address: HOST:PORT} into the configuration, as the other server reaches this one", "no code can be made: %v", err)
	}
	cfg = cfg.withDefaults()
	return &Primary{
		cfg: cfg, code: code, stage: Waiting, until: time.Now().Add(cfg.Valid),
		moved: make(chan struct{}, 1), done: make(chan struct{}),
	}, nil
}

// Code is what the other server is given.
func (p *Primary) Code() Code { return p.code }

// Progress is how far joining is.
func (p *Primary) Progress() Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Progress{p.stage, p.wrong, p.until, p.met.joiner.Server.Name, p.err}
}

// Run waits until the pair is formed, or the window closes: the time is over, the code was
// guessed at, the two cannot be a pair, or ctx ends. What Form has begun is finished.
func (p *Primary) Run(ctx context.Context) (*identity.Formed, error) {
	stop := ctx.Done()
	for {
		late := time.NewTimer(time.Until(p.Progress().Until))
		select {
		case <-p.done:
			late.Stop()
			return p.formed, p.err
		case <-stop:
			p.end(closed("pair init was stopped"))
			stop = nil // what is being stored is waited for
		case <-late.C:
			p.expire()
		case <-p.moved:
		}
		late.Stop()
	}
}

func closed(format string, a ...any) error {
	return core.Refuse(CodeClosed, `run "twinleaf pair init" again for a new code`, format, a...)
}

// expire closes the window when its time is over.
func (p *Primary) expire() {
	switch now := p.Progress(); {
	case time.Now().Before(now.Until):
	case now.Stage == Waiting:
		p.end(closed("nobody joined within %v", p.cfg.Valid))
	default:
		p.end(closed("the other server began to join and did not finish"))
	}
}

// end closes the window with the reason, unless the pair is being stored.
func (p *Primary) end(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage != Forming {
		p.close(Closed, why)
	}
}

// close ends it, once; p.mu is held.
func (p *Primary) close(as Stage, why error) {
	if p.stage == Formed || p.stage == Closed {
		return
	}
	p.stage, p.err, p.until = as, why, time.Time{}
	close(p.done)
}

// move goes on to a stage, unless the window was closed meanwhile. change is done with
// p.mu held.
func (p *Primary) move(to Stage, change func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stage == Closed {
		return p.closedFor()
	}
	change()
	p.stage, p.until = to, time.Now().Add(p.cfg.Patience)
	select {
	case p.moved <- struct{}{}:
	default:
	}
	return nil
}

// closedFor is what a stranger is told of a closed window.
func (p *Primary) closedFor() error {
	return core.Refuse(CodeClosed, `run "twinleaf pair init" there again for a new code`, "the code is used, or its time is over")
}

// admit lets only one server through, and only to the step that is next.
func (p *Primary) admit(who string, next Stage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stage == Closed || p.stage == Formed || !time.Now().Before(p.until):
		return p.closedFor()
	case p.stage != Waiting && p.peer != who && next == Waiting:
		return p.closedFor()
	case p.stage != next || p.stage != Waiting && p.peer != who:
		return core.Refuse(core.CodeConflict, again, "this is not the next step of joining")
	}
	return nil
}

// failed closes the window because of what went wrong in a step, which the joiner is
// told too.
func (p *Primary) failed(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.close(Closed, err)
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Failure()
	}
	return fmt.Errorf("the primary: %w", err)
}
