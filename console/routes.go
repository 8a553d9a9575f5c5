package console

import (
	"context"
	_ "embed"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

//go:embed index.html
var index []byte

// maxJSON bounds the bodies that are no scans.
const maxJSON = 1 << 20

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Twinleaf", s.parts.Version)
	config.DocsPath, config.SchemasPath = "", ""
	config.CreateHooks = nil // no $schema links in answers
	config.Transformers = []huma.Transformer{asProblem}
	config.Info.Description = "Scans go in, searchable PDFs come out. Errors are RFC 9457 problems with code, detail and remedy."
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "A token, or the text of a session"},
		"session": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "Of a browser; changes take " + guardHeader + " too"},
	}
	config.Security = []map[string][]string{{"token": {}}, {"session": {}}, {}}
	a := humago.New(mux, config)

	s.routeJobs(a)
	s.routeSettings(a)
	s.routeAccess(a)
	s.routeLicense(a)
	s.routeLog(a)
	s.routePair(a)
	s.routeParity(a)
	describeStreams(a)
	delete(a.OpenAPI().Components.Schemas.Map(), "ErrorModel") // every error is a Problem

	mux.HandleFunc("POST /v1/jobs", s.submit)
	mux.HandleFunc("GET /v1/jobs/{id}/events", s.events)
	mux.HandleFunc("GET /v1/jobs/{id}/outputs/{kind}", s.output)
	mux.HandleFunc("GET /v1/pair/plugins", s.peerLock)
	mux.HandleFunc("GET /v1/pair/plugins/{digest}", s.peerArchive)
	mux.HandleFunc("GET /v1/log/export", s.exportLog)
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("GET /{$}", welcome)
	return s.orProblem(mux)
}

// operation registers one typed endpoint whose errors are problems.
func operation[I, O any](a huma.API, id, method, path, summary string, do func(context.Context, *I) (*O, error)) {
	huma.Register(a, huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, MaxBodyBytes: maxJSON,
		Responses: map[string]*huma.Response{"default": problemResponse(a)},
	}, do)
}

func problemResponse(a huma.API) *huma.Response {
	return &huma.Response{
		Description: "A problem: what went wrong, why, and what to do",
		Content:     map[string]*huma.MediaType{api.ProblemMedia: {Schema: schemaOf[api.Problem](a)}},
	}
}

// orProblem answers with a problem too what no route takes, what the role of whoever asks
// does not allow, and what a secondary does not change.
func (s *Server) orProblem(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, route := mux.Handler(r); route != "" {
			p := allowed(r.Context(), route)
			if p == nil {
				p = s.writable(r.Context(), w.Header(), route)
			}
			if p != nil {
				s.problem(w, r, p)
				return
			}
			mux.ServeHTTP(w, r)
			return
		}
		probe := &discard{header: http.Header{}}
		mux.ServeHTTP(probe, r)
		if allow := probe.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			s.problem(w, r, api.NewProblem(http.StatusMethodNotAllowed, core.CodeBadRequest, "use one of "+allow, "%s does not take %s", r.URL.Path, r.Method))
			return
		}
		s.problem(w, r, api.NewProblem(http.StatusNotFound, core.CodeUnknown, "the API is described at /openapi.json", "there is nothing at %s", r.URL.Path))
	})
}

// discard is an answer of which only the head is looked at.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func welcome(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; script-src 'none'; frame-ancestors 'none'")
	_, _ = w.Write(index) // the client may be gone; there is nobody left to tell
}
