package overnats

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// HubConfig is what a NATS server inside of this program needs.
type HubConfig struct {
	Listen string // address, e.g. :4222; port 0: any free one
	Server string // id of this server; a worker may do nothing but work for it
	Cert   tls.Certificate
	Log    *slog.Logger
	Conns  int           // of workers at once; default 1000
	Again  time.Duration // between two looks at the tokens of those who are in; default 3 s

	// Allow says whose token it is, or ErrDenied if it is no worker's, or none any more. It is
	// asked when somebody comes, and again while they are there. With another error nobody
	// comes in, and who is in stays.
	Allow func(token string) (name string, err error)
}

// ErrDenied is Allow's error for a token with which nobody may read pages.
var ErrDenied = errors.New("it may not read pages here")

// Hub is a NATS server inside of this program. It takes workers over TLS, lets each one
// do its work and nothing else, and keeps nothing: no stream, no cluster, no page that
// shows what goes on.
type Hub struct {
	srv   *natsd.Server
	doors *doors
	watch *nats.Conn // hears whose connections end
	gone  chan string

	stop    context.CancelFunc // ends the looks at tokens
	looking sync.WaitGroup
}

const (
	hubPayload = 1 << 20  // bytes of a message
	hubPending = 32 << 20 // bytes that may wait for one worker; a slower one is cut off
	hubStart   = 10 * time.Second
)

// Listen begins to take workers.
func Listen(c HubConfig) (*Hub, error) {
	host, port, err := splitAddress(c.Listen)
	if err != nil {
		return nil, err
	}
	c.Conns, c.Again = cmp.Or(c.Conns, 1000), cmp.Or(c.Again, 3*time.Second)
	h := &Hub{gone: make(chan string, c.Conns), stop: func() {}}
	h.doors = &doors{config: c, inner: newID() + newID(), watcher: newID() + newID(), guests: map[uint64]guest{}}
	options := &natsd.Options{
		ServerName: c.Server, Host: host, Port: port, NoSigs: true,
		TLSConfig:  &tls.Config{Certificates: []tls.Certificate{c.Cert}, MinVersion: tls.VersionTLS13},
		TLSTimeout: 5, AuthTimeout: 5, CustomClientAuthentication: h.doors,
		MaxConn: c.Conns + 2, MaxPayload: hubPayload, MaxPending: hubPending, WriteDeadline: 5 * time.Second,
		PingInterval: 5 * time.Second, MaxPingsOut: 2, NoSublistCache: true,
	}
	if h.srv, err = natsd.NewServer(options); err != nil {
		return nil, fmt.Errorf("listen for workers on %s: %w", c.Listen, err)
	}
	h.doors.system = h.srv.SystemAccount
	lines := &lines{log: c.Log}
	h.srv.SetLoggerV2(lines, false, false, false)
	go h.srv.Start() // comes back when it is up, or when it cannot be
	if !h.srv.ReadyForConnections(hubStart) {
		h.srv.Shutdown()
		return nil, fmt.Errorf("listen for workers on %s: %s", c.Listen, lines.why())
	}
	if err := h.follow(); err != nil {
		h.Close()
		return nil, fmt.Errorf("listen for workers on %s: %w", c.Listen, err)
	}
	var ctx context.Context
	ctx, h.stop = context.WithCancel(context.Background())
	h.looking.Go(func() { h.look(ctx, c.Again) })
	return h, nil
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen for workers: %q is no address", address)
	}
	if port == 0 {
		port = natsd.RANDOM_PORT
	}
	if host == "" {
		host = natsd.DEFAULT_HOST
	}
	return host, port, nil
}

// Addr is where it listens.
func (h *Hub) Addr() net.Addr { return h.srv.Addr() }

// Connect gives the server's own connection, for [Serve]. The caller closes it.
func (h *Hub) Connect() (*nats.Conn, error) { return h.connect("server", h.doors.inner) }

func (h *Hub) connect(user, secret string) (*nats.Conn, error) {
	return nats.Connect("", nats.InProcessServer(h.srv), nats.UserInfo(user, secret), nats.Name(user), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
}

// Gone tells of workers whose connections have ended.
func (h *Hub) Gone() <-chan string { return h.gone }

// follow hears of connections that end, as the NATS server tells its own administrator.
func (h *Hub) follow() (err error) {
	if h.watch, err = h.connect("watcher", h.doors.watcher); err != nil {
		return err
	}
	_, err = h.watch.Subscribe("$SYS.ACCOUNT.*.DISCONNECT", func(m *nats.Msg) {
		var e struct {
			Client struct {
				Name string `json:"name"`
			} `json:"client"`
		}
		if json.Unmarshal(m.Data, &e) != nil || !idShape.MatchString(e.Client.Name) {
			return
		}
		select {
		case h.gone <- e.Client.Name:
		default: // its silence will say so
		}
	})
	if err != nil {
		return err
	}
	return h.watch.FlushTimeout(hubStart)
}

// look looks again and again at the tokens of those who are in, until ctx ends.
func (h *Hub) look(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.turnOut()
		}
	}
}

// turnOut ends the connections of those who may not come in any more.
func (h *Hub) turnOut() {
	for id, g := range h.doors.inside() {
		if h.srv.GetClient(id) == nil {
			h.doors.left(id)
			continue
		}
		_, err := h.doors.config.Allow(g.token)
		if !errors.Is(err, ErrDenied) {
			continue
		}
		h.doors.config.Log.Warn("a worker's connection is ended", "from", g.from, "of", g.name, "why", err)
		_ = h.srv.DisconnectClientByID(id) // it may have gone meanwhile
	}
}

// Close ends all connections.
func (h *Hub) Close() {
	h.stop()
	h.looking.Wait()
	if h.watch != nil {
		h.watch.Close()
	}
	h.srv.Shutdown()
	h.srv.WaitForShutdown()
}

// lines takes what the NATS server says into the log. What it calls an error is mostly a
// stranger at the door.
type lines struct {
	log *slog.Logger

	mu   sync.Mutex // guards last
	last string     // error
}

func (l *lines) Noticef(format string, v ...any) {
	l.log.Debug("nats", "line", fmt.Sprintf(format, v...))
}
func (l *lines) Debugf(format string, v ...any) {
	l.log.Debug("nats", "line", fmt.Sprintf(format, v...))
}
func (l *lines) Tracef(format string, v ...any) {
	l.log.Debug("nats", "line", fmt.Sprintf(format, v...))
}
func (l *lines) Warnf(format string, v ...any) { l.log.Warn("nats", "line", fmt.Sprintf(format, v...)) }
func (l *lines) Errorf(format string, v ...any) {
	l.log.Info("nats", "line", fmt.Sprintf(format, v...))
}

// Fatalf does not end the process: the start that fails says so itself.
func (l *lines) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = fmt.Sprintf(format, v...)
}

func (l *lines) why() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmp.Or(l.last, "it did not come up")
}
