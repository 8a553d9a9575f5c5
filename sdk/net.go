package sdk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// Dial opens a connection to host:port by TCP. Under a host it goes through the
// server's proxy, which lets through what the manifest asks for (public hosts only)
// and what the operator's own settings grant; anything else is an error that says so.
func Dial(ctx context.Context, address string) (net.Conn, error) {
	proxy := os.Getenv(pluginv2.EgressKey)
	if proxy == "" {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
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

// connect asks the proxy behind conn for a tunnel to address.
func connect(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
		return nil, fmt.Errorf("ask for %s: %w", address, err)
	}
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", address, err)
	}
	if answer.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 1000)) // the status alone will do
		err := fmt.Errorf("connection to %s: %s", address, why)
		if answer.StatusCode == http.StatusForbidden {
			return nil, Refuse("not-granted", "see its permissions with \"twinleaf plugin list\"", "%s", err)
		}
		return nil, Temporary(err)
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	return &tunnel{conn, r}, nil
}

// tunnel is a connection of which some bytes may have been read ahead.
type tunnel struct {
	net.Conn
	r *bufio.Reader
}

func (t *tunnel) Read(p []byte) (int, error) { return t.r.Read(p) }

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
