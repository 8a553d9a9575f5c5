package console

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

func TestOpenListenersWantTLSAndToken(t *testing.T) {
	const token = "0123456789abcdef"
	cases := []struct {
		c  Config
		ok bool
	}{
		{Config{}, true},
		{Config{Listen: "localhost:1"}, true},
		{Config{Listen: "[::1]:1"}, true},
		{Config{Listen: ":8080"}, false},
		{Config{Listen: "0.0.0.0:8080"}, false},
		{Config{Listen: "scan.example:8080"}, false},
		{Config{Listen: "0.0.0.0:8080", Token: token}, false},
		{Config{Listen: "0.0.0.0:8080", TLSCert: "c", TLSKey: "k"}, false},
		{Config{Listen: "0.0.0.0:8080", TLSCert: "c", TLSKey: "k", Token: token}, true},
		{Config{Listen: "0.0.0.0:8080", Insecure: true}, true},
		{Config{Listen: "nonsense"}, false},
		{Config{TLSCert: "c"}, false},
		{Config{Token: "short"}, false},
	}
	for _, c := range cases {
		if err := c.c.Check(); (err == nil) != c.ok {
			t.Errorf("%+v: got %v, want ok %v", c.c, err, c.ok)
		}
	}
}

func TestWhoMayAsk(t *testing.T) {
	const token = "0123456789abcdef"
	open := serve(t, newBackend(), Config{})
	locked := serve(t, newBackend(), Config{Token: token})
	cases := []struct {
		name, method, url string
		head              []string
		want              int
	}{
		{"loopback", "GET", open + "/v1/jobs", nil, 200},
		{"loopback in capitals", "GET", open + "/v1/jobs", []string{"Host", "LocalHost:80"}, 200},
		{"name that was made to point here", "GET", open + "/v1/jobs", []string{"Host", "evil.example"}, 421},
		{"page of another site", "POST", open + "/v1/jobs", []string{"Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		{"no token", "GET", locked + "/v1/jobs", nil, 401},
		{"wrong token", "GET", locked + "/v1/jobs", []string{"Authorization", "Bearer nope"}, 401},
		{"token without scheme", "GET", locked + "/v1/jobs", []string{"Authorization", token}, 401},
		{"right token", "GET", locked + "/v1/jobs", []string{"Authorization", "Bearer " + token}, 200},
		{"metrics without token", "GET", locked + "/metrics", nil, 401},
		{"balancer", "GET", locked + "/readyz", nil, 200},
		{"person", "GET", locked + "/", nil, 200},
	}
	for _, c := range cases {
		if code, _, body := ask(t, c.method, c.url, "", c.head...); code != c.want {
			t.Errorf("%s: got %d %s, want %d", c.name, code, body, c.want)
		}
	}
}

func TestPanicBecomesAProblem(t *testing.T) {
	var log bytes.Buffer
	p := newBackend().parts()
	p.Log = slog.New(slog.NewTextHandler(&log, nil))
	p.Plugins = func(context.Context) ([]api.Plugin, error) { panic("lost") }
	s, err := New(Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	code, body := answer(s, "GET", "/v1/plugins", "")
	if code != 500 || !strings.Contains(body, `"code":"internal"`) || strings.Contains(body, "lost") {
		t.Errorf("got %d %s, want a plain 500", code, body)
	}
	if !strings.Contains(log.String(), "lost") {
		t.Errorf("the log does not say what happened: %s", log.String())
	}
}

func TestServerEndsWithItsContext(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0"}, newBackend().parts())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	l, err := s.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !strings.Contains(string(page), "/openapi.json") {
		t.Errorf("the front page does not link the interface: %s", page)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("got %v, want nil after cancel", err)
	}
}

func TestTakenAddressIsExplained(t *testing.T) {
	other := httptest.NewServer(nil)
	defer other.Close()
	s, err := New(Config{Listen: strings.TrimPrefix(other.URL, "http://")}, newBackend().parts())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("got %v, want an error with a hint", err)
	}
}
