package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin/runner"
	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/plugins/host/egress"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

// process is one started program as go-plugin's runner wants it. go-plugin sees
// of it one checked handshake line and when it ends; pipes, signals and socket
// are ours, so that nothing which the program does can hold the host up.
type process struct {
	launch  launch
	sockets string        // folder in which its socket must lie
	extra   []string      // environment that go-plugin and the way out want
	out     *egress.Proxy // its way to the network; nil until it is about to start
	starter *starter
	wait    *sync.WaitGroup // of the host, which waits for the goroutines here
	stderr  *stderrLog

	cmd    *exec.Cmd
	leash  *os.File // our end of its standard input
	line   *io.PipeReader
	pid    atomic.Int64
	socket atomic.Pointer[string]
	lied   atomic.Pointer[error] // what was wrong with the handshake
	exited chan struct{}         // closed when it is gone and state is set
	state  error                 // how it ended; read after exited

	mu     sync.Mutex // guards what follows; held while signalling, so that the number is still its own
	killed bool
	reaped bool
}

// drainAfterExit is how long the last words of a program are waited for when a
// stray child still holds its pipes.
const drainAfterExit = 200 * time.Millisecond

var _ runner.Runner = (*process)(nil)

// Start starts the program, unless it was killed before. The goroutines that it
// leaves end with the program.
func (p *process) Start(context.Context) error {
	var pipes [3]struct{ r, w *os.File } // standard input, output, error
	for i := range pipes {
		var err error
		if pipes[i].r, pipes[i].w, err = os.Pipe(); err != nil {
			closePipes(pipes[:i])
			return err
		}
	}
	in, out, stderr := pipes[0], pipes[1], pipes[2]
	var err error
	if p.cmd, err = p.launch.command(p.sockets, p.extra); err != nil {
		closePipes(pipes[:])
		return fmt.Errorf("start %s: %w", p.launch.path, err)
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in.r, out.w, stderr.w
	if err := p.begin(); err != nil {
		closePipes(pipes[:])
		return fmt.Errorf("start %s: %w", p.launch.path, err)
	}
	_ = errors.Join(in.r.Close(), out.w.Close(), stderr.w.Close())
	p.leash = in.w
	line, lineW := io.Pipe()
	p.line = line
	drained := make(chan struct{})
	p.wait.Go(func() { p.readStdout(out.r, lineW) })
	p.wait.Go(func() { defer close(drained); p.stderr.read(stderr.r) })
	p.wait.Go(func() { p.reap(drained, out.r, stderr.r) })
	if err := p.launch.confine(p.cmd.Process.Pid); err != nil {
		p.kill()
		return err
	}
	return nil
}

func (p *process) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.killed {
		return errors.New("it took too long")
	}
	if err := p.starter.start(p.cmd); err != nil {
		return err
	}
	p.pid.Store(int64(p.cmd.Process.Pid))
	return nil
}

func closePipes(pipes []struct{ r, w *os.File }) {
	for _, p := range pipes {
		_ = errors.Join(p.r.Close(), p.w.Close())
	}
}

// readStdout hands go-plugin one good line or none, and drops the rest.
func (p *process) readStdout(out io.Reader, lineW *io.PipeWriter) {
	in := bufio.NewReaderSize(out, maxHandshake)
	raw, err := in.ReadSlice('\n')
	if err == nil {
		var clean, socket string
		clean, socket, err = handshake(string(raw), p.sockets)
		if err == nil {
			p.socket.Store(&socket)
			_, _ = io.WriteString(lineW, clean+"\n")
		}
	} else {
		err = fmt.Errorf("no handshake on its standard output: %w", err)
	}
	if err != nil {
		p.lied.Store(&err)
		p.kill()
	}
	_ = lineW.Close()
	_, _ = io.Copy(io.Discard, in)
}

// reap waits for the program, ends its children, and closes our ends of its
// pipes even if a stray child still holds the others.
func (p *process) reap(drained <-chan struct{}, pipes ...*os.File) {
	pid := p.cmd.Process.Pid
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	p.mu.Lock()
	killGroup(pid)
	p.state = p.cmd.Wait()
	p.reaped = true
	p.mu.Unlock()
	select {
	case <-drained:
	case <-time.After(drainAfterExit):
	}
	_ = p.leash.Close()
	_ = p.line.Close()
	for _, f := range pipes {
		_ = f.Close()
	}
	close(p.exited)
}

// kill ends the program and its children at once, and keeps it from starting. It
// may be called at any time.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	if !p.reaped {
		killGroup(int(p.pid.Load()))
	}
}

// neverStarted settles a program that was not started and never will be.
func (p *process) neverStarted() bool {
	p.kill()
	if p.pid.Load() != 0 {
		return false
	}
	p.state = errors.New("not started")
	close(p.exited)
	return true
}

// ended says how the program ended. It must have exited.
func (p *process) ended() string {
	if p.state == nil {
		return "exit status 0"
	}
	return p.state.Error()
}

// Wait waits until the program has ended.
func (p *process) Wait(ctx context.Context) error {
	select {
	case <-p.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends the program and waits until it is gone.
func (p *process) Kill(ctx context.Context) error {
	if p.pid.Load() == 0 {
		return nil
	}
	p.kill()
	return p.Wait(ctx)
}

// Stdout is the handshake line.
func (p *process) Stdout() io.ReadCloser { return p.line }

// Stderr is empty: the host reads the real one.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the program's path.
func (p *process) Name() string { return p.launch.path }

// ID is the process id, empty before Start.
func (p *process) ID() string {
	if pid := p.pid.Load(); pid != 0 {
		return strconv.FormatInt(pid, 10)
	}
	return ""
}

// Diagnose has nothing to add: the handshake's error says it.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost leaves the address alone; it was checked with the handshake.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin leaves the address alone.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}

// mine reports whether a process is this one or a child of it. Below full a plug-in's
// processes cannot leave the session that it was started in; on full no other process
// reaches what belongs to it.
func (p *process) mine(pid int) bool {
	if p.launch.spec.Level >= sandbox.Full || p.launch.spec.Level == sandbox.None {
		return true
	}
	session, err := unix.Getsid(pid)
	return err == nil && session == int(p.pid.Load())
}
