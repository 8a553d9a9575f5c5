package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Loopback reports whether host is this machine: nobody reads on the way to it.
func Loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// IsAddress reports whether s is host:port, the port a number.
func IsAddress(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, bad := strconv.ParseUint(port, 10, 16)
	return err == nil && bad == nil && n != 0 && host != "" && !strings.ContainsAny(host, "/@ ")
}

// Roots reads certificates in PEM that are to be trusted instead of the system's; nil for
// an empty text, which means the system's. It is not ok where there is none in the text.
func Roots(pem string) (pool *x509.CertPool, ok bool) {
	if pem == "" {
		return nil, true
	}
	pool = x509.NewCertPool()
	return pool, pool.AppendCertsFromPEM([]byte(pem))
}

// Client is the call's own, [sdk.HTTP], and its transport. It trusts what [Roots] makes of
// ca, and follows no redirects: documents and passwords are meant for the address that the
// operator wrote. It is asked for once in a call, before any request.
func Client(ctx context.Context, ca string) (*http.Client, *http.Transport, error) {
	client := sdk.HTTP(ctx)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		return nil, nil, fmt.Errorf("the client's transport is a %T", client.Transport)
	}
	if roots, _ := Roots(ca); roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return client, transport, nil
}

// Patient is a connection that does not wait for ever: a read or a write whose other end
// leaves it waiting for longer than Stall fails.
type Patient struct {
	net.Conn
	Stall time.Duration
}

// Read is part of net.Conn.
func (p *Patient) Read(b []byte) (int, error) {
	if err := p.SetReadDeadline(time.Now().Add(p.Stall)); err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

// Write is part of net.Conn.
func (p *Patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(p.Stall)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

// Pause waits, unless the call ends first: then the error is why.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
