package egress

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// rig is a proxy with an internet of its own: names and where their addresses lead.
type rig struct {
	*Proxy
	path    string
	names   map[string][]netip.Addr
	roads   map[string]string // address to the one that is really dialled
	dialled atomic.Int64
	refused atomic.Int64
}

// newRig gives a proxy that [sdk.Dial] uses, and sees at the end that nothing of it is left.
func newRig(t *testing.T, c Config) *rig {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "egress")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &rig{path: filepath.Join(dir, "s"), names: map[string][]netip.Addr{}, roads: map[string]string{}}
	c.Plugin, c.Refused = "tested", func() { r.refused.Add(1) }
	c.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	c.Own = func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("93.184.1.1")} }
	if c.Lookup == nil {
		c.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
			if all := r.names[host]; len(all) > 0 {
				return all, nil
			}
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
	}
	if c.Dial == nil {
		c.Dial = r.dial
	}
	if r.Proxy, err = Listen(r.path, c); err != nil {
		t.Fatal(err)
	}
	t.Setenv(pluginv2.EgressKey, r.path)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if _, err := os.Lstat(r.path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is left: %v", err)
		}
	})
	return r
}

func (r *rig) dial(ctx context.Context, network, address string) (net.Conn, error) {
	r.dialled.Add(1)
	if to := r.roads[address]; to != "" {
		address = to
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// echo is a server that says back what it hears, and then "bye" when no more comes.
func echo(t *testing.T) Address {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		_, _ = io.Copy(conn, conn)
		_, _ = conn.Write([]byte("bye"))
	})
}

// listen serves each connection on a loopback port, and closes it then.
func listen(t *testing.T, serve func(net.Conn)) Address {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return must(t, l.Addr().String())
}

func must(t *testing.T, s string) Address {
	t.Helper()
	a, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func ip(s string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(s)} }

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
