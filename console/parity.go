package console

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// parityTime bounds a comparison: both servers may have to look at their engines.
const parityTime = 50 * time.Second

type parityOutput struct {
	Store string `header:"Cache-Control"`
	Body  any    // api.Parity or api.Manifest
}

// parity compares the servers, or writes down what this one is. A manifest that must not
// be stored was made for the asking: its clock may be compared.
func (s *Server) parity(ctx context.Context, in *struct {
	Deep     bool `query:"deep" doc:"Look at the OCR engines anew"`
	Manifest bool `query:"manifest" doc:"Only what of this server is compared"`
}) (*parityOutput, error) {
	ctx, stop := context.WithTimeout(ctx, parityTime)
	defer stop()
	if in.Manifest {
		return s.manifest(ctx, in.Deep)
	}
	if s.parts.Pair == nil {
		return nil, noPair()
	}
	p, err := s.parts.Pair.Parity(ctx, in.Deep)
	if err != nil {
		return nil, s.problemOf(ctx, "compare the servers", err)
	}
	p.Differences = append([]api.Difference{}, p.Differences...)
	return &parityOutput{"no-store", p}, nil
}

func (s *Server) manifest(ctx context.Context, deep bool) (*parityOutput, error) {
	if s.parts.Manifest == nil {
		return nil, missing("its manifest")
	}
	m, err := s.parts.Manifest(ctx, deep)
	if err != nil {
		return nil, s.problemOf(ctx, "write down what this server is", err)
	}
	return &parityOutput{"no-store", m}, nil
}

func (s *Server) routeParity(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "get-parity", Method: http.MethodGet, Path: "/v1/parity", Summary: "In what the servers of the pair differ",
		Description: "With manifest=true, what of this server would be compared; that is there without a pair too.",
		Responses: map[string]*huma.Response{"default": problemResponse(a), "200": {
			Description: "The differences; with manifest=true, the manifest of this server",
			Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{OneOf: []*huma.Schema{
				schemaOf[api.Parity](a), {Type: huma.TypeObject, Description: "A manifest"},
			}}}},
		}},
	}, s.parity)
}

// peerLock hands out which plug-ins were added to the other server.
func (s *Server) peerLock(w http.ResponseWriter, r *http.Request) {
	if s.parts.PeerPlugins == nil {
		s.problem(w, r, noPair())
		return
	}
	lock, err := s.parts.PeerPlugins.Lock(r.Context())
	if err != nil {
		s.problem(w, r, s.problemOf(r.Context(), "ask the other server for its lock", err))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(lock) // the client may be gone; there is nobody left to tell
}

// peerArchive hands out one plug-in of the other server. Who asked for it holds it against
// the lock: nothing here looks into it.
func (s *Server) peerArchive(w http.ResponseWriter, r *http.Request) {
	if s.parts.PeerPlugins == nil {
		s.problem(w, r, noPair())
		return
	}
	f, err := s.parts.PeerPlugins.Archive(r.Context(), r.PathValue("digest"))
	if err != nil {
		s.problem(w, r, s.problemOf(r.Context(), "ask the other server for a plug-in", err))
		return
	}
	defer f.Close() // read only
	w.Header().Set("Content-Type", "application/zip")
	if _, err := io.Copy(w, newSteady(w, f, s.config.BodyIdle)); err != nil {
		s.log.Warn("a plug-in of the other server broke off", "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes the part for the whole
	}
}
