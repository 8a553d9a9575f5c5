package console

import (
	"context"
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

		rq, p := s.admit(r, cross)
		if p != nil {
			if p.Status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", challenge)
			}
			s.problem(rec, r, p)
			return
		}
		renew(w, rq, r)
		*r = *r.WithContext(context.WithValue(r.Context(), requestKey{}, rq)) // in place: the route is told to this request
		next.ServeHTTP(rec, r)
	})
}

// deadline gives the answer d from now on. Writers without deadlines (tests) are
// left alone.
func deadline(w http.ResponseWriter, d time.Duration) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}

// admit says who asks, or why the request is turned away.
func (s *Server) admit(r *http.Request, cross *http.CrossOriginProtection) (request, *api.Problem) {
	if !s.rightHost(r.Host) {
		return request{}, api.NewProblem(http.StatusMisdirectedRequest, api.CodeForbidden,
			"use the server's own address, add the name to hosts in the configuration, or set a token",
			"this server is not called %q", r.Host)
	}
	if err := cross.Check(r); err != nil {
		return request{}, api.NewProblem(http.StatusForbidden, api.CodeForbidden,
			"call the API from a program, or from a page of this server",
			"a page of another site made this request in a browser")
	}
	return s.identify(r)
}

// public requests are answered whoever asks: load balancers, people who look for the
// interface, and those who log in or out.
func public(r *http.Request) bool {
	switch r.URL.Path {
	case "/", "/healthz", "/readyz", "/openapi.json":
		return true
	case "/v1/session":
		return r.Method == http.MethodPost || r.Method == http.MethodDelete
	}
	return false
}

// rightHost keeps a page on the internet, whose name was made to point at this
// machine, from talking to a server where nobody has to say who they are.
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
	if loopback(host) || slices.Contains(s.config.Hosts, host) {
		return true
	}
	open, err := s.open()
	return err == nil && !open
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
	if r.URL.Path == "/healthz" {
		return // asked all the time, by balancers and by the server itself
	}
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
