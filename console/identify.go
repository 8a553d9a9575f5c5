package console

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// Names that clients of log-in sessions know.
const (
	cookieName  = "twinleaf-session"
	guardHeader = "X-CSRF-Token" // the session's guard, with changes that a cookie carries
)

// configured is the caller of the token in the server's own configuration.
const configured = "(web.token)"

// request is what the guard found out about a request.
type request struct {
	caller     core.Caller
	session    *api.Session // of a user who logged in
	credential string       // token or session's text, as it came
	from       string       // address of the client
	tls        bool
}

type requestKey struct{}

func requestOf(ctx context.Context) request {
	rq, _ := ctx.Value(requestKey{}).(request)
	return rq
}

// callerOf is who makes the request of ctx.
func callerOf(ctx context.Context) core.Caller { return requestOf(ctx).caller }

// identify finds out who asks. The problem says why nobody does who may.
func (s *Server) identify(r *http.Request) (request, *api.Problem) {
	rq := request{from: host(r.RemoteAddr), tls: r.TLS != nil}
	text, byCookie := credential(r)
	rq.credential = text
	if public(r) {
		return rq, nil
	}
	if s.isConfigured(text) && !byCookie {
		rq.caller = core.Caller{Name: configured, Role: core.Administrator}
		return rq, nil
	}
	known, err := s.known(text)
	switch {
	case err == nil && text != "" && s.parts.Access != nil:
		rq.caller, rq.session = known.Caller, known.Session
		if byCookie {
			return rq, guarded(r, known.Session)
		}
		return rq, nil
	case err != nil && core.AsFailure(err).Code != api.CodeUnauthorized:
		return s.undecided(r, rq, err)
	}
	open, err := s.open()
	if err != nil {
		return s.undecided(r, rq, err)
	}
	if !open {
		return rq, api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized,
			"send the header Authorization: Bearer TOKEN (twinleaf --token TOKEN); users get one with twinleaf login NAME",
			"this server asks for a token and the request has none that is right")
	}
	rq.caller = core.Caller{Role: core.Administrator}
	return rq, nil
}

// credential is the token or session's text that a request brings.
func credential(r *http.Request) (text string, byCookie bool) {
	if h := r.Header.Get("Authorization"); h != "" {
		text, _ := strings.CutPrefix(h, "Bearer ")
		if text == h {
			return "", false
		}
		return text, false
	}
	if c, err := r.Cookie(cookieName); err == nil {
		return c.Value, true
	}
	return "", false
}

// known asks whose a credential is.
func (s *Server) known(text string) (Identity, error) {
	if text == "" || s.parts.Access == nil {
		return Identity{}, nil
	}
	return s.parts.Access.Identify(text)
}

// open reports whether nobody has to say who they are.
func (s *Server) open() (bool, error) {
	if s.config.Token != "" {
		return false, nil
	}
	if s.parts.Access == nil {
		return true, nil
	}
	return s.parts.Access.Open()
}

// isConfigured reports whether a text is the token of the server's own configuration.
func (s *Server) isConfigured(text string) bool {
	a, b := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(s.config.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && s.config.Token != ""
}

// undecided answers while users and tokens cannot be read, because the data service is
// not there: nobody is let in but to see the metrics, which then tell only that.
func (s *Server) undecided(r *http.Request, rq request, err error) (request, *api.Problem) {
	if r.URL.Path == "/metrics" && s.config.Token == "" {
		rq.caller = core.Caller{Role: core.Operator}
		return rq, nil
	}
	return rq, s.problemOf(r.Context(), "find out who asks", err)
}

// guarded wants more than a cookie for a change, for browsers send cookies by themselves.
func guarded(r *http.Request, session *api.Session) *api.Problem {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	got := r.Header.Get(guardHeader)
	if session != nil && session.Guard != "" && subtle.ConstantTimeCompare([]byte(got), []byte(session.Guard)) == 1 {
		return nil
	}
	return api.NewProblem(http.StatusForbidden, api.CodeForbidden,
		"send the guard of GET /v1/session as "+guardHeader+", or a token as Authorization: Bearer",
		"the request changes something and nothing but a cookie shows who wants it")
}

// renew gives whoever used a session its newer text, if there is one.
func renew(w http.ResponseWriter, rq request, r *http.Request) {
	if rq.session == nil || rq.session.Token == rq.credential {
		return
	}
	if _, byCookie := credential(r); byCookie {
		http.SetCookie(w, cookie(rq.tls, rq.session.Token, 0))
		return
	}
	w.Header().Set(api.RenewedHeader, rq.session.Token)
}

func sessionCookie(ctx context.Context, session api.Session) *http.Cookie {
	return cookie(requestOf(ctx).tls, session.Token, 0)
}

func endCookie(ctx context.Context) *http.Cookie { return cookie(requestOf(ctx).tls, "", -1) }

// cookie ends with the browser, and with its session at the latest.
func cookie(tls bool, text string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: text, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: tls,
	}
}
