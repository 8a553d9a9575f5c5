package conform

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// process is one running process of the plug-in.
type process struct {
	*Options
	place  Place
	cmd    *exec.Cmd
	leash  *os.File // our end of its standard input
	said   *tail    // its standard error
	conn   *grpc.ClientConn
	rpc    pluginv2.PluginClient
	exited chan struct{} // closed when it is gone
	state  error         // how it ended; read after exited
	calls  int
}

// start starts a process and connects to it.
func (s *suite) start(ctx context.Context) (*process, error) {
	place, err := s.newPlace()
	if err != nil {
		return nil, err
	}
	cmd, err := s.command(place)
	if err != nil {
		return nil, err
	}
	p := &process{Options: &s.Options, place: place, cmd: cmd, said: &tail{}, exited: make(chan struct{})}
	line, err := p.launch()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Bin, err)
	}
	if err := p.connect(ctx, line); err != nil {
		p.end()
		return nil, p.explain(err)
	}
	return p, nil
}

// launch starts the command and gives its first line when it comes.
func (p *process) launch() (<-chan string, error) {
	in, leash, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, outW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close(), leash.Close())
	}
	p.leash = leash
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, outW, p.said
	p.cmd.WaitDelay = patience // a stray child may hold the pipe
	err = p.cmd.Start()
	_ = errors.Join(in.Close(), outW.Close())
	if err != nil {
		return nil, errors.Join(err, leash.Close(), out.Close())
	}
	go func() {
		p.state = p.cmd.Wait()
		killGroup(p.cmd.Process.Pid)
		_ = out.Close()
		close(p.exited)
	}()
	line := make(chan string, 1)
	go func() {
		r := bufio.NewReaderSize(out, 4096)
		first, err := r.ReadSlice('\n')
		if err == nil || len(first) > 0 {
			line <- string(first)
		}
		close(line)
		_, _ = io.Copy(io.Discard, r) // ends when out is closed
	}()
	return line, nil
}

const beforeServe = "nothing may be written to standard output before the handshake line; print to standard error"

// connect takes the handshake and asks for nothing yet.
func (p *process) connect(ctx context.Context, line <-chan string) error {
	var first string
	select {
	case l, ok := <-line:
		if !ok {
			return fail("the program must serve until its server ends it", "it ended, or closed its standard output, before the handshake line")
		}
		first = strings.TrimSpace(l)
	case <-time.After(p.StartTimeout):
		return fail("print the handshake line and flush it; load models after that", "no handshake line within %s", p.StartTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
	socket, err := handshake(first, p.place.Sockets)
	if err != nil {
		return err
	}
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	p.conn, err = grpc.NewClient("passthrough:///plugin", grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(pluginv2.MaxMessage)))
	if err != nil {
		return err
	}
	p.rpc = pluginv2.NewPluginClient(p.conn)
	return nil
}

// handshake gives the socket that a handshake line names.
func handshake(line, dir string) (string, error) {
	parts := strings.Split(line, "|")
	switch {
	case len(parts) < 5 || parts[0] != "1":
		return "", fail(beforeServe, "the first line on standard output is no handshake: %.120q", line)
	case parts[1] != strconv.Itoa(pluginv2.Generation):
		return "", fail("servers take older generations, too, but these checks are of this one", "it speaks generation %.20q, these checks %d", parts[1], pluginv2.Generation)
	case parts[2] != "unix" || parts[4] != "grpc":
		return "", fail("the line is 1|2|unix|SOCKET|grpc|", "it listens on %.20q and speaks %.20q, want unix and grpc", parts[2], parts[4])
	case filepath.Dir(parts[3]) != dir:
		return "", fail("make the socket in $PLUGIN_UNIX_SOCKET_DIR", "its socket %.120q is not in the folder that it was given", parts[3])
	}
	return parts[3], nil
}

// explain adds what the process said to why it could not be used.
func (p *process) explain(err error) error {
	said := p.said.String()
	if said == "" {
		return err
	}
	t, ok := errors.AsType[*trouble](err)
	if !ok {
		t = &trouble{why: err.Error()}
	}
	return &trouble{t.why + "; it said: " + said, t.hint}
}

// end kills the process and its children and waits until it is gone.
func (p *process) end() {
	killGroup(p.cmd.Process.Pid)
	_ = p.cmd.Process.Kill()
	if p.conn != nil {
		_ = p.conn.Close()
	}
	_ = p.leash.Close()
	<-p.exited
}

// gone waits for the process to end by itself.
func (p *process) gone(within time.Duration) bool {
	select {
	case <-p.exited:
		return true
	case <-time.After(within):
		return false
	}
}

// answer is how a call ended: with a result, a refusal, or neither.
type answer struct {
	result  []byte
	refusal *pluginv2.Error
	err     error
}

// call makes one prepared call.
func (p *process) call(ctx context.Context, job *pluginv2.Job) answer {
	ctx, cancel := context.WithTimeout(ctx, p.CallTimeout)
	defer cancel()
	events, err := p.rpc.Process(ctx, job)
	for err == nil {
		var event *pluginv2.Event
		if event, err = events.Recv(); err != nil {
			break
		}
		switch e := event.Event.(type) {
		case *pluginv2.Event_Result:
			return answer{result: e.Result.GetResultJson()}
		case *pluginv2.Event_Error:
			return answer{refusal: e.Error}
		}
	}
	if p.gone(patience / 4) {
		err = fail("nothing may end the process: catch what a call throws", "the process ended in the call (%v)", p.state)
	}
	return answer{err: p.explain(err)}
}

// describe asks for the manifest.
func (p *process) describe(ctx context.Context) (sdk.Manifest, error) {
	var m sdk.Manifest
	ctx, cancel := context.WithTimeout(ctx, p.StartTimeout)
	defer cancel()
	r, err := p.rpc.Describe(ctx, &pluginv2.DescribeRequest{})
	if err != nil {
		return m, fail("serve the service of plugin.proto on the socket", "Describe: %v", err)
	}
	if err := json.Unmarshal(r.ManifestJson, &m); err != nil {
		return m, fail("", "the manifest is no JSON of the right form: %v", err)
	}
	return m, nil
}

// tail keeps the last bytes of a stream.
type tail struct {
	mu   sync.Mutex // guards kept
	kept []byte
}

const tailSize = 600

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p[max(0, len(p)-tailSize):]...)
	t.kept = t.kept[max(0, len(t.kept)-tailSize):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(t.kept), "?"), func(r rune) bool { return r == '\n' || r == '\r' || r == 0x1b }), " / ")
}
