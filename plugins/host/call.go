package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// request is one call of a component.
type request struct {
	target
	op       string
	settings json.RawMessage
	key      string                     // idempotency key
	affinity string                     // input that a process may have in its cache
	about    string                     // job or input that a crash is counted against
	args     func(*inputs) (any, error) // makes the operation's request, placing its files
	dir      string                     // where files of the answer go
	grants   grants                     // what the settings allow, set by do
}

// crash is the end of a process that was not wanted.
type crash struct {
	detail string
	memory bool // the watchdog ended it
	disk   bool // the watchdog ended it for what it wrote
}

func (c *crash) Error() string { return c.detail }

// do makes a call and hands the answer to finish, which takes its files. A crash
// is tried once more in a fresh process; nothing else is.
func (h *Host) do(ctx context.Context, r request, finish func(*outputs, []byte) error) error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.wait.Done()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, h.config.CallTimeout)
		defer cancel()
	}
	var err error
	if r.grants, err = h.grant(r); err != nil {
		return err
	}
	err = h.try(ctx, r, false, finish)
	if c, ok := errors.AsType[*crash](err); ok && !c.disk && ctx.Err() == nil {
		h.log.Info("plug-in call tried again", "plugin", r.plugin.name(), "op", r.op, "cause", c.detail)
		err = h.try(ctx, r, true, finish)
	}
	return r.failure(ctx, err)
}

// enter counts a call among what Close waits for.
func (h *Host) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return &core.Failure{Code: core.CodePlugin, Detail: "the plug-in host is closed"}
	}
	h.wait.Add(1)
	return nil
}

// failure says for a stage what became of a call.
func (r request) failure(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if c, ok := errors.AsType[*crash](err); ok {
		if c.disk {
			return &core.Failure{Code: core.CodeOverLimit, Detail: c.detail, Remedy: "look at what the plug-in does with this input", Permanent: true}
		}
		if c.memory {
			return &core.Failure{Code: core.CodeOverLimit, Detail: c.detail, Remedy: "raise the memory limit of plug-ins, or split the input", Permanent: true}
		}
		return &core.Failure{Code: core.CodePlugin, Detail: c.detail, Remedy: "see the server's log for what it said; a retry may help"}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(err, context.Canceled) {
		return &core.Failure{Code: core.CodeTimeout, Detail: fmt.Sprintf("%s of plug-in %s did not finish in time", r.op, r.plugin.name()), Remedy: "raise the time limit, or look at the page"}
	}
	if f, ok := errors.AsType[*core.Failure](err); ok {
		return f
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s by plug-in %s: %w", r.op, r.plugin.name(), err)
	}
	return &core.Failure{Code: core.CodePlugin, Detail: fmt.Sprintf("%s by plug-in %s: %v", r.op, r.plugin.name(), err)}
}

// try makes a call once; again says that a process crashed on it before.
func (h *Host) try(ctx context.Context, r request, again bool, finish func(*outputs, []byte) error) error {
	short := slices.Contains([]string{sdk.OpInspect, sdk.OpPage, sdk.OpText, sdk.OpClean}, r.op)
	w, err := r.pool.acquire(ctx, want{affinity: r.affinity, short: short, fresh: again, writes: r.grants.paths()})
	if err != nil {
		return err
	}
	w.out.Allow(r.plugin.hosts(), r.grants.net)
	w.about(r.affinity)
	w.light = r.op == sdk.OpFingerprint
	w.stderr.reset()
	w.hide(r.target, r.settings)
	in := &inputs{slot: w.slot, paths: map[string]string{}}
	job, err := h.job(ctx, r, in)
	if err != nil {
		r.pool.release(w, true)
		return err
	}
	answers := make(chan answer, 1)
	h.wait.Go(func() { answers <- w.rpc.process(context.Background(), job) })
	select {
	case a := <-answers:
		err := h.settle(r, w, in, a, finish)
		_, crashed := errors.AsType[*crash](err)
		r.pool.release(w, again || !crashed)
		return err
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		w.kill()
		<-answers
		r.pool.release(w, true)
		return ctx.Err()
	}
	h.wait.Go(func() { h.cancel(r.pool, w, job.Id, answers) })
	return context.Cause(ctx)
}

// validate asks a process of t about settings.
func (h *Host) validate(ctx context.Context, t target, settings json.RawMessage) (*pluginv2.Diagnostics, error) {
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.wait.Done()
	ctx, cancel := context.WithTimeout(ctx, h.config.StartTimeout)
	defer cancel()
	w, err := t.pool.acquire(ctx, want{})
	if err != nil {
		return nil, err
	}
	defer t.pool.release(w, true)
	w.hide(t, settings)
	found, err := w.rpc.validate(ctx, t.component, settings)
	if err != nil {
		w.kill()
	}
	return found, err
}

// cancel asks a call to stop, and ends the process if that takes too long.
func (h *Host) cancel(p *pool, w *worker, id string, answers <-chan answer) {
	ctx, stop := context.WithTimeout(h.life, h.config.Grace)
	defer stop()
	defer p.release(w, true)
	if err := w.rpc.cancel(ctx, id); err == nil {
		select {
		case <-answers:
			return
		case <-ctx.Done():
		}
	}
	w.kill()
	<-answers
}

func (h *Host) job(ctx context.Context, r request, in *inputs) (*pluginv2.Job, error) {
	args, err := r.args(in)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("request of %s: %w", r.op, err)
	}
	deadline, _ := ctx.Deadline()
	return &pluginv2.Job{
		Id: strconv.FormatInt(h.calls.Add(1), 10), Component: r.component, Op: r.op,
		InDir: in.slot.in, OutDir: in.slot.out, TmpDir: in.slot.tmp,
		ArgsJson: raw, SettingsJson: r.settings, IdempotencyKey: r.key, DeadlineUnixNanos: deadline.UnixNano(),
	}, nil
}

