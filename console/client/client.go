// Package client talks to Twinleaf servers. A [Client] knows the addresses of all
// servers of a pair and tries them in order: when one cannot be reached, the next
// one is asked. It is used by the command line and may be used by any program.
//
// An answer that is no success comes back as *[api.Problem]; a server that cannot
// be reached as [ErrUnreachable].
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// ErrUnreachable says that no server answered. The error that wraps it names each
// address and why.
var ErrUnreachable = errors.New("no server could be reached")

// maxAnswer bounds the answers that are read whole.
const maxAnswer = 64 << 20

// Config names the servers. The zero value asks the one on this machine.
type Config struct {
	Servers []string      // addresses such as http://host:8080, in the order in which they are tried; default http://127.0.0.1:8080
	Token   string        // sent as "Authorization: Bearer"
	Connect time.Duration // for one connection; default 5 s
	Poll    time.Duration // between looks at a job while events cannot be had; default 1 s
	Retries int           // how often an event stream or a look may fail in a row; default 10
}

// Client is safe for use by several goroutines.
type Client struct {
	servers []*url.URL
	config  Config
	http    *http.Client
	token   atomic.Value // string: Config.Token, or what a server gave instead because the session was used
}

// New checks the addresses. It talks to nobody yet.
func New(c Config) (*Client, error) {
	if len(c.Servers) == 0 {
		c.Servers = []string{"http://127.0.0.1:8080"}
	}
	if c.Connect == 0 {
		c.Connect = 5 * time.Second
	}
	if c.Poll == 0 {
		c.Poll = time.Second
	}
	if c.Retries == 0 {
		c.Retries = 10
	}
	cl := &Client{config: c}
	cl.token.Store(c.Token)
	for _, s := range c.Servers {
		u, err := parse(s)
		if err != nil {
			return nil, err
		}
		cl.servers = append(cl.servers, u)
	}
	dialer := &net.Dialer{Timeout: c.Connect}
	cl.http = &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: c.Connect, ResponseHeaderTimeout: 2 * time.Minute,
		ExpectContinueTimeout: time.Second, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 4,
	}}
	return cl, nil
}

func parse(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is no server's address; write it as http://host:8080", s)
	}
	return u, nil
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is one call, which can be made again to another server.
type request struct {
	method string
	path   string
	query  url.Values
	header http.Header
	body   func() (io.ReadCloser, int64, error) // nil: none; called for each try. Size -1: unknown
}

// do asks the servers in order until one answers. The answer's body is the caller's.
func (c *Client) do(ctx context.Context, rq request) (*http.Response, error) {
	var tried []string
	for _, server := range c.servers {
		resp, err := c.try(ctx, server, rq)
		if err == nil {
			return resp, nil
		}
		var local *localError
		if ctx.Err() != nil || errors.As(err, &local) {
			return nil, err
		}
		tried = append(tried, fmt.Sprintf("%s: %s", server, plain(err)))
	}
	return nil, fmt.Errorf("%w (%s)", ErrUnreachable, strings.Join(tried, "; "))
}

// localError is the caller's own file's, not a server's.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

func (c *Client) try(ctx context.Context, server *url.URL, rq request) (*http.Response, error) {
	u := server.JoinPath(rq.path)
	u.RawQuery = rq.query.Encode()
	hr, err := http.NewRequestWithContext(ctx, rq.method, u.String(), nil)
	if err != nil {
		return nil, &localError{err}
	}
	for k, v := range rq.header {
		hr.Header[k] = v
	}
	if token := c.token.Load().(string); token != "" {
		hr.Header.Set("Authorization", "Bearer "+token)
	}
	if rq.body != nil {
		body, size, err := rq.body()
		if err != nil {
			return nil, &localError{err}
		}
		hr.Body, hr.ContentLength = body, size
	}
	resp, err := c.http.Do(hr)
	if err == nil && resp.Header.Get(api.RenewedHeader) != "" {
		c.token.Store(resp.Header.Get(api.RenewedHeader))
	}
	return resp, err
}

// plain is the cause of a failed request, without method and address.
func plain(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return op.Err
	}
	return err
}

// call makes a request and decodes its JSON answer into out, unless out is nil.
func (c *Client) call(ctx context.Context, rq request, out any) error {
	resp, err := c.do(ctx, rq)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // read only
	if err := check(resp); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", resp.Request.URL.Host, err)
	}
	return nil
}

// check turns an answer that is no success into a problem.
func check(resp *http.Response) error {
	if resp.StatusCode < 300 {
		return nil
	}
	p := &api.Problem{}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && media == api.ProblemMedia && json.Unmarshal(data, p) == nil && p.Code != "" {
		p.Status = resp.StatusCode
		return p
	}
	return api.NewProblem(resp.StatusCode, core.CodeInternal, "is this the address of a Twinleaf server?",
		"%s answered %s", resp.Request.URL.Host, resp.Status)
}

func jsonBody(v any) (func() (io.ReadCloser, int64, error), error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return func() (io.ReadCloser, int64, error) {
		return io.NopCloser(bytes.NewReader(data)), int64(len(data)), nil
	}, nil
}
