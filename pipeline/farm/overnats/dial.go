package overnats

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// Dial says how a NATS server is reached.
type Dial struct {
	URL         string                       // tls://host:port, or several separated by commas
	Name        string                       // of the connection: a worker's id, or the server's
	Token       string                       // of the role worker, for a server's own hub
	Credentials string                       // file of user and key, for a cluster that has such
	Pinned      func(*x509.Certificate) bool // reports that a key is the server's; nil: its certificate must be one that this machine trusts
	Log         *slog.Logger
}

// What may be wrong with a connection; anything else is for who knows NATS.
var (
	ErrPin         = errors.New("another key than the pinned one answers")
	ErrToken       = errors.New("who this is, is not known there")
	ErrUnreachable = errors.New("nobody answers")
	ErrCertificate = errors.New("nobody whom this machine trusts knows the certificate")
)

// told gives an error of NATS the name that callers know it by.
func told(err error) error {
	var unknown *tls.CertificateVerificationError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired):
		return fmt.Errorf("%w (%w)", ErrToken, err)
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: %w", ErrCertificate, err)
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), errors.As(err, new(*net.OpError)), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// Check says what is wrong with an address. TLS is a must beyond this machine.
func (d Dial) Check() error {
	for _, text := range strings.Split(d.URL, ",") {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Hostname() == "" || u.Scheme != "tls" && u.Scheme != "nats":
			return fmt.Errorf("%.100q is no address like tls://host:4222", text)
		case u.User != nil:
			return errors.New("a secret does not belong into an address")
		case u.Scheme == "nats" && d.Pinned == nil && !loopback(u.Hostname()):
			return fmt.Errorf("nats://%s has no TLS; write tls://%[1]s", u.Host)
		}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// NewID is a worker's id, for one run of it.
func NewID() string { return newID() }

// Conn is a connection with how it was made.
type Conn struct {
	*nats.Conn
	Dial Dial
}

// Connect connects, and stays connected until the connection is closed by the caller or
// the server refuses who it is.
func Connect(ctx context.Context, d Dial) (*Conn, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	var wrong atomic.Bool // key
	options := append(d.options(&wrong), d.events()...)
	nc, err := nats.Connect(d.URL, options...)
	if err != nil && wrong.Load() {
		return nil, ErrPin
	}
	if err == nil && ctx.Err() != nil {
		nc.Close()
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, told(err)
	}
	return &Conn{nc, d}, nil
}

func (d Dial) options(wrong *atomic.Bool) []nats.Option {
	o := []nats.Option{
		nats.Name(d.Name), nats.Timeout(askWithin), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.ReconnectJitter(500*time.Millisecond, time.Second),
		nats.PingInterval(beatEvery * 5), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(maxPacked), nats.IgnoreDiscoveredServers(),
	}
	if idShape.MatchString(d.Name) {
		o = append(o, nats.CustomInboxPrefix(subjects{worker: d.Name}.inbox()))
	}
	if d.Token != "" {
		o = append(o, nats.Token(d.Token))
	}
	if d.Credentials != "" {
		o = append(o, nats.UserCredentials(d.Credentials))
	}
	if d.Pinned != nil || strings.Contains(d.URL, "tls://") {
		o = append(o, nats.Secure(d.tls(wrong)))
	}
	return o
}

// tls trusts the pinned key alone, or what this machine trusts.
func (d Dial) tls(wrong *atomic.Bool) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if d.Pinned == nil {
		return c
	}
	c.InsecureSkipVerify = true // the key says who it is
	c.VerifyConnection = func(s tls.ConnectionState) error {
		ok := len(s.PeerCertificates) > 0 && d.Pinned(s.PeerCertificates[0])
		wrong.Store(!ok)
		if !ok {
			return ErrPin
		}
		return nil
	}
	return c
}

// events tells what becomes of the connection, in few lines.
func (d Dial) events() []nats.Option {
	return []nats.Option{
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				d.Log.Warn("the connection is lost; trying again until it is there", "err", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { d.Log.Info("the connection is there again") }),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			d.Log.Warn("nats", "err", err, "subject", subject)
		}),
	}
}
