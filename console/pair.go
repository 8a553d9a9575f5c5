package console

import (
	"context"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// What Pairing.Do can be asked for.
const (
	TakeOver       = "takeover"
	HandBack       = "handback"
	MaintenanceOn  = "maintenance on"
	MaintenanceOff = "maintenance off"
)

// Pairing is the pair that a server is in. In no pair Status gives the zero value, and the
// others answer with a [core.Failure] of code no-pair. by is who wants it.
type Pairing interface {
	Status(context.Context) (api.Pair, error)
	// Do does one of [TakeOver], [HandBack], [MaintenanceOn] and [MaintenanceOff]. It waits
	// until that is begun, and a [core.Failure] says why it is not.
	Do(ctx context.Context, order, by string) error
	// Sync brings what flows by itself over now, and compares the servers anew.
	Sync(ctx context.Context, by string) error
	// Parity compares the servers; with deep their engines are looked at anew.
	Parity(ctx context.Context, deep bool) (api.Parity, error)
}

// Forming makes a pair and ends it.
type Forming interface {
	// Init gives the code with which another server joins within the next minutes.
	Init(ctx context.Context, by string) (api.PairCode, error)
	Join(ctx context.Context, in api.JoinPair, by string) error
	Leave(ctx context.Context, by string) error
	// Stop makes the code of the last Init useless, unless a server has joined by it.
	Stop(ctx context.Context, by string) error
	// Window is how far joining is since the last Init; nil: there was none.
	Window() *api.PairWindow
}

// PeerPlugins are the plug-ins that were added to the other server.
type PeerPlugins interface {
	Lock(context.Context) ([]byte, error)
	// Archive is the plug-in of a digest. The caller closes it.
	Archive(ctx context.Context, digest string) (io.ReadCloser, error)
}

type pairOutput struct {
	Store string `header:"Cache-Control"`
	Body  api.Pair
}

func noPair() *api.Problem {
	return api.NewProblem(http.StatusConflict, api.CodeNoPair, `form one with "twinleaf pair init" and "twinleaf pair join"`, "this server is in no pair")
}

func (s *Server) pairStatus(ctx context.Context, _ *struct{}) (*pairOutput, error) {
	out := &pairOutput{Store: "no-store"}
	if s.parts.Pair != nil {
		var err error
		if out.Body, err = s.parts.Pair.Status(ctx); err != nil {
			return nil, s.problemOf(ctx, "look at the pair", err)
		}
	}
	if s.parts.Forming != nil {
		out.Body.Window = s.parts.Forming.Window()
	}
	return out, nil
}

// order has the pair do something and answers with how it stands then.
func (s *Server) order(ctx context.Context, what string, do func(p Pairing, by string) error) (*pairOutput, error) {
	if s.parts.Pair == nil {
		return nil, noPair()
	}
	by := callerOf(ctx).Name
	if err := do(s.parts.Pair, by); err != nil {
		s.log.Warn("the pair does not do what was asked", "order", what, "by", by, "code", core.AsFailure(err).Code)
		return nil, s.problemOf(ctx, what, err)
	}
	s.log.Info("the pair does what was asked", "order", what, "by", by)
	return s.pairStatus(ctx, nil)
}

func (s *Server) ordered(what string) func(context.Context, *struct{}) (*pairOutput, error) {
	return func(ctx context.Context, _ *struct{}) (*pairOutput, error) {
		return s.order(ctx, what, func(p Pairing, by string) error { return p.Do(ctx, what, by) })
	}
}

func (s *Server) pairMaintenance(ctx context.Context, in *struct{ Body api.Maintenance }) (*pairOutput, error) {
	what := MaintenanceOff
	if in.Body.On {
		what = MaintenanceOn
	}
	return s.ordered(what)(ctx, nil)
}

func (s *Server) pairSync(ctx context.Context, _ *struct{}) (*pairOutput, error) {
	return s.order(ctx, "sync", func(p Pairing, by string) error { return p.Sync(ctx, by) })
}

func (s *Server) pairInit(ctx context.Context, _ *struct{}) (*struct {
	Store string `header:"Cache-Control"`
	Body  api.PairCode
}, error) {
	if s.parts.Forming == nil {
		return nil, missing("what forms a pair")
	}
	by := callerOf(ctx).Name
	code, err := s.parts.Forming.Init(ctx, by)
	if err != nil {
		return nil, s.problemOf(ctx, "begin a pair", err)
	}
	s.log.Info("a pair may be joined", "until", code.Expires, "by", by)
	return &struct {
		Store string `header:"Cache-Control"`
		Body  api.PairCode
	}{"no-store", code}, nil
}

// form joins a pair or leaves it, and answers with how it stands then.
func (s *Server) form(ctx context.Context, what string, do func(f Forming, by string) error) (*pairOutput, error) {
	if s.parts.Forming == nil {
		return nil, missing("what forms a pair")
	}
	by := callerOf(ctx).Name
	if err := do(s.parts.Forming, by); err != nil {
		s.log.Warn("not done", "tried", what, "by", by, "code", core.AsFailure(err).Code)
		return nil, s.problemOf(ctx, what, err)
	}
	s.log.Info("done", "tried", what, "by", by)
	return s.pairStatus(ctx, nil)
}

func (s *Server) routePair(a huma.API) {
	operation(a, "get-pair", http.MethodGet, "/v1/pair", "How the pair stands, as this server sees it", s.pairStatus)
	operation(a, "take-over", http.MethodPost, "/v1/pair/takeover", "Take over the other server's jobs", s.ordered(TakeOver))
	operation(a, "hand-back", http.MethodPost, "/v1/pair/handback", "Give the other server its jobs back", s.ordered(HandBack))
	operation(a, "maintenance", http.MethodPost, "/v1/pair/maintenance", "Put this server into maintenance, or end it; the other one takes its jobs", s.pairMaintenance)
	operation(a, "sync-pair", http.MethodPost, "/v1/pair/sync", "Bring settings over now and compare the servers anew", s.pairSync)
	operation(a, "init-pair", http.MethodPost, "/v1/pair/init", "Make the code with which another server joins", s.pairInit)
	operation(a, "stop-init-pair", http.MethodDelete, "/v1/pair/init", "Make that code useless",
		func(ctx context.Context, _ *struct{}) (*pairOutput, error) {
			return s.form(ctx, "end joining", func(f Forming, by string) error { return f.Stop(ctx, by) })
		})
	operation(a, "join-pair", http.MethodPost, "/v1/pair/join", "Join another server to a pair",
		func(ctx context.Context, in *struct{ Body api.JoinPair }) (*pairOutput, error) {
			return s.form(ctx, "join the pair", func(f Forming, by string) error { return f.Join(ctx, in.Body, by) })
		})
	operation(a, "leave-pair", http.MethodDelete, "/v1/pair", "Leave the pair; both servers keep what they have",
		func(ctx context.Context, _ *struct{}) (*pairOutput, error) {
			return s.form(ctx, "leave the pair", func(f Forming, by string) error { return f.Leave(ctx, by) })
		})
}
