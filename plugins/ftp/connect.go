package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/textproto"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/jlaffaye/ftp"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// stallTimeout is how long a server may leave a read or a write waiting.
const stallTimeout = time.Minute

// open logs in and makes the folders.
func open(ctx context.Context, s Settings, p pace) (*files, error) {
	w, err := newWay(ctx, s)
	if err != nil {
		return nil, err
	}
	to := &files{way: w, pace: p}
	if to.ftp, err = w.login(s); err != nil {
		return nil, err
	}
	if err := to.enter(s.Dir, s.Create == nil || *s.Create); err != nil {
		to.close()
		return nil, err
	}
	return to, nil
}

// way makes the connections of one call: first the one for commands, then one for each
// file or list.
type way struct {
	ctx           context.Context // of the call: all connections end with it
	host, port    string
	control, data *tls.Config // nil without TLS
	implicit      bool
	begun         *link // the connection for commands
	stall         time.Duration
}

func newWay(ctx context.Context, s Settings) (*way, error) {
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, err
	}
	w := &way{ctx: ctx, host: host, port: port, implicit: s.TLS == tlsImplicit, stall: stallTimeout}
	if s.TLS == tlsNone {
		return w, nil
	}
	roots, _ := deliver.Roots(s.CA)
	sessions := &session{}
	w.control = &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: sessions}
	w.data = w.control.Clone()
	w.data.ClientSessionCache = resumed{sessions}
	return w, nil
}

// loginError is an error before the server has let us in.
type loginError struct{ error }

func (e *loginError) Unwrap() error { return e.error }

// login gives a session of a user.
func (w *way) login(s Settings) (*ftp.ServerConn, error) {
	options := []ftp.DialOption{ftp.DialWithDialFunc(w.dial)}
	switch {
	case w.control != nil && w.implicit:
		options = append(options, ftp.DialWithTLS(w.control))
	case w.control != nil:
		options = append(options, ftp.DialWithExplicitTLS(w.control))
	}
	c, err := ftp.Dial(s.Address, options...)
	if answer, ok := errors.AsType[*textproto.Error](err); ok && answer.Code >= 500 && w.control != nil {
		err = &noTLSError{err}
	}
	if err != nil {
		return nil, err
	}
	if err := c.Login(s.User, s.Password); err != nil {
		_ = c.Quit()
		return nil, &loginError{err}
	}
	return c, nil
}

// noTLSError is a server's no to TLS, or to everybody.
type noTLSError struct{ error }

func (e *noTLSError) Unwrap() error { return e.error }

// dial is how the library connects. Where a file goes the server says a port; the host that
// it may name besides is not asked for: it is often one that only the server can reach, and
// no business of ours.
func (w *way) dial(_, address string) (net.Conn, error) {
	if w.begun == nil {
		conn, err := w.connect(w.port)
		if err != nil {
			return nil, err
		}
		w.begun = conn
		if w.implicit {
			return tlsConn{tls.Client(conn, w.control), conn}, nil
		}
		return conn, nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	conn, err := w.connect(port)
	if err != nil {
		return nil, &dataError{err}
	}
	if w.data == nil {
		return conn, nil
	}
	return tlsConn{tls.Client(conn, w.data), conn}, nil
}

// dataError says that the server's port for a file could not be reached.
type dataError struct{ error }

func (e *dataError) Unwrap() error { return e.error }

// patience says how long the server may leave us waiting from now on.
func (w *way) patience(stall time.Duration) { w.stall, w.begun.Stall = stall, stall }

func (w *way) connect(port string) (*link, error) {
	conn, err := sdk.Dial(w.ctx, net.JoinHostPort(w.host, port))
	if err != nil {
		return nil, err
	}
	l := &link{Patient: deliver.Patient{Conn: conn, Stall: w.stall}, left: maxRead}
	l.unwatch = context.AfterFunc(w.ctx, func() { _ = conn.Close() })
	return l, nil
}

// maxRead bounds what a server may say over one connection, in bytes. The longest are lists
// of folders, of some 100 bytes a file.
const maxRead = 16 << 20

// link is one connection to the server.
type link struct {
	deliver.Patient
	left    int64 // bytes that the server may still send
	unwatch func() bool
}

// Read is part of net.Conn.
func (l *link) Read(b []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("the server sends more than %d MB", maxRead>>20)
	}
	n, err := l.Patient.Read(b[:min(int64(len(b)), l.left)])
	l.left -= int64(n)
	return n, err
}

// Close is part of net.Conn.
func (l *link) Close() error {
	l.unwatch()
	return l.Patient.Close()
}

// RemoteAddr has the type that the library counts on. It makes the host of further
// connections of it, which dial passes over.
func (l *link) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

// tlsConn is a connection with TLS whose end the server hears of before it breaks off.
type tlsConn struct {
	*tls.Conn
	link *link
}

// goodbye bounds the wait for a server that has the whole file to close its side.
const (
	goodbyeTimeout = 5 * time.Second
	goodbyeBytes   = 64 << 10
)

// Close says that nothing more comes, and reads what the server has sent meanwhile, tickets
// for further connections mostly. A connection that is closed with something unread is
// reset, and the server may lose the end of the file (RFC 1122, 4.2.2.13).
func (c tlsConn) Close() error {
	if c.CloseWrite() == nil {
		stop := time.AfterFunc(goodbyeTimeout, func() { _ = c.link.Close() })
		if half, ok := c.link.Conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // there are servers that wait for it
		}
		_, _ = io.CopyN(io.Discard, c.Conn, goodbyeBytes)
		stop.Stop()
	}
	return c.link.Close()
}

// session keeps the TLS session of the connection for commands. Servers let in a file only
// over a connection that resumes it, so that nobody else can slip in.
type session struct {
	mu    sync.Mutex // guards state
	state *tls.ClientSessionState
}

// Get is part of tls.ClientSessionCache. A call speaks with one server.
func (s *session) Get(string) (*tls.ClientSessionState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.state != nil
}

// Put is part of tls.ClientSessionCache.
func (s *session) Put(_ string, state *tls.ClientSessionState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
}

// resumed gives the sessions of another connection and keeps none: what a connection for a
// file leads to is no session of the connection for commands.
type resumed struct{ *session }

// Put is part of tls.ClientSessionCache.
func (resumed) Put(string, *tls.ClientSessionState) {}

// enter goes to the destination's folder, and makes it where that is wanted, and the private
// ones. Whether those were there before a server need not say: what is put there tells.
func (f *files) enter(dir string, create bool) error {
	err := f.change(dir, create)
	if answered(err) && !create {
		err = fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	if err != nil {
		return fmt.Errorf("go to the folder %s: %w", dir, err)
	}
	for _, private := range []string{deliver.Private, turnsDir} {
		if err := f.ftp.MakeDir(private); err != nil && !answered(err) {
			return err
		}
	}
	return nil
}

func (f *files) change(dir string, create bool) error {
	if dir == "" {
		return nil
	}
	err := f.ftp.ChangeDir(dir)
	if err == nil || !create || !answered(err) {
		return err
	}
	if path.IsAbs(dir) {
		if err := f.ftp.ChangeDir("/"); err != nil {
			return err
		}
	}
	for part := range strings.SplitSeq(strings.Trim(path.Clean(dir), "/"), "/") {
		if f.ftp.ChangeDir(part) == nil {
			continue
		}
		made := f.ftp.MakeDir(part)
		if err := f.ftp.ChangeDir(part); err != nil {
			return errors.Join(made, err)
		}
	}
	return nil
}
