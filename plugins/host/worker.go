package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/twinleaf-scan/twinleaf/plugins/host/egress"
	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// worker is one running process of a plug-in, with its slot and its connection.
// One call at a time is made on it; whoever holds it owns calls, last, hits and light.
type worker struct {
	*process
	slot     *slot
	rpc      generation
	pulse    pulse
	gauge    gauge
	manifest []byte   // as the process gave it
	writes   []string // folders that it may write to, in order
	started  time.Time

	calls   int       // made so far
	last    string    // what the last call was about, for affinity
	hits    int       // calls before it about the same
	light   bool      // the present call is a question about the engine, which wears nothing out
	limitKB int64     // of resident memory
	since   time.Time // when it was last given to a call or taken back; guarded by the pool
	on      string    // what the call that has it wished it to have open; guarded by the pool

	overKB   atomic.Int64           // resident memory when the watchdog killed it; 0: it did not
	overDisk atomic.Pointer[string] // what it was killed for when it wrote too much; nil: it was not
	hung     atomic.Pointer[string] // why the heartbeat killed it; nil: it did not
	retired  atomic.Bool            // to be ended as soon as it is free
}

// spawn starts a process of p that may write to some folders and asks it for its
// manifest, within StartTimeout. What it holds is freed by itself when the process has
// ended.
func (h *Host) spawn(p *plugin, writes []string) (*worker, error) {
	ctx, cancel := context.WithTimeout(h.life, h.config.StartTimeout)
	defer cancel()
	number := h.slots.Add(1)
	slot, err := newSlot(filepath.Join(h.spool.dir, p.file(), strconv.FormatInt(number, 10)))
	if err != nil {
		return nil, err
	}
	plan, err := h.plan(p, slot, number, writes)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("plug-in %s is not started: %w", p.name(), err), slot.remove())
	}
	now := time.Now()
	w := &worker{slot: slot, writes: writes, started: now, since: now, process: &process{
		launch: plan, starter: h.starter, wait: &h.wait, exited: make(chan struct{}),
		stderr: &stderrLog{log: h.log.With("plugin", p.file())},
	}}
	client := h.newClient(p, w.process)
	connected := make(chan error, 1)
	h.wait.Go(func() {
		err := w.connect(ctx, client)
		if err != nil {
			w.neverStarted()
		}
		connected <- err
		w.bury(client)
	})
	select {
	case err = <-connected:
		if lie := w.lied.Load(); err != nil && lie != nil {
			err = *lie
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		// What is told of a process that was ended for being late is not its own failure.
		switch {
		case h.life.Err() != nil:
			err = errClosed
		case ctx.Err() != nil:
			err = fmt.Errorf("not ready after %s", h.config.StartTimeout)
		}
		w.kill()
		return nil, w.startError(err)
	}
	return w, nil
}

// about notes what a call is about.
func (w *worker) about(input string) {
	if w.last != input || input == "" {
		w.last, w.hits = input, 0
		return
	}
	w.hits++
}

// gone reports whether the process has ended or is about to.
func (w *worker) gone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.killed || w.reaped
}

var errClosed = errors.New("the host is closed")

// bury waits for the end of the process and frees what it held. go-plugin comes
// last: its own way of ending a process can wait for ever on a living one.
func (w *worker) bury(client *goplugin.Client) {
	<-w.exited
	w.gauge.close()
	if w.out != nil {
		_ = w.out.Close()
	}
	client.Kill()
	if w.sockets != "" {
		_ = os.RemoveAll(w.sockets)
	}
	_ = w.slot.remove()
}

func (h *Host) newClient(of *plugin, p *process) *goplugin.Client {
	return goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{MagicCookieKey: pluginv2.CookieKey, MagicCookieValue: pluginv2.CookieValue},
		VersionedPlugins: versions(),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(),
		SkipHostEnv:      true,
		StartTimeout:     2 * h.config.StartTimeout, // startWorker's own deadline comes first
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: h.run.dir},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return p.dial() }),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(pluginv2.MaxMessage)),
		},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, dir string) (runner.Runner, error) {
			p.sockets = dir
			way := filepath.Join(dir, egressName)
			p.extra = append(cmd.Env, pluginv2.LeashKey+"=stdin", pluginv2.EgressKey+"="+way)
			var err error
			p.out, err = egress.Listen(way, egress.Config{Plugin: of.file(), Mine: p.mine, Refused: func() { of.denied.Add(1) }, Logger: h.log})
			return p, err
		},
	})
}

// egressName is the socket of a process's way to the network, beside its own.
const egressName = "egress"

func (p *process) dial() (net.Conn, error) {
	socket := p.socket.Load()
	if socket == nil {
		return nil, errors.New("the plug-in has no socket")
	}
	return dialSocket(*socket, p.launch.spec.UID)
}

func (w *worker) connect(ctx context.Context, client *goplugin.Client) error {
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(pluginv2.Name)
	if err != nil {
		return err
	}
	rpc, ok := raw.(generation)
	if !ok {
		return fmt.Errorf("go-plugin gave a %T", raw)
	}
	w.rpc = rpc
	w.pulse.listen(protocol)
	w.manifest, err = rpc.describe(ctx)
	return err
}

// startError says why a start failed, in the words nearest to the cause.
func (w *worker) startError(err error) error {
	select {
	case <-w.exited:
		if w.ended() != "signal: killed" { // that was us
			err = fmt.Errorf("%w (%s)", err, w.ended())
		}
	default:
	}
	if said := w.stderr.said(); len(said) > 0 {
		err = fmt.Errorf("%w; it said: %s", err, strings.Join(said[:min(len(said), 5)], " / "))
	}
	return fmt.Errorf("plug-in %s does not start: %w", filepath.Base(w.launch.path), err)
}

func decodeManifest(raw []byte) (sdk.Manifest, error) {
	var m sdk.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("manifest: %w", err)
	}
	for _, host := range m.Permissions.Net {
		if _, err := egress.OfAuthor(host); err != nil {
			return m, fmt.Errorf("manifest: permissions: net: %w", err)
		}
	}
	return m, m.Check()
}
