package console

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// retryAfter is what a client is told to wait, in seconds.
const retryAfter = "5"

// challenge says how to say who one is.
const challenge = `Bearer realm="twinleaf"`

// askTheLog is the remedy where nobody knows a better one.
const askTheLog = "try again; the server's log says more"

// problem writes p and closes the connection when the request's body may not
// have been read, so that a client does not go on sending it.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, p *api.Problem) {
	h := w.Header()
	h.Set("Content-Type", api.ProblemMedia)
	h.Set("Cache-Control", "no-store")
	s.elsewhere(h, p.Code)
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	if r.ContentLength != 0 && r.Method == http.MethodPost {
		h.Set("Connection", "close")
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client may be gone; there is nobody left to tell
}

func internal() *api.Problem {
	return api.NewProblem(http.StatusInternalServerError, core.CodeInternal, askTheLog, "the server could not answer this request")
}

func missing(what string) *api.Problem {
	return api.NewProblem(http.StatusServiceUnavailable, core.CodeDataDown, "try again in a moment", "the server does not have %s yet", what)
}

// problemOf turns an error of a part into a problem; op says what was tried.
// What is nobody's business outside stays in the log.
func (s *Server) problemOf(ctx context.Context, op string, err error) *api.Problem {
	var p *api.Problem
	var f *core.Failure
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &f):
		return api.NewProblem(status(f.Code), f.Code, cmp.Or(f.Remedy, askTheLog), "%s", f.Detail)
	case errors.Is(err, context.Canceled):
		return api.NewProblem(http.StatusServiceUnavailable, core.CodeInterrupted, "try again", "%s: the request was broken off", op)
	}
	s.log.ErrorContext(ctx, "request failed", "operation", op, "error", err)
	return internal()
}

func status(code string) int {
	switch code {
	case core.CodeUnknown:
		return http.StatusNotFound
	case core.CodeKeyReused, core.CodeConflict, api.CodeNoPair, api.CodeReadOnly,
		"other-version", "other-pair", "stranger", "same-server", "unknown-certificate",
		"pair-closed", "pair-wrong-code", "pair-refused", "pair-unconfirmed",
		"unwell", "parity-unknown", "manual", "peer-resting": // what a pair refuses until somebody has changed something
		return http.StatusConflict
	case core.CodeOverLimit:
		return http.StatusRequestEntityTooLarge
	case core.CodeDataDown, core.CodeMaintenance, core.CodeInterrupted, core.CodeSecret, api.CodeStandby, api.CodeStarting, api.CodeSecondPrimary, api.CodeSilent, "pair-unreachable":
		return http.StatusServiceUnavailable
	case core.CodeNotAScan, core.CodeUnsupported:
		return http.StatusUnsupportedMediaType
	case core.CodeInternal, core.CodePlugin:
		return http.StatusInternalServerError
	case api.CodeUnauthorized:
		return http.StatusUnauthorized
	case api.CodeForbidden:
		return http.StatusForbidden
	case api.CodeTooMany:
		return http.StatusTooManyRequests
	case core.CodeTimeout:
		return http.StatusGatewayTimeout
	}
	return http.StatusUnprocessableEntity
}

// asProblem gives the errors that the framework makes itself (a body that does
// not fit its schema, a wrong parameter) the form of all others.
func asProblem(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*api.Problem); ok {
		switch p.Status {
		case http.StatusServiceUnavailable, http.StatusTooManyRequests:
			ctx.SetHeader("Retry-After", retryAfter)
		case http.StatusUnauthorized:
			ctx.SetHeader("WWW-Authenticate", challenge)
		}
	}
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	detail := m.Detail
	for _, e := range m.Errors {
		detail += "; " + strings.TrimPrefix(strings.TrimPrefix(e.Location+": ", "body."), ": ") + e.Message
	}
	return api.NewProblem(m.Status, core.CodeBadRequest, "compare the request with /openapi.json", "%s", detail), nil
}
