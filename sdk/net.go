package sdk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// Dial opens a connection to host:port by TCP. Under a host it goes through the
// server's proxy, which lets through what the manifest asks for (public hosts only)
// and what the operator's own settings grant; anything else is an error that says so.
// The connection ends with the call at the latest.
func Dial(ctx context.Context, address string) (net.Conn, error) {
	proxy := os.Getenv(pluginv2.EgressKey)
	if proxy == "" {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	address, err := withPort(ctx, address)
	if err != nil {
		return nil, err
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", proxy)
	if err != nil {
		return nil, fmt.Errorf("reach the server's proxy: %w", err)
	}
	through, err := connect(ctx, conn, address)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return through, nil
}

// withPort puts the number for a port's name.
func withPort(ctx context.Context, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("connect to %.200q: %w", address, err)
	}
	n, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return "", fmt.Errorf("connect to %.200q: %w", address, err)
	}
	return net.JoinHostPort(host, strconv.Itoa(n)), nil
}

// connect asks the proxy behind conn for a tunnel to address.
func connect(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	through, err := ask(conn, address)
	if !stop() { // the deadline's error is not the cause
		return nil, fmt.Errorf("ask for %s: %w", address, context.Cause(ctx))
	}
	return through, err
}

// maxAnswer bounds what the proxy says before the tunnel begins, in bytes.
const maxAnswer = 16 << 10

func ask(conn net.Conn, address string) (net.Conn, error) {
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
		return nil, fmt.Errorf("ask for %s: %w", address, err)
	}
	limited := &io.LimitedReader{R: conn, N: maxAnswer}
	r := bufio.NewReader(limited)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", address, err)
	}
	if answer.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 1000)) // the status alone will do
		err := fmt.Errorf("connection to %s: %s", address, why)
		if answer.StatusCode == http.StatusForbidden || answer.StatusCode == http.StatusBadRequest {
			return nil, Refuse("not-granted", "see its permissions with \"twinleaf plugin list\"", "%s", err)
		}
		return nil, Temporary(err)
	}
	limited.N = math.MaxInt64
	return &tunnel{conn, r, address}, nil
}

// tunnel is a connection through the proxy, of which some bytes may have been read
// ahead.
type tunnel struct {
	net.Conn
	r  *bufio.Reader
	to string
}

func (t *tunnel) Read(p []byte) (int, error) { return t.r.Read(p) }

// CloseWrite tells the other end that no more comes; reading goes on.
func (t *tunnel) CloseWrite() error {
	half, ok := t.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// RemoteAddr is the host at the other end, not the proxy: who checks a host's key
// wants that.
func (t *tunnel) RemoteAddr() net.Addr { return farEnd(t.to) }

// farEnd is host:port as it was dialled.
type farEnd string

// Network is tcp.
func (farEnd) Network() string { return "tcp" }

func (a farEnd) String() string { return string(a) }

// HTTP is the call's client, whose connections are made by [Dial] and end with the
// call: ctx is the handler's. A redirect to a host that is not allowed fails like any
// other request to it. A request ends with its own context, too.
func HTTP(ctx context.Context) *http.Client {
	c := callOf(ctx, "HTTP")
	return &http.Client{Transport: c.transport()}
}

func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:           func(ctx context.Context, _, address string) (net.Conn, error) { return Dial(ctx, address) },
		TLSHandshakeTimeout:   20 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		ForceAttemptHTTP2:     true,
	}
}
