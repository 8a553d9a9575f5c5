package main

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestGS31TheWebServiceIsAskedForItself: on plain HTTP and TLS, on one address and on all.
func TestGS31TheWebServiceIsAskedForItself(t *testing.T) {
	var down atomic.Bool
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	for _, c := range []struct {
		listen string
		tls    bool
	}{{"127.0.0.1:0", false}, {"127.0.0.1:0", true}, {":0", false}, {"0.0.0.0:0", true}} {
		down.Store(false)
		l, err := net.Listen("tcp", c.listen)
		if err != nil {
			t.Fatal(err)
		}
		hs := httptest.NewUnstartedServer(h)
		_ = hs.Listener.Close() // another takes its place
		hs.Listener = l
		if c.tls {
			hs.StartTLS()
		} else {
			hs.Start()
		}
		client, address := probeClient(l.Addr(), c.tls)
		if err := askHealth(t.Context(), client, address); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		down.Store(true)
		if err := askHealth(t.Context(), client, address); err == nil || webCause(err) != "it answered 503 Service Unavailable" {
			t.Errorf("%+v: got %v", c, err)
		}
		hs.Close()
		if err := askHealth(t.Context(), client, address); err == nil || strings.Contains(webCause(err), "/healthz") {
			t.Errorf("%+v: nobody listens: %v", c, err)
		}
	}
}

// TestGS28AWebServiceThatDoesNotAnswerIsDown: after two requests in a row, told once, and
// up again with the first answer.
func TestGS28AWebServiceThatDoesNotAnswerIsDown(t *testing.T) {
	var log lines
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	p := newWebProbe(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return at })
	p.note(errors.New("once"))
	if p.item().State != "up" {
		t.Error("one failed request is a hiccup")
	}
	p.note(nil)
	at = at.Add(time.Minute)
	for range 20 {
		p.note(errors.New("connection refused\nby somebody"))
	}
	got := p.item()
	if got.State != "down" || got.Cause != "its own request to the web service failed: connection refused" || !got.Since.Equal(at) {
		t.Errorf("got %+v", got)
	}
	if n := log.count(`level=ERROR msg="web service does not answer" code=web-down cause=`); n != 1 {
		t.Errorf("told %d times", n)
	}
	at = at.Add(time.Minute)
	p.note(nil)
	if got := p.item(); got.State != "up" || got.Cause != "" || !got.Since.Equal(at) || log.count("answers again\" down=1m0s") != 1 {
		t.Errorf("got %+v", got)
	}
}

// TestAListenerThatAcceptsAndSaysNothingIsNoticed: the request is bounded.
func TestAListenerThatAcceptsAndSaysNothingIsNoticed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, address := probeClient(l.Addr(), false)
	start := time.Now()
	if err := askHealth(t.Context(), client, address); err == nil || webCause(err) != "no answer within 1s" || time.Since(start) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}
