package link

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
)

// Bounds of open connections: those of the peer, and of all others.
const (
	maxPeers  = 4*perKind + 1 + MaxPages
	maxGuests = 16
)

// door is a listener that bounds how many are inside. Who has not shown the peer's
// certificate is a guest; one too many sends away the guest who came first, so that
// nobody can keep the peer out by just standing there.
type door struct {
	net.Listener
	known func(tls.ConnectionState) bool // whether that is the peer

	mu     sync.Mutex // guards the fields below
	guests []*visitor // in the order in which they came
	peers  int
}

type visitor struct {
	net.Conn
	door *door
	peer bool // guarded by door.mu, as gone
	gone bool
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	v := &visitor{Conn: conn, door: d}
	if first := d.enter(v); first != nil {
		_ = first.Close() // it has not said anything yet, or was answered
	}
	return v, nil
}

// enter lets a guest in and gives the one that has to go.
func (d *door) enter(v *visitor) (out *visitor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guests = append(d.guests, v)
	if len(d.guests) > maxGuests {
		return d.guests[0]
	}
	return nil
}

var errFull = errors.New("the peer has too many connections open already")

// admit makes a guest one of the peer's connections.
func (d *door) admit(v *visitor) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.peers >= maxPeers {
		return errFull
	}
	if !v.gone && !v.peer {
		d.drop(v)
		v.peer = true
		d.peers++
	}
	return nil
}

func (d *door) drop(v *visitor) {
	d.guests = slices.DeleteFunc(d.guests, func(g *visitor) bool { return g == v })
}

// Close implements net.Conn.
func (v *visitor) Close() error {
	v.door.leave(v)
	return v.Conn.Close()
}

func (d *door) leave(v *visitor) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v.gone {
		return
	}
	v.gone = true
	if v.peer {
		d.peers--
	}
	d.drop(v)
}

// secure puts TLS before the door's connections, and finds out who the peer is.
func (d *door) secure(base *tls.Config) net.Listener {
	outer := base.Clone()
	outer.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		v, ok := hello.Conn.(*visitor)
		if !ok {
			return nil, nil
		}
		c := base.Clone()
		c.VerifyConnection = func(s tls.ConnectionState) error {
			if d.known(s) {
				return d.admit(v)
			}
			return nil
		}
		return c, nil
	}
	return tls.NewListener(d, outer)
}

// listen opens the listener of a server that was given none.
func listen(ctx context.Context, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}
