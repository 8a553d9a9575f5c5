package console

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds of the server that nobody needs to turn.
const (
	headerTimeout = 10 * time.Second // for a whole request head
	idleTimeout   = 2 * time.Minute  // between requests of a connection
	answerTimeout = time.Minute      // for an answer, unless the handler gives it more
	maxHeader     = 32 << 10
	closeTimeout  = 5 * time.Second // for open requests when the server ends
)

// Listen takes the configured address.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w\nhint: is another server running? choose another address with --listen", s.config.Listen, plainNet(err))
	}
	l = netutil.LimitListener(l, s.config.MaxConns)
	if s.config.TLSCert == "" {
		return l, nil
	}
	cert, err := tls.LoadX509KeyPair(s.config.TLSCert, s.config.TLSKey)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load the certificate %s: %w", s.config.TLSCert, err), l.Close())
	}
	return tls.NewListener(l, &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}), nil
}

// Serve answers on l until ctx ends, then lets open requests finish for a short
// while. It returns nil when ctx ended it.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	hs := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	ended := make(chan error, 1)
	go func() { ended <- hs.Serve(l) }()
	s.log.Info("web service listens", "address", l.Addr().String(), "tls", s.config.TLSCert != "")

	select {
	case err := <-ended:
		return fmt.Errorf("web service: %w", err)
	case <-ctx.Done():
	}
	stop() // event streams end now; clients take them up again elsewhere
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := hs.Shutdown(grace); err != nil {
		s.log.Warn("web service left requests open", "error", err, "close", hs.Close())
	}
	<-ended
	return nil
}

// Run listens and serves.
func (s *Server) Run(ctx context.Context) error {
	l, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	return s.Serve(ctx, l)
}

// plainNet leaves out the words of a net.OpError that say nothing to people.
func plainNet(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}
