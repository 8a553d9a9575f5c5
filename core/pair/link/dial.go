package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// dials opens connections to the peer.
type dials interface {
	dial(ctx context.Context) (net.Conn, error)
}

// connect opens a connection to an address, as a net.Dialer does.
type connect func(ctx context.Context, network, address string) (net.Conn, error)

// dialer opens connections to the peer at whichever of its addresses answers.
type dialer struct {
	addresses []string
	tls       *tls.Config
	limit     time.Duration // for all addresses together
	refused   func(error)   // is told of who answers and is not the peer
	connect   connect

	mu   sync.Mutex // guards next
	next int        // the address that answered last
}

// dial tries the addresses in turn, beginning with the one that answered last. Each has
// its share of the time that is left.
func (d *dialer) dial(ctx context.Context) (net.Conn, error) {
	if len(d.addresses) == 0 {
		return nil, errors.New("no address of the peer is known")
	}
	ctx, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	first := d.start()
	var failed []error
	for i := range d.addresses {
		at := (first + i) % len(d.addresses)
		conn, err := d.one(ctx, d.addresses[at], len(d.addresses)-i)
		if err == nil {
			d.stay(at)
			return conn, nil
		}
		failed = append(failed, fmt.Errorf("at %s: %w", d.addresses[at], err))
	}
	return nil, errors.Join(failed...)
}

func (d *dialer) start() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next
}

func (d *dialer) stay(at int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.next = at
}

// one opens a connection to an address, which shares the time with others after it.
func (d *dialer) one(ctx context.Context, address string, shares int) (net.Conn, error) {
	if end, ok := ctx.Deadline(); ok && shares > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(shares))
		defer cancel()
	}
	raw, err := d.connect(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, d.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close() // it was of no use
		d.refused(err)
		return nil, err
	}
	return conn, nil
}

// inTurn is a dialer that opens few connections at once.
type inTurn struct {
	*dialer
	turns chan struct{} // has room for so many
}

func (d inTurn) dial(ctx context.Context) (net.Conn, error) {
	select {
	case d.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-d.turns }()
	return d.dialer.dial(ctx)
}
