package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// Headers of every request, and of the answer with a manifest.
const (
	headerRun      = "Twinleaf-Run"      // start of the sender that the call is of
	headerProtocol = "Twinleaf-Protocol" // see Protocol
	headerClock    = "Twinleaf-Clock"    // RFC 3339: when the answer was sent
	headerTook     = "Twinleaf-Took"     // nanoseconds from question to answer
)

const (
	maxAnswer  = 1 << 20 // bytes of an answer that is no stream
	perKind    = 8       // connections of messages, of calls and of streams
	keepAlive  = time.Minute
	tcpBuffers = 64 << 10
	dialling   = 4 // connections for pages that are opened at once: the peer takes few guests
)

// ClientConfig says who the peer is. Zero durations are the defaults.
type ClientConfig struct {
	Self      tls.Certificate
	Pin       string   // fingerprint of the peer
	Addresses []string // host:port of its listener; one that does not answer costs the time until the next is tried
	Run       uint64   // this start of the server, as in pair.Config
	Log       *slog.Logger

	Dial    time.Duration // until a connection stands: 1 s, for all addresses together
	Message time.Duration // of a message: 1 s
	Call    time.Duration // of any other call that is no transfer: 10 s
	Deep    time.Duration // of a deep manifest, for which engines read a page: 60 s
	Idle    time.Duration // during which a transfer may stand still: 30 s

	connect connect // that of the system
}

func (c ClientConfig) withDefaults() ClientConfig {
	for d, standard := range map[*time.Duration]time.Duration{
		&c.Dial: time.Second, &c.Message: time.Second, &c.Call: 10 * time.Second, &c.Deep: time.Minute, &c.Idle: 30 * time.Second,
	} {
		if *d == 0 {
			*d = standard
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.connect == nil {
		c.connect = new(net.Dialer).DialContext
	}
	return c
}

// Client asks the peer. Its methods may be called from any goroutine; their errors are
// described at ErrUnreachable.
type Client struct {
	cfg      ClientConfig
	messages *http.Client
	calls    *http.Client
	streams  *http.Client
	pages    *http.Client
}

// NewClient makes a client. It opens no connection before it is asked something.
func NewClient(cfg ClientConfig) *Client {
	cfg = cfg.withDefaults()
	complain := newComplaints(cfg.Log)
	d := &dialer{addresses: cfg.Addresses, tls: ClientTLS(cfg.Self, cfg.Pin), limit: cfg.Dial, connect: cfg.connect, refused: func(err error) {
		if f := (*core.Failure)(nil); errors.As(err, &f) {
			complain.about(f.Code, f)
		}
	}}
	return &Client{cfg: cfg, messages: pool(d, perKind), calls: pool(d, perKind), streams: pool(d, perKind), pages: pool(inTurn{d, make(chan struct{}, dialling)}, MaxPages+1)}
}

// pool is a client with connections of its own, at most so many.
func pool(d dials, most int) *http.Client {
	var one http.Protocols
	one.SetHTTP1(true)
	t := &http.Transport{
		DialTLSContext:  func(ctx context.Context, _, _ string) (net.Conn, error) { return d.dial(ctx) },
		Protocols:       &one,
		MaxConnsPerHost: most, MaxIdleConnsPerHost: most, IdleConnTimeout: keepAlive,
		DisableCompression: true,
		WriteBufferSize:    tcpBuffers, ReadBufferSize: tcpBuffers,
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Close ends the connections that nobody uses.
func (c *Client) Close() {
	for _, h := range []*http.Client{c.messages, c.calls, c.streams, c.pages} {
		h.CloseIdleConnections()
	}
}

// Send gives the peer's machine a message. It has it when there is no error.
func (c *Client) Send(ctx context.Context, m pair.Message) error {
	raw, err := encodeMessage(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Message)
	defer cancel()
	return c.small(ctx, c.messages, http.MethodPost, "message", nil, raw, nil)
}

// call asks something with a small answer, which is JSON for answer unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Call)
	defer cancel()
	return c.small(ctx, c.calls, method, path, query, body, answer)
}

func (c *Client) small(ctx context.Context, by *http.Client, method, path string, query url.Values, body []byte, answer any) error {
	resp, err := c.ask(ctx, by, method, path, query, bytes.NewReader(body), int64(len(body)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := readUpTo(resp.Body, maxAnswer)
	if err != nil {
		return unreachable(ctx, err)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("the peer's answer about %s: %w", path, err)
	}
	return nil
}

// ask sends a request and gives the answer if it is none of an error.
func (c *Client) ask(ctx context.Context, by *http.Client, method, path string, query url.Values, body io.Reader, size int64) (*http.Response, error) {
	u := url.URL{Scheme: "https", Host: "peer", Path: "/pair/" + path, RawQuery: query.Encode()}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("ask the peer about %s: %w", path, err)
	}
	r.ContentLength = size
	r.Header.Set(headerProtocol, strconv.Itoa(Protocol))
	r.Header.Set(headerRun, strconv.FormatUint(c.cfg.Run, 10))
	r.Header["Idempotency-Key"] = nil // not sent: it allows another try when a kept connection turns out to be gone
	resp, err := by.Do(r)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, refusal(ctx, resp)
}

// unreachable is the error of a call without an answer. A *core.Failure in it, of a
// certificate, stays one.
func unreachable(ctx context.Context, err error) error {
	if u := (*url.Error)(nil); errors.As(err, &u) {
		err = u.Err
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, err)
}

// refusal is the error that an answer tells.
func refusal(ctx context.Context, resp *http.Response) error {
	raw, err := readUpTo(resp.Body, maxError)
	switch {
	case err != nil:
		return unreachable(ctx, err)
	case resp.Header.Get("Content-Type") != errorType:
		return fmt.Errorf("%w: what answers at its address is no Twinleaf server (%s)", ErrUnreachable, resp.Status)
	}
	return decodeError(raw)
}

// readUpTo reads all, which is at most n bytes.
func readUpTo(r io.Reader, n int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, n+1))
	if err == nil && int64(len(raw)) > n {
		err = fmt.Errorf("more than %d bytes came", n)
	}
	return raw, err
}
