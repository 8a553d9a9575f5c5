// Package egress is a plug-in's only way to the network: a proxy on a unix socket, one
// for each process, that opens a tunnel to a host and port for who asks with CONNECT.
// The plug-in host says for each call what is allowed and takes it back afterwards.
//
// What the author of a plug-in asked for must be public: the name is resolved here, every
// address is looked at, and one of those that were looked at is connected to. What the
// operator wrote into settings is allowed as it is. Everything else is answered with 403
// and a sentence that says what was asked and what is allowed.
package egress

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Config bounds a proxy. Its zero value works.
type Config struct {
	Plugin        string        // name for the log and for people
	Connections   int           // at once; default 32
	Header        int           // bytes of a request; default 8192
	HeaderTimeout time.Duration // for a request to arrive; default 10 s
	DialTimeout   time.Duration // to resolve and connect; default 30 s
	Idle          time.Duration // of a tunnel that carries nothing either way; default 5 min

	Mine    func(pid int) bool // whether a process that connects is one of the plug-in's; default: all are
	Refused func()             // called for each attempt that was not granted; from any goroutine
	Logger  *slog.Logger       // default: discards

	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)         // default: the system's resolver
	Dial   func(ctx context.Context, network, address string) (net.Conn, error) // default: the system's
	Own    func() []netip.Addr                                                  // addresses of this machine, which are never public; default: those of its interfaces
}

func (c Config) withDefaults() Config {
	set(&c.Plugin, "without a name")
	set(&c.Connections, 32)
	set(&c.Header, 8192)
	set(&c.HeaderTimeout, 10*time.Second)
	set(&c.DialTimeout, 30*time.Second)
	set(&c.Idle, 5*time.Minute)
	if c.Mine == nil {
		c.Mine = func(int) bool { return true }
	}
	if c.Refused == nil {
		c.Refused = func() {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Lookup == nil {
		c.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	if c.Own == nil {
		c.Own = interfaces
	}
	return c
}

func interfaces() []netip.Addr {
	all, _ := net.InterfaceAddrs() // without them the other checks remain
	var out []netip.Addr
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, prefix.Addr().Unmap())
		}
	}
	return out
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Proxy is the way out of one process. Its methods may be called from any goroutine.
type Proxy struct {
	config   Config
	listener *net.UnixListener
	wait     sync.WaitGroup

	mu     sync.Mutex // guards what follows
	grant  *grant     // of the present call
	open   int        // connections
	closed bool
}

// Listen makes the socket at path and serves it until Close. Nothing is allowed yet.
// Whoever may reach the socket may use it: path lies in a folder of the process's own.
func Listen(path string, config Config) (*Proxy, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("socket of the way out: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil { // the process may run as another user
		return nil, errors.Join(err, l.Close())
	}
	p := &Proxy{config: config.withDefaults(), listener: l}
	p.grant = newGrant(nil, nil)
	p.wait.Go(p.accept)
	return p, nil
}

// Allow begins a call: from now on connections to these may be made, and to none else.
// Those of the call before are closed.
func (p *Proxy) Allow(author, operator []Address) { p.change(newGrant(author, operator)) }

// Clear ends a call: nothing is allowed any more, and what is open is closed.
func (p *Proxy) Clear() { p.change(newGrant(nil, nil)) }

func (p *Proxy) change(to *grant) {
	p.mu.Lock()
	before := p.grant
	p.grant = to
	closed := p.closed
	p.mu.Unlock()
	before.end()
	if closed {
		to.end()
	}
}

// Close closes the socket and all connections, and waits until nothing is left.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	last := p.grant
	p.mu.Unlock()
	err := p.listener.Close()
	last.end()
	p.wait.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// retryAccept is the pause after an accept that failed for want of descriptors.
const retryAccept = 50 * time.Millisecond

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.config.Logger.Warn("a plug-in's way out takes no connection", "plugin", p.config.Plugin, "error", err)
			<-time.After(retryAccept)
			continue
		}
		if !p.config.Mine(peer(conn)) {
			p.config.Logger.Debug("another process knocks at a plug-in's way out", "plugin", p.config.Plugin)
			_ = conn.Close()
			continue
		}
		p.mu.Lock()
		g := p.grant
		full, flooded := p.open >= p.config.Connections, p.open >= 2*p.config.Connections
		p.open++
		p.mu.Unlock()
		if flooded { // not even told so
			p.leave(conn)
			continue
		}
		p.wait.Go(func() {
			defer p.leave(conn)
			p.serve(conn, g, full)
		})
	}
}

func (p *Proxy) leave(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
}