// answer is the last event of a call, or why there was none.
type answer struct {
	result  []byte
	refusal *pluginv2.Error
	err     error
}

// settle turns an answer into the call's result or error.
func (h *Host) settle(r request, w *worker, in *inputs, a answer, finish func(*outputs, []byte) error) error {
	if a.err != nil {
		return h.broken(r, w, a.err)
	}
	if a.refusal != nil {
		r.pool.worked()
		return refusal(a.refusal)
	}
	out := &outputs{slot: w.slot, placed: in, dir: r.dir, limit: h.config.OutputBytes}
	if err := finish(out, a.result); err != nil {
		w.kill() // whoever gives one bad answer may give more
		r.pool.tell(fmt.Sprintf("bad answer to %s: %s", r.op, brief(err.Error())))
		return fmt.Errorf("bad answer: %w", err)
	}
	r.pool.worked()
	return nil
}

// dying is how long a process whose connection broke may take to end before it is
// taken for a living one that talks nonsense.
const dying = time.Second

// broken classifies a call that ended without an answer.
func (h *Host) broken(r request, w *worker, err error) error {
	select {
	case <-w.exited:
	case <-time.After(dying):
		w.kill()
		detail := "broken answer: " + brief(status.Convert(err).Message())
		if status.Code(err) == codes.ResourceExhausted {
			detail = fmt.Sprintf("the answer is larger than %d MB; pages go by file", pluginv2.MaxMessage>>20)
		}
		r.pool.crashed(r.about, detail)
		return errors.New(detail)
	}
	if h.life.Err() != nil {
		return errClosed
	}
	if hung := w.hung.Load(); hung != nil {
		r.pool.stalled(r.about, *hung)
		return &core.Failure{Code: core.CodePlugin, Detail: *hung, Remedy: "it is tried again by itself; see the server's log"}
	}
	c := &crash{detail: fmt.Sprintf("plug-in %s crashed in %s (%s)", r.plugin.name(), r.op, w.ended())}
	if told := w.overDisk.Load(); told != nil {
		c.disk, c.detail = true, *told
	}
	if kb := w.overKB.Load(); kb > 0 {
		c.memory = true
		c.detail = fmt.Sprintf("over-limit memory: plug-in %s used %d MB in %s, more than the %d MB that it may", r.plugin.name(), kb>>10, r.op, w.limitKB>>10)
	}
	if !c.memory && !c.disk && saidOutOfMemory(w.stderr.said()) {
		c.memory = true
		c.detail = fmt.Sprintf("over-limit memory: plug-in %s could not get more memory in %s than the %d MB that it may", r.plugin.name(), r.op, w.limitKB>>10)
	}
	h.log.Warn("plug-in crashed", "plugin", r.plugin.name(), "op", r.op, "pid", w.ID(), "end", w.ended(), "stderr", strings.Join(w.stderr.said(), "\n"))
	r.pool.crashed(r.about, c.detail)
	return c
}

// refusal is an error that the plug-in itself gave.
func refusal(e *pluginv2.Error) error {
	return &core.Failure{Code: codeOf(e.Code), Detail: brief(e.Detail), Remedy: brief(e.Remedy), Permanent: !e.Temporary}
}

var plainCode = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+){0,7}$`)

// codeOf is the code of a plug-in's error: its own word, unless that is none or one by
// which the server speaks of itself and acts, such as that its disk is full.
func codeOf(code string) string {
	own := []string{
		core.CodeDataDown, core.CodeMaintenance, core.CodeInterrupted, core.CodeKeyReused, core.CodeConflict, core.CodeUnknown,
		core.CodeBadRequest, core.CodeSecret,
	}
	if len(code) > 64 || !plainCode.MatchString(code) || slices.Contains(own, code) {
		return core.CodePlugin
	}
	return code
}

// brief bounds a plug-in's words.
func brief(s string) string {
	const most = 2000
	if len(s) > most {
		s = s[:most] + "…"
	}
	return printable(strings.ToValidUTF8(s, "?"))
}
