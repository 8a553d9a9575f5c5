package overnats

import (
	"cmp"
	"crypto/subtle"
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
	Allow  func(token string) (name string, err error) // whose token it is, if it is a worker's
	Log    *slog.Logger
	Conns  int // of workers at once; default 1000
}

// Hub is a NATS server inside of this program. It takes workers over TLS, lets each one
// do its work and nothing else, and keeps nothing: no stream, no cluster, no page that
// shows what goes on.
type Hub struct {
	srv   *natsd.Server
	doors *doors
	watch *nats.Conn // hears whose connections end
	gone  chan string
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
	c.Conns = cmp.Or(c.Conns, 1000)
	h := &Hub{gone: make(chan string, c.Conns)}
	h.doors = &doors{config: c, inner: newID() + newID(), watcher: newID() + newID()}
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

// Close ends all connections.
func (h *Hub) Close() {
	if h.watch != nil {
		h.watch.Close()
	}
	h.srv.Shutdown()
	h.srv.WaitForShutdown()
}

// doors says who may come in.
type doors struct {
	config  HubConfig
	inner   string // secret of this program's own connection
	watcher string
	system  func() *natsd.Account
}

// Check implements natsd.Authentication. A connection's name is the worker's id, and it
// may use the subjects of that worker alone.
func (d *doors) Check(c natsd.ClientAuthentication) bool {
	o := c.GetOpts()
	switch {
	case o.Username == "server" && same(o.Password, d.inner):
		c.RegisterUser(&natsd.User{Username: "server"})
		return true
	case o.Username == "watcher" && same(o.Password, d.watcher):
		c.RegisterUser(&natsd.User{Username: "watcher", Account: d.system()})
		return true
	}
	name, err := d.allow(o)
	if err != nil {
		d.config.Log.Warn("a worker's connection is refused", "from", address(c.RemoteAddress()), "why", err)
		return false
	}
	of := subjects{d.config.Server, o.Name}
	c.RegisterUser(&natsd.User{Username: name, Permissions: &natsd.Permissions{
		Publish:   &natsd.SubjectPermission{Allow: []string{discovery, of.hello(), of.bye(), of.blob(), of.reply("*")}},
		Subscribe: &natsd.SubjectPermission{Allow: []string{of.page(), of.drop(), of.inbox() + ".>"}},
	}})
	return true
}

func (d *doors) allow(o *natsd.ClientOpts) (name string, err error) {
	if !idShape.MatchString(o.Name) {
		return "", errors.New("it is no worker of Twinleaf")
	}
	if o.Token == "" {
		return "", errors.New("it has no token")
	}
	return d.config.Allow(o.Token)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func address(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
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
