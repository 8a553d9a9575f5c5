package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// ServerConfig says how the peer's calls are taken. Zero values are the defaults.
type ServerConfig struct {
	Self   tls.Certificate
	Listen string // host:port: ":8443"
	Log    *slog.Logger

	Header time.Duration // until a connection has said what it wants: 5 s
	Idle   time.Duration // during which a transfer may stand still: 30 s
}

const (
	standardListen = ":8443"
	idleKept       = 2 * time.Minute // longer than a client keeps a connection, so that it ends it
	parting        = 2 * time.Second // for calls that are under way when the server stops
)

func (c ServerConfig) withDefaults() ServerConfig {
	if c.Listen == "" {
		c.Listen = standardListen
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Header == 0 {
		c.Header = 5 * time.Second
	}
	if c.Idle == 0 {
		c.Idle = 30 * time.Second
	}
	return c
}

// Server takes the calls of the peer, and of who wants to become it.
type Server struct {
	cfg      ServerConfig
	complain *complaints
	routes   http.Handler

	mu     sync.Mutex // guards the fields below
	pinned *pinned    // nil: nobody
	alone  bool       // this server is in no pair
	join   http.Handler
}

// pinned is the peer that is served.
type pinned struct {
	fingerprint string
	handler     Handler
	gone        context.Context // ends with it
	end         context.CancelFunc
}

// NewServer makes a server with which nobody is paired. Serve starts it.
func NewServer(cfg ServerConfig) *Server {
	cfg = cfg.withDefaults()
	s := &Server{cfg: cfg, complain: newComplaints(cfg.Log)}
	s.routes = s.mux()
	return s
}

// Pin lets the server of that fingerprint be served by h from now on, and no other.
func (s *Server) Pin(fingerprint string, h Handler) {
	gone, end := context.WithCancel(context.Background())
	s.exchange(&pinned{fingerprint, h, gone, end}, false)
}

// Unpin serves nobody for now. Calls that are under way end.
func (s *Server) Unpin() { s.exchange(nil, false) }

// Alone serves nobody, because this server is in no pair. A peer that it had is told so
// with [CodeNoPair]: it knows then that this server is there, and not to be stood in for.
func (s *Server) Alone() { s.exchange(nil, true) }

func (s *Server) exchange(p *pinned, alone bool) {
	s.mu.Lock()
	old := s.pinned
	s.pinned, s.alone = p, alone
	s.mu.Unlock()
	if old != nil {
		old.end()
	}
}

// Join serves what is below /join/ to whoever asks; nil closes it. Requests are bounded
// in size and time; everything else is h's: see FingerprintOf.
func (s *Server) Join(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.join = h
}

func (s *Server) peer() *pinned {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pinned
}

func (s *Server) isAlone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alone
}

func (s *Server) joining() http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.join
}

// Serve serves until ctx ends, on l or, without one, where it is configured to listen.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if l == nil {
		var err error
		if l, err = listen(ctx, s.cfg.Listen); err != nil {
			return fmt.Errorf("listen for the peer: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h := s.http(ctx)
	d := &door{Listener: l, known: s.isPeer}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), parting)
		defer cancel()
		if h.Shutdown(end) != nil {
			_ = h.Close() // who is still there was told by its context
		}
	}()
	err := h.Serve(d.secure(serverTLS(s.cfg.Self)))
	cancel()
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the peer: %w", err)
}

func (s *Server) isPeer(state tls.ConnectionState) bool {
	p := s.peer()
	return p != nil && same(fingerprintIn(&state), p.fingerprint)
}

func (s *Server) http(ctx context.Context) *http.Server {
	var one http.Protocols
	one.SetHTTP1(true)
	return &http.Server{
		Handler:           s.routes,
		Protocols:         &one,
		ReadHeaderTimeout: s.cfg.Header, // of the TLS handshake, too
		IdleTimeout:       idleKept,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          log.New(broken{s.complain}, "", 0),
	}
}

// broken takes what the HTTP server says about connections that did not come to a request.
type broken struct{ complain *complaints }

func (b broken) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	switch {
	case strings.Contains(text, "remote error: tls: bad certificate"):
		b.complain.about(CodeUnknownCertificate+" (ours)", &core.Failure{
			Code: CodeUnknownCertificate, Detail: "the peer does not accept this server's certificate", Remedy: rejoin, Permanent: true,
		}, "said", text)
	case strings.Contains(text, "TLS handshake error"):
		b.complain.about("handshake", errors.New("a connection did not come to a request"), "said", text)
	default:
		b.complain.about("http", errors.New(text))
	}
	return len(line), nil
}
