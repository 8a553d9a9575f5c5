package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// tell begins the conversation with a lie and never returns.
func tell(lie string) {
	dir := os.Getenv("PLUGIN_UNIX_SOCKET_DIR")
	here := filepath.Join(dir, "s")
	line := func(format string, a ...any) { fmt.Printf(format+"\n", a...) }
	good := func() { line("1|2|unix|%s|grpc|", here) }
	switch lie {
	case "garbage":
		line("warning: libfoo is old")
	case "silent":
	case "endless":
		for range 10 {
			_, _ = os.Stdout.Write(bytes.Repeat([]byte("x"), 1<<20))
		}
	case "closed":
		_ = os.Stdout.Close()
	case "exits":
		os.Exit(7)
	case "tcp":
		line("1|2|tcp|127.0.0.1:9|grpc|")
	case "foreign":
		line("1|2|unix|/var/run/docker.sock|grpc|")
	case "dots":
		line("1|2|unix|%s/../x|grpc|", dir)
	case "netrpc":
		listen(here)
		line("1|2|unix|%s|netrpc|", here)
	case "generation":
		line("1|77|unix|%s|grpc|", here)
	case "core":
		line("9|2|unix|%s|grpc|", here)
	case "link":
		_ = os.Symlink("/var/run/docker.sock", here)
		good()
	case "file":
		_ = os.WriteFile(here, nil, 0o600)
		good()
	case "nothing":
		good()
	case "deaf": // listens, never accepts
		listen(here)
		good()
	case "http":
		go babble(listen(here), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		good()
	case "cert":
		listen(here)
		line("1|2|unix|%s|grpc|%s", here, strings.Repeat("A", 800))
	case "manifest", "giant", "name", "private", "progress":
		serveRaw(lie)
	}
	select {}
}

func listen(path string) net.Listener {
	l, err := net.Listen("unix", path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return l
}

func babble(l net.Listener, words string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(words))
	}
}

// raw speaks the protocol without the SDK, so that it can say what the SDK would
// not let it.
type raw struct {
	plugin.NetRPCUnsupportedPlugin
	pluginv2.UnimplementedPluginServer
	lie string
}

func serveRaw(lie string) {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  plugin.HandshakeConfig{MagicCookieKey: pluginv2.CookieKey, MagicCookieValue: pluginv2.CookieValue},
		VersionedPlugins: map[int]plugin.PluginSet{pluginv2.Generation: {pluginv2.Name: &raw{lie: lie}}},
		GRPCServer:       plugin.DefaultGRPCServer,
	})
	os.Exit(0)
}

func (r *raw) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	pluginv2.RegisterPluginServer(g, r)
	return nil
}

func (r *raw) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plug-in is no client")
}

// Describe gives a manifest that is no JSON, has a bad name, asks for a private host,
// or is right.
func (r *raw) Describe(context.Context, *pluginv2.DescribeRequest) (*pluginv2.DescribeResponse, error) {
	m := sdk.Manifest{
		Info: sdk.Info{Name: r.lie, Version: "1.0.0"}, Protocol: pluginv2.Generation,
		Components: []sdk.ComponentManifest{{ID: "filter", Kind: sdk.KindFilter, Ops: []string{sdk.OpClean}, Schema: json.RawMessage("{}")}},
	}
	switch r.lie {
	case "name":
		m.Name = "../../etc/passwd"
	case "private":
		m.Permissions.Net = []string{"169.254.169.254:80"}
	}
	described, err := json.Marshal(m)
	if r.lie == "manifest" {
		described = []byte("{{{")
	}
	return &pluginv2.DescribeResponse{ManifestJson: described}, err
}

// Process answers with 200 MB, or tells of progress without end.
func (r *raw) Process(_ *pluginv2.Job, stream grpc.ServerStreamingServer[pluginv2.Event]) error {
	for r.lie == "progress" {
		if err := stream.Send(&pluginv2.Event{Event: &pluginv2.Event_Progress{Progress: &pluginv2.Progress{Fraction: 0.5}}}); err != nil {
			return err
		}
	}
	giant := bytes.Repeat([]byte(" "), 200<<20)
	return stream.Send(&pluginv2.Event{Event: &pluginv2.Event_Result{Result: &pluginv2.Result{ResultJson: giant}}})
}
