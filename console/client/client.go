// Package client talks to Twinleaf servers. A [Client] knows the addresses of both
// servers of a pair. It asks the first one, and when that one does not do what was
// asked goes over to the next by itself, for one of four causes that are told apart:
// the network, the web service, the data service, and maintenance. It then stays
// where it is until that server fails too or sends it back. A new Client begins with
// the first server again.
//
// What is asked twice is done once: a submission carries an Idempotency-Key, so the
// second try finds the job of the first. A change that is not safe to repeat is never
// sent to a second server when the first may have made it: that is [ErrUnsure].
//
// An answer that is no success comes back as *[api.Problem]; if no server can be
// reached, that is [ErrUnreachable]. Tokens and scans go to the servers of the [Config]
// and nowhere else, whatever an answer says.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds that nobody needs to turn.
const (
	maxAnswer  = 64 << 20 // bytes of an answer that is read whole
	maxProblem = 1 << 20  // bytes of a problem
	maxServers = 8
)

// Config names the servers. The zero value asks the one on this machine.
type Config struct {
	Servers []string // addresses such as http://host:8080, the preferred one first; default http://127.0.0.1:8080
	Token   string   // sent as "Authorization: Bearer"
	Moved   func(Move)

	Connect  time.Duration // for one connection; default 2 s with several servers, 5 s with one
	Patience time.Duration // after so long without a move a server is asked whether it is there; default 2 s with several, 30 s with one
	Answer   time.Duration // a server that is there and does not move a request for so long is given up; default 20 s with several, 2 min with one
	Poll     time.Duration // between looks at a job while events cannot be had; default 1 s
	Retries  int           // how often an event stream or a look may fail in a row; default 10
}

func (c Config) withDefaults() Config {
	if len(c.Servers) == 0 {
		c.Servers = []string{"http://127.0.0.1:8080"}
	}
	several := len(c.Servers) > 1
	either := func(field *time.Duration, with, without time.Duration) {
		switch {
		case *field != 0:
		case several:
			*field = with
		default:
			*field = without
		}
	}
	either(&c.Connect, 2*time.Second, 5*time.Second)
	either(&c.Patience, 2*time.Second, 30*time.Second)
	either(&c.Answer, 20*time.Second, 2*time.Minute)
	either(&c.Poll, time.Second, time.Second)
	if c.Retries == 0 {
		c.Retries = 10
	}
	if c.Moved == nil {
		c.Moved = func(Move) {}
	}
	return c
}

// Client is safe for use by several goroutines.
type Client struct {
	servers []*server
	config  Config
	session string // id of this client, so that a server knows who is with it
	http    *http.Client
	probe   *http.Client  // asks whether a server is there, over connections of its own
	token   atomic.Value  // string: Config.Token, or what a server gave instead because the session was used
	current atomic.Uint32 // index of the server that is asked first
}

// server is one that the Config names.
type server struct {
	url     *url.URL
	name    string                // as people call it
	down    atomic.Bool           // it failed when it was last asked
	suspect atomic.Pointer[fault] // it broke off an answer; whoever asks next goes elsewhere first
}

// New checks the addresses. It talks to nobody yet.
func New(c Config) (*Client, error) {
	c = c.withDefaults()
	servers, err := parseAll(c.Servers)
	if err != nil {
		return nil, err
	}
	cl := &Client{config: c, servers: servers, session: rand.Text()}
	cl.token.Store(c.Token)
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: c.Connect}).DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: c.Connect, ExpectContinueTimeout: time.Second, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 4,
	}
	alone := transport.Clone()
	alone.DisableKeepAlives = true
	cl.http = &http.Client{Transport: transport, CheckRedirect: stayHere}
	cl.probe = &http.Client{Transport: alone, CheckRedirect: stayHere, Timeout: c.Connect}
	return cl, nil
}

// stayHere follows no redirects: the token is for the servers of the Config.
func stayHere(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// parseAll reads the addresses. A list in which some speak TLS and some do not is
// refused: whoever can break the line to one could have the token sent in clear.
func parseAll(addresses []string) ([]*server, error) {
	var servers []*server
	safe, clear := "", ""
	for _, a := range addresses {
		u, err := parse(a)
		if err != nil {
			return nil, err
		}
		if indexOf(servers, u) >= 0 {
			continue
		}
		switch {
		case u.Scheme == "https":
			safe = a
		case !loopback(u.Hostname()):
			clear = a
		}
		servers = append(servers, &server{url: u})
	}
	if len(servers) > maxServers {
		return nil, fmt.Errorf("%d servers are named; a pair has two, and more than %d are not asked", len(servers), maxServers)
	}
	if safe != "" && clear != "" {
		return nil, fmt.Errorf("%s speaks TLS and %s does not; after a failover everything would travel in clear: write both as https://", safe, clear)
	}
	callByName(servers)
	return servers, nil
}

func parse(s string) (*url.URL, error) {
	text := strings.TrimSpace(s)
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || u.Host == "" || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is no server's address; write it as http://host:8080", s)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s://%s: an address is scheme, host and port only, without name, password, ? and #", u.Scheme, u.Host)
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// callByName gives each server the shortest name that tells it from the others.
func callByName(servers []*server) {
	hosts := map[string]int{}
	for _, s := range servers {
		hosts[s.url.Hostname()]++
	}
	for _, s := range servers {
		if s.name = s.url.Hostname(); hosts[s.name] > 1 {
			s.name = s.url.Host + s.url.Path
		}
	}
}

// indexOf finds the server of an address; -1: there is none.
func indexOf(servers []*server, u *url.URL) int {
	for i, s := range servers {
		if s.url.Scheme == u.Scheme && s.url.Hostname() == strings.ToLower(u.Hostname()) && port(s.url) == port(u) &&
			strings.TrimRight(s.url.Path, "/") == strings.TrimRight(u.Path, "/") {
			return i
		}
	}
	return -1
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// request is one call, which can be made again, to another server too.
type request struct {
	method string
	path   string
	query  url.Values
	header http.Header
	body   func() (io.ReadCloser, int64, error) // nil: none; called for each try. Size -1: unknown

	repeatable bool                              // done twice is done once
	alone      bool                              // it is about the first server and no other
	stream     bool                              // a success is read bit by bit by the caller
	large      bool                              // it takes the server longer than others
	job        bool                              // it is about a job, which the other server may know sooner
	each       func(s *server, head http.Header) // what only one server is to be told; may be nil
}

// call makes a request and decodes its JSON answer into out, unless out is nil.
func (c *Client) call(ctx context.Context, rq request, out any) error {
	r, err := c.find(ctx, rq)
	if err != nil {
		return err
	}
	defer r.Body.Close() // read only
	if err := r.problem(); err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(r.Body).Decode(out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", r.server.name, err)
	}
	return nil
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
