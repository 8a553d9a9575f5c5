package overnats

import (
	"crypto/subtle"
	"errors"
	"maps"
	"net"
	"sync"

	natsd "github.com/nats-io/nats-server/v2/server"
)

// doors says who may come in, and knows who is in.
type doors struct {
	config  HubConfig
	inner   string // secret of this program's own connection
	watcher string
	system  func() *natsd.Account

	mu     sync.Mutex // guards guests
	guests map[uint64]guest
}

// guest is a worker's connection.
type guest struct{ token, name, from string }

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
	from := address(c.RemoteAddress())
	name, err := d.allow(o)
	if err != nil {
		d.config.Log.Warn("a worker's connection is refused", "from", from, "why", err)
		return false
	}
	d.entered(c.GetID(), guest{o.Token, name, from})
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

func (d *doors) entered(connection uint64, g guest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.guests[connection] = g
}

func (d *doors) left(connection uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.guests, connection)
}

// inside is who is in, and who has gone since it was asked last.
func (d *doors) inside() map[uint64]guest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.guests)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func address(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
