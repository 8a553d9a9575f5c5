package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Times of the server's own request to its public web service.
const (
	webEvery = 500 * time.Millisecond
	webLimit = time.Second // for one request
	webTries = 2           // requests in a row that fail before the web service counts as down
)

// webProbe knows whether the public web service answers (GS28, GS31): it makes the request
// that a balancer would make, on a connection of its own.
type webProbe struct {
	log *slog.Logger
	now func() time.Time

	mu     sync.Mutex // guards what follows
	state  core.Item
	failed int // requests in a row
}

func newWebProbe(log *slog.Logger, now func() time.Time) *webProbe {
	return &webProbe{log: log, now: now, state: core.Item{State: "up", Since: now()}}
}

// item is the health of the web service.
func (p *webProbe) item() core.Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// run asks the web service that listens on at, again and again until ctx ends.
func (p *webProbe) run(ctx context.Context, at net.Addr, overTLS bool) {
	client, address := probeClient(at, overTLS)
	tick := time.NewTicker(webEvery)
	defer tick.Stop()
	for {
		err := askHealth(ctx, client, address)
		if ctx.Err() != nil {
			return
		}
		p.note(err)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// probeClient reaches a listener from its own machine. It says nothing worth hiding and
// believes nothing of the answer but that there is one, so any certificate will do.
func probeClient(at net.Addr, overTLS bool) (client *http.Client, address string) {
	scheme := "http"
	if overTLS {
		scheme = "https"
	}
	hosts, port := probeHosts(at)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var errs []error
		for _, host := range hosts {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
			if err == nil {
				return c, nil
			}
			errs = append(errs, err)
		}
		return nil, errors.Join(errs...)
	}
	return &http.Client{
		Timeout: webLimit,
		Transport: &http.Transport{
			DialContext: dial, DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // this machine asks itself; see above
		},
	}, scheme + "://" + net.JoinHostPort(hosts[0], port) + "/healthz"
}

// probeHosts are the addresses under which this machine reaches a listener of its own: its
// address, or where it listens on all of them the loopback's.
func probeHosts(at net.Addr) (hosts []string, port string) {
	host, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return []string{at.String()}, ""
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		return []string{"127.0.0.1", "::1"}, port
	}
	return []string{host}, port
}

func askHealth(ctx context.Context, client *http.Client, address string) error {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(rq)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answered %s", resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}

// note takes the end of one request, and tells when the state changes.
func (p *webProbe) note(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		if p.failed = 0; p.state.State != "up" {
			p.log.Info("web service answers again", "down", p.now().Sub(p.state.Since).Round(time.Millisecond))
			p.state = core.Item{State: "up", Since: p.now()}
		}
		return
	}
	if p.failed++; p.failed < webTries || p.state.State == "down" {
		return
	}
	cause := "its own request to the web service failed: " + webCause(err)
	p.state = core.Item{State: "down", Cause: cause, Since: p.now()}
	p.log.Error("web service does not answer", "code", "web-down", "cause", cause,
		"remedy", "see what holds its port and how many connections are open; restart the server if it does not recover")
}

// webCause is an error without the request's address.
func webCause(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return fmt.Sprintf("no answer within %v", webLimit)
		}
		err = e.Err
	}
	return firstLine(err)
}
