package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// Serve runs the plug-in and never returns. `PROGRAM describe` prints the
// manifest; started by hand in any other way, the program says how it is used.
//
// Under a host, slog's default logger and [Log] go to the server's log, one JSON
// line on standard error each, and the process ends when its host does.
func Serve(info Info, components ...Component) {
	manifest, err := Describe(info, components...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "this plug-in cannot be served:", err)
		os.Exit(2)
	}
	if os.Getenv(pluginv2.CookieKey) != pluginv2.CookieValue {
		os.Exit(byHand(os.Stdout, os.Stderr, manifest, os.Args))
	}
	serve(manifest, components)
	os.Exit(0)
}

// byHand answers a person who started the program, with an exit code.
func byHand(stdout, stderr io.Writer, m Manifest, args []string) int {
	if len(args) == 2 && args[1] == "describe" {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(m); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		return 0
	}
	program := filepath.Base(args[0])
	usage := fmt.Sprintf("%s %s is a plug-in of Twinleaf: put the program into the server's plug-in folder, which starts it.\n"+
		"hint: \"%s describe\" prints what it does and its settings\n", m.Name, m.Version, program)
	if len(args) == 2 && (args[1] == "--help" || args[1] == "-h" || args[1] == "help") {
		fmt.Fprint(stdout, usage)
		return 0
	}
	fmt.Fprint(stderr, usage)
	return 2
}

func serve(m Manifest, components []Component) {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	slog.SetDefault(log)
	if os.Getenv(pluginv2.LeashKey) == "stdin" {
		go leash(os.Stdin)
	}
	byID := map[string]Component{}
	for _, c := range components {
		byID[c.id] = c
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  plugin.HandshakeConfig{MagicCookieKey: pluginv2.CookieKey, MagicCookieValue: pluginv2.CookieValue},
		VersionedPlugins: map[int]plugin.PluginSet{pluginv2.Generation: {pluginv2.Name: &served{server: &server{manifest: m, components: byID, log: log}}}},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr, JSONFormat: true}),
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.MaxRecvMsgSize(pluginv2.MaxMessage))...)
		},
	})
}

// leash ends the process and its children when r ends: the host is gone.
func leash(r io.Reader) {
	_, _ = io.Copy(io.Discard, r)
	endGroup()
	os.Exit(3)
}

// served is the server as go-plugin wants it.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

func (s *served) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	pluginv2.RegisterPluginServer(g, s.server)
	return nil
}

func (s *served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plug-in is no client")
}

// server answers the host.
type server struct {
	pluginv2.UnimplementedPluginServer
	manifest   Manifest
	components map[string]Component
	log        *slog.Logger
	running    sync.Map     // id of a call to its context.CancelFunc
	cancelled  atomic.Value // string: the call that was cancelled last, maybe before it ran
}

func (s *server) Describe(context.Context, *pluginv2.DescribeRequest) (*pluginv2.DescribeResponse, error) {
	raw, err := json.Marshal(s.manifest)
	return &pluginv2.DescribeResponse{ManifestJson: raw}, err
}

func (s *server) Validate(_ context.Context, r *pluginv2.ValidateRequest) (*pluginv2.Diagnostics, error) {
	c, ok := s.components[r.Component]
	if !ok {
		return diagnose("", fmt.Sprintf("there is no component %q", r.Component)), nil
	}
	err := c.check(r.SettingsJson)
	if err == nil {
		return &pluginv2.Diagnostics{}, nil
	}
	if e, ok := errors.AsType[*SettingsError](err); ok {
		return diagnose(e.Path, e.Detail), nil
	}
	return diagnose("", err.Error()), nil
}

func diagnose(path, detail string) *pluginv2.Diagnostics {
	return &pluginv2.Diagnostics{Diagnostics: []*pluginv2.Diagnostic{{Path: path, Detail: detail}}}
}

func (s *server) Process(job *pluginv2.Job, stream grpc.ServerStreamingServer[pluginv2.Event]) error {
	answer, err := s.do(job, stream)
	if err == nil && len(answer) > pluginv2.MaxMessage/2 {
		err = Refuse("over-limit", "write large answers to a file", "the answer of %s has %d bytes", job.Op, len(answer))
	}
	if err != nil {
		return stream.Send(&pluginv2.Event{Event: &pluginv2.Event_Error{Error: asError(err).message()}})
	}
	return stream.Send(&pluginv2.Event{Event: &pluginv2.Event_Result{Result: &pluginv2.Result{ResultJson: answer}}})
}

func (s *server) Cancel(_ context.Context, r *pluginv2.CancelRequest) (*pluginv2.CancelResponse, error) {
	s.cancelled.Store(r.Id)
	if cancel, ok := s.running.Load(r.Id); ok {
		cancel.(context.CancelFunc)()
	}
	return &pluginv2.CancelResponse{}, nil
}

func (s *server) do(job *pluginv2.Job, stream grpc.ServerStreamingServer[pluginv2.Event]) ([]byte, error) {
	c, ok := s.components[job.Component]
	if !ok {
		return nil, Refuse("unsupported", "", "plug-in %s has no component %q", s.manifest.Name, job.Component)
	}
	k := Call{
		ID: job.Id, Op: job.Op, Args: job.ArgsJson, Settings: job.SettingsJson,
		Out: job.OutDir, Temp: job.TmpDir, Logger: s.log.With("call", job.Id, "op", job.Op),
		Progress: func(fraction float64) {
			// The call goes on when the host no longer listens; its context says so.
			_ = stream.Send(&pluginv2.Event{Event: &pluginv2.Event_Progress{Progress: &pluginv2.Progress{Fraction: fraction}}})
		},
	}
	if job.DeadlineUnixNanos != 0 {
		k.Deadline = time.Unix(0, job.DeadlineUnixNanos)
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	s.running.Store(job.Id, cancel)
	defer s.running.Delete(job.Id)
	if s.cancelled.Load() == job.Id {
		cancel()
	}
	return c.Do(ctx, k)
}
