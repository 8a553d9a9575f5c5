package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// guard stands before every handler: it bounds the answer's time, checks who
// asks, counts and logs the request, and turns a panic into a 500.
func (s *Server) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		defer s.account(rec, r, start)
		defer s.rescue(rec, r)
		deadline(w, answerTimeout)
		w.Header().Set("X-Content-Type-Options", "nosniff")

		if p := s.admit(r, cross); p != nil {
			if p.Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", `Bearer realm="twinleaf"`)
			}
			s.problem(rec, r, p)
			return
		}
		next.ServeHTTP(rec, r)
	})
}

// deadline gives the answer d from now on. Writers without deadlines (tests) are
// left alone.
func deadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}

// admit says why a request is turned away, or nil.
func (s *Server) admit(r *http.Request, cross *http.CrossOriginProtection) *api.Problem {
	if !s.rightHost(r.Host) {
		return api.NewProblem(http.StatusMisdirectedRequest, api.CodeForbidden,
			"use the server's own address, add the name to hosts in the configuration, or set a token",
			"this server is not called %q", r.Host)
	}
	if err := cross.Check(r); err != nil {
		return api.NewProblem(http.StatusForbidden, api.CodeForbidden,
			"call the API from a program, or from a page of this server",
			"a page of another site made this request in a browser")
	}
	if s.config.Token == "" || public(r.URL.Path) || s.hasToken(r) {
		return nil
	}
	return api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized,
		"send the header Authorization: Bearer TOKEN (twinleaf --token TOKEN)",
		"this server asks for a token and the request has none that is right")
}

// public paths tell nothing about jobs: load balancers and people may read them.
func public(path string) bool {
	switch path {
	case "/", "/healthz", "/readyz", "/openapi.json":
		return true
	}
	return false
}

func (s *Server) hasToken(r *http.Request) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(s.config.Token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && ok
}

// rightHost keeps a page on the internet, whose name was made to point at this
// machine, from talking to a server that asks for no token.
func (s *Server) rightHost(hostport string) bool {
	listen, _, _ := net.SplitHostPort(s.config.Listen)
	if s.config.Token != "" || !loopback(listen) {
		return true
	}
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	host = strings.ToLower(host)
	return loopback(host) || slices.Contains(s.config.Hosts, host)
}

func (s *Server) rescue(w *recorder, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v)
	}
	s.log.Error("request panicked", "method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
	if w.status == 0 {
		s.problem(w, r, internal())
	}
}

func (s *Server) account(w *recorder, r *http.Request, start time.Time) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	took := time.Since(start)
	s.metrics.observe(r, w.status, took)
	s.log.LogAttrs(r.Context(), slog.LevelDebug, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", w.status), slog.Int64("bytes", w.bytes), slog.Duration("took", took), slog.String("from", r.RemoteAddr))
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
