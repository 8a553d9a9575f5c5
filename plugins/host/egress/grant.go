package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// grant is what one call may reach. Connections belong to the grant under which they
// were accepted, and end with it.
type grant struct {
	author, operator []Address
	ctx              context.Context
	end              context.CancelFunc
	told             atomic.Int32 // refusals that were logged
	last             atomic.Int64 // of the tunnels to hosts with many ports, as a tunnel has it

	mu sync.Mutex            // guards what follows
	at map[string]netip.Addr // where a host was reached of which more than one port is granted
}

func newGrant(author, operator []Address) *grant {
	ctx, end := context.WithCancel(context.Background())
	return &grant{author: author, operator: operator, ctx: ctx, end: end, at: map[string]netip.Addr{}}
}

// many reports whether more than one port of a host is granted.
func (g *grant) many(host string) bool { return slices.Contains(g.operator, Address{host, High}) }

// reached is the machine that a host's first connection led to. Its others go there too: a
// name may stand for several machines, and only that one listens on the port that it named.
func (g *grant) reached(host string) (netip.Addr, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ip, ok := g.at[host]
	return ip, ok
}

// remember keeps where a host was reached.
func (g *grant) remember(host string, conn net.Conn) {
	to, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at[host] = to.AddrPort().Addr().Unmap()
}

// maxTold is how many refusals of one call are logged; all are counted.
const maxTold = 5

// maxWords bounds the sentence of a refusal in bytes.
const maxWords = 900

// refusal is a connection that is not granted.
type refusal struct{ words string }

func (r *refusal) Error() string { return r.words }

// serve answers one connection of the plug-in and returns when it is done with.
func (p *Proxy) serve(conn net.Conn, g *grant, full bool) {
	stop := context.AfterFunc(g.ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(p.config.HeaderTimeout)) // closed: reading says it
	in, to, err := readRequest(conn, p.config.Header)
	if err != nil {
		p.decline(conn, g, http.StatusBadRequest, err)
		return
	}
	if full {
		p.decline(conn, g, http.StatusServiceUnavailable, fmt.Errorf("plug-in %s has more than %d connections at once", p.config.Plugin, p.config.Connections))
		return
	}
	_ = conn.SetDeadline(time.Time{})
	host, err := p.connect(g, to)
	if err != nil {
		p.decline(conn, g, http.StatusBadGateway, fmt.Errorf("connect to %s: %w", to, err))
		return
	}
	defer host.Close()
	defer context.AfterFunc(g.ctx, func() { _ = host.Close() })()
	_ = conn.SetWriteDeadline(time.Now().Add(p.config.HeaderTimeout))
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		return
	}
	last := new(atomic.Int64)
	if g.many(to.Host) { // one waits while another is busy
		last = &g.last
	}
	(&tunnel{plugin: conn, host: host, ahead: in, idle: p.config.Idle, last: last}).run()
}

// decline says why there is no tunnel, with status unless that was a refusal.
func (p *Proxy) decline(conn net.Conn, g *grant, status int, err error) {
	words := err.Error()
	if r, ok := errors.AsType[*refusal](err); ok {
		status, words = http.StatusForbidden, r.words
		p.config.Refused()
		if g.told.Add(1) <= maxTold {
			p.config.Logger.Warn("connection of a plug-in refused", "plugin", p.config.Plugin, "why", words)
		}
	}
	_ = conn.SetWriteDeadline(time.Now().Add(p.config.HeaderTimeout))
	reply(conn, status, words)
}

// connect makes the connection that was asked for, if it is granted.
func (p *Proxy) connect(g *grant, to Address) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(g.ctx, p.config.DialTimeout)
	defer cancel()
	high := g.many(to.Host)
	if high && to.Port >= firstHigh || slices.Contains(g.operator, to) {
		return p.granted(ctx, g, to, high)
	}
	if !slices.Contains(g.author, to) {
		return nil, p.notGranted(g, to)
	}
	addresses, err := p.public(ctx, to)
	if err != nil {
		return nil, err
	}
	return p.dialAny(ctx, addresses)
}

// granted connects to what the operator named; where that is a host with many ports, to one
// machine all the time.
func (p *Proxy) granted(ctx context.Context, g *grant, to Address, high bool) (net.Conn, error) {
	host := to.Host
	if ip, ok := g.reached(host); ok {
		to.Host = ip.String()
	}
	conn, err := p.config.Dial(ctx, "tcp", to.String())
	if err == nil && high {
		g.remember(host, conn)
	}
	return conn, err
}

// dialAny connects to the first address that answers. Each of them has been looked at:
// nothing is resolved again.
func (p *Proxy) dialAny(ctx context.Context, addresses []netip.AddrPort) (net.Conn, error) {
	var errs []error
	for i, a := range addresses {
		deadline, _ := ctx.Deadline()
		share := time.Until(deadline) / time.Duration(len(addresses)-i)
		try, cancel := context.WithTimeout(ctx, share)
		conn, err := p.config.Dial(try, "tcp", a.String())
		cancel()
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// maxAddresses is how many addresses of one name are tried.
const maxAddresses = 8

// public resolves a host that its author asked for. One hidden address among the others
// spoils them all: who mixes them is up to something.
func (p *Proxy) public(ctx context.Context, to Address) ([]netip.AddrPort, error) {
	ips := []netip.Addr{}
	if ip, ok := to.IP(); ok {
		ips = append(ips, ip)
	} else {
		var err error
		if ips, err = p.config.Lookup(ctx, to.Host); err != nil {
			return nil, err
		}
	}
	var out []netip.AddrPort
	for _, ip := range ips {
		why := hidden(ip)
		if why == "" && slices.Contains(p.config.Own(), ip.Unmap()) {
			why = "an address of this server"
		}
		if why != "" {
			return nil, &refusal{fmt.Sprintf("plug-in %s may not connect to %s: its author may ask for public hosts only, and %s is %s; "+
				"the operator can allow it in a setting that names it", p.config.Plugin, to, ip, why)}
		}
		out = append(out, netip.AddrPortFrom(ip.Unmap(), to.Port))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no address", to.Host)
	}
	return out[:min(len(out), maxAddresses)], nil
}

func (p *Proxy) notGranted(g *grant, to Address) error {
	var allowed []string
	if len(g.author) > 0 {
		allowed = append(allowed, join(g.author)+" by its manifest")
	}
	if len(g.operator) > 0 {
		allowed = append(allowed, join(g.operator)+" by its settings")
	}
	words := "nothing is allowed to it now"
	if len(allowed) > 0 {
		words = "allowed are " + strings.Join(allowed, " and ")
	}
	words = fmt.Sprintf("plug-in %s may not connect to %s: %s", p.config.Plugin, to, words)
	if len(words) > maxWords {
		words = words[:maxWords] + "…"
	}
	return &refusal{words}
}

func join(all []Address) string {
	words := make([]string, len(all))
	for i, a := range all {
		words[i] = a.String()
	}
	return strings.Join(words, ", ")
}
