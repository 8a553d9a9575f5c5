package host

import (
	"context"
	"errors"
	"strconv"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pluginv1 "github.com/twinleaf-scan/twinleaf/sdk/proto/v1"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// generation is the client of one generation of the contract. All of them speak the
// words of the newest; the older ones translate.
type generation interface {
	describe(context.Context) (manifest []byte, err error)
	validate(ctx context.Context, component string, settings []byte) (*pluginv2.Diagnostics, error)
	process(context.Context, *pluginv2.Job) answer
	cancel(ctx context.Context, id string) error // an error: the process is killed instead
}

// generations are the clients by the number that a plug-in says in its handshake.
// Where both sides have several, the highest wins.
func generations() map[int]func(*grpc.ClientConn) generation {
	return map[int]func(*grpc.ClientConn) generation{
		pluginv1.Generation: func(c *grpc.ClientConn) generation { return generation1{pluginv1.NewPluginClient(c)} },
		pluginv2.Generation: func(c *grpc.ClientConn) generation { return generation2{pluginv2.NewPluginClient(c)} },
	}
}

// speaks reports whether this host knows the generation of a handshake.
func speaks(number string) bool {
	for n := range generations() {
		if strconv.Itoa(n) == number {
			return true
		}
	}
	return false
}

// versions are the generations as go-plugin wants them.
func versions() map[int]goplugin.PluginSet {
	sets := map[int]goplugin.PluginSet{}
	for number, client := range generations() {
		sets[number] = goplugin.PluginSet{pluginv2.Name: dispensed{client: client}}
	}
	return sets
}

// dispensed gives the client of the one service.
type dispensed struct {
	goplugin.NetRPCUnsupportedPlugin
	client func(*grpc.ClientConn) generation
}

func (dispensed) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("a host is no server")
}

func (d dispensed) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return d.client(conn), nil
}

// generation2 is the present one.
type generation2 struct{ rpc pluginv2.PluginClient }

func (g generation2) describe(ctx context.Context) ([]byte, error) {
	described, err := g.rpc.Describe(ctx, &pluginv2.DescribeRequest{})
	return described.GetManifestJson(), err
}

func (g generation2) validate(ctx context.Context, component string, settings []byte) (*pluginv2.Diagnostics, error) {
	return g.rpc.Validate(ctx, &pluginv2.ValidateRequest{Component: component, SettingsJson: settings})
}

func (g generation2) cancel(ctx context.Context, id string) error {
	_, err := g.rpc.Cancel(ctx, &pluginv2.CancelRequest{Id: id})
	return err
}

// process makes a call and waits for the last event, or for the end of the process.
func (g generation2) process(ctx context.Context, job *pluginv2.Job) answer {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	events, err := g.rpc.Process(ctx, job)
	if err != nil {
		return answer{err: err}
	}
	for {
		event, err := events.Recv()
		if err != nil {
			return answer{err: err}
		}
		switch e := event.Event.(type) {
		case *pluginv2.Event_Result:
			return answer{result: e.Result.GetResultJson()}
		case *pluginv2.Event_Error:
			return answer{refusal: e.Error}
		}
	}
}
