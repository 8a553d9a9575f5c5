package sdkv1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/twinleaf-scan/twinleaf/sdk/proto/v1"
)

// Serve runs the program and never returns.
func Serve(info Info, c Component) {
	if os.Getenv(pluginv1.CookieKey) != pluginv1.CookieValue {
		fmt.Fprintf(os.Stderr, "%s is a plug-in of Twinleaf: put it into the server's plug-in folder\n", filepath.Base(os.Args[0]))
		os.Exit(2)
	}
	if os.Getenv(pluginv1.LeashKey) == "stdin" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(3) // the host is gone
		}()
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  plugin.HandshakeConfig{MagicCookieKey: pluginv1.CookieKey, MagicCookieValue: pluginv1.CookieValue},
		VersionedPlugins: map[int]plugin.PluginSet{pluginv1.Generation: {pluginv1.Name: &served{server: &server{info: info, component: c}}}},
		Logger:           hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr, JSONFormat: true}),
		GRPCServer:       plugin.DefaultGRPCServer,
	})
	os.Exit(0)
}

// served is the server as go-plugin wants it.
type served struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

func (s *served) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	pluginv1.RegisterPluginServer(g, s.server)
	return nil
}

func (s *served) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plug-in is no client")
}

// server answers the host.
type server struct {
	pluginv1.UnimplementedPluginServer
	info      Info
	component Component
}

func (s *server) Info(context.Context, *pluginv1.InfoRequest) (*pluginv1.InfoResponse, error) {
	return &pluginv1.InfoResponse{
		Name: s.info.Name, Version: s.info.Version, Summary: s.info.Summary, Kind: s.component.kind, SettingsSchema: s.info.Schema,
	}, nil
}

func (s *server) CheckSettings(_ context.Context, r *pluginv1.CheckSettingsRequest) (*pluginv1.CheckSettingsResponse, error) {
	if err := s.component.check(r.SettingsJson); err != nil {
		return &pluginv1.CheckSettingsResponse{Problem: err.Error()}, nil
	}
	return &pluginv1.CheckSettingsResponse{}, nil
}

func (s *server) Run(ctx context.Context, r *pluginv1.RunRequest) (*pluginv1.RunResponse, error) {
	answer, err := s.component.run(context.WithValue(ctx, outKey{}, r.OutDir), r.RequestJson, r.SettingsJson)
	if err != nil {
		return &pluginv1.RunResponse{Error: err.Error(), Retry: isRetry(err)}, nil
	}
	raw, err := json.Marshal(answer)
	return &pluginv1.RunResponse{AnswerJson: raw}, err
}
