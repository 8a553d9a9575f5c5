package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/twinleaf-scan/twinleaf/sdk"
	lib "github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// deliver sends the message of a delivery.
func deliver(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
	m, err := compose(ctx, r, s, sdk.TempDir(ctx))
	if err != nil {
		return sdk.Receipt{}, err
	}
	t := &talk{settings: s, message: m}
	if err := t.run(ctx); err != nil {
		return sdk.Receipt{}, t.explain(ctx, err)
	}
	detail := fmt.Sprintf("%s to %s", size(m.size), strings.Join(m.to, ", "))
	if t.answer != "" {
		detail += "; the server said: " + t.answer
	}
	return sdk.Receipt{Location: "mid:" + m.id, Detail: detail}, nil
}

// talk is one conversation with the server.
type talk struct {
	settings Settings
	message  *message
	client   *smtp.Client
	answer   string // the server's word that it has the message
	sent     bool   // the whole message has gone; only that word is missing
}

// How long the server may be silent: RFC 5321, 4.5.3.2 asks for these 5 minutes, and
// for 10 after the message, because who gives up there sends it twice.
const (
	maxSilence = 5 * time.Minute
	maxFinal   = 10 * time.Minute
)

func (t *talk) run(ctx context.Context) error {
	conn, err := sdk.Dial(ctx, t.settings.Server)
	if err != nil {
		return err
	}
	l := &line{Conn: conn}
	l.silence.Store(int64(maxSilence))
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for _, step := range []func() error{
		func() error { return t.greet(ctx, l) },
		t.encrypt, t.prove, t.address,
		func() error { return t.hand(ctx, l) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	l.silence.Store(int64(time.Second))
	_, _ = t.client.Text.Cmd("QUIT") // the word is given: what happens to this is nobody's concern
	return nil
}

func (t *talk) greet(ctx context.Context, conn net.Conn) error {
	s := t.settings
	if s.TLS == tlsImplicit {
		secure := tls.Client(conn, t.tlsConfig())
		if err := secure.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = secure
	}
	client, err := smtp.NewClient(conn, s.host())
	if err != nil {
		return err
	}
	t.client = client
	return client.Hello(cmp.Or(s.Hello, hostOf(t.message.from)))
}

func (t *talk) tlsConfig() *tls.Config {
	roots, _ := lib.Roots(t.settings.CA)
	return &tls.Config{ServerName: t.settings.host(), MinVersion: tls.VersionTLS12, RootCAs: roots}
}

func (t *talk) encrypt() error {
	if cmp.Or(t.settings.TLS, tlsStart) != tlsStart {
		return nil
	}
	if ok, _ := t.client.Extension("STARTTLS"); !ok {
		return sdk.Refuse("destination", "set tls to implicit and the port to 465 if the server offers that, or tls to none where the network is trusted",
			"%s does not offer STARTTLS", t.settings.Server)
	}
	return t.client.StartTLS(t.tlsConfig())
}

func (t *talk) prove() error {
	s := t.settings
	if s.User == "" {
		return nil
	}
	_, offered := t.client.Extension("AUTH")
	m, ok := choose(offered, s.Auth, s.private())
	if !ok {
		return sdk.Refuse("destination", "set auth to one of those, or tls so that a password may be sent",
			"%s offers %q for authentication, none of which can be used as set", s.Server, oneLine(offered))
	}
	if err := t.client.Auth(m.make(s.User, s.Password, s.host())); err != nil {
		return &stepError{"authentication as " + s.User, err}
	}
	return nil
}

// stepError is an error of a step that has a name.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + say(e.err) }
func (e *stepError) Unwrap() error { return e.err }

// address names sender and recipients. One that is refused ends the conversation
// before anybody gets anything.
func (t *talk) address() error {
	if _, most := t.client.Extension("SIZE"); most != "" {
		limit, err := strconv.ParseInt(most, 10, 64)
		if err == nil && limit > 0 {
			if err := overLimit(t.message.size, limit, t.settings.Server); err != nil {
				return err
			}
		}
	}
	if err := t.client.Mail("<" + t.message.from + ">"); err != nil {
		return &stepError{"sender " + t.message.from, err}
	}
	var refused refusals
	for _, to := range t.message.to {
		err := t.client.Rcpt("<" + to + ">")
		if _, answered := errors.AsType[*textproto.Error](err); err != nil && !answered {
			return err
		}
		if err != nil {
			refused = append(refused, &stepError{to, err})
		}
	}
	if len(refused) > 0 {
		return refused
	}
	return nil
}

// refusals are recipients that the server does not take.
type refusals []*stepError

func (r refusals) Error() string {
	var words []string
	for _, e := range r {
		words = append(words, e.Error())
	}
	return strings.Join(words, "; ")
}

// hand sends the message and waits for the server's word.
func (t *talk) hand(ctx context.Context, l *line) error {
	f, err := os.Open(t.message.path)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := t.client.Data()
	if err != nil {
		return &stepError{"message", err}
	}
	if _, err := io.Copy(w, &counted{f, func(n int64) { sdk.Progress(ctx, float64(n)/float64(t.message.size)) }, 0}); err != nil {
		return err
	}
	l.silence.Store(int64(maxFinal))
	t.sent = true
	if err := w.Close(); err != nil {
		return &stepError{"message", err}
	}
	if d, ok := w.(*smtp.DataCloser); ok {
		t.answer = oneLine(d.ServerResponse())
	}
	return nil
}

// counted tells how much was read.
type counted struct {
	io.Reader
	seen func(int64)
	n    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.seen(c.n)
	return n, err
}

// line is a connection that is given up when nothing moves on it.
type line struct {
	net.Conn
	silence atomic.Int64 // nanoseconds
}

func (l *line) Read(p []byte) (int, error) {
	if err := l.SetReadDeadline(time.Now().Add(time.Duration(l.silence.Load()))); err != nil {
		return 0, err
	}
	return l.Conn.Read(p)
}

func (l *line) Write(p []byte) (int, error) {
	if err := l.SetWriteDeadline(time.Now().Add(time.Duration(l.silence.Load()))); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}
