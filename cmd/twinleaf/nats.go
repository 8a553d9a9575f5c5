package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/access"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm/overnats"
)

// natsConfig is how workers on other machines reach this server. The zero value: not at all.
type natsConfig struct {
	Listen      string `yaml:"listen"`      // address of a NATS server inside of this one, e.g. :4222
	URL         string `yaml:"url"`         // of a NATS cluster that is there already, instead
	Credentials string `yaml:"credentials"` // file of user and key for the cluster
	TokenFile   string `yaml:"tokenFile"`   // file of a token for the cluster
	Local       *bool  `yaml:"local"`       // false: this server recognises no page while there are workers; default true
}

func (c natsConfig) on() bool { return c.Listen != "" || c.URL != "" }

// places is how many pages this server recognises itself at once.
func (c natsConfig) places(workers int) int {
	if c.on() && c.Local != nil && !*c.Local {
		return 0
	}
	return workers
}

func (c natsConfig) check() error {
	if c.Listen != "" && c.URL != "" {
		return usage("listen: for a NATS server inside of this one, url: for one that is there already", "nats: listen and url cannot both be given")
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			return usage("write it as :4222 or 192.0.2.7:4222", "nats: listen: %q is no address", c.Listen)
		}
	}
	if c.URL != "" {
		if err := (overnats.Dial{URL: c.URL}).Check(); err != nil {
			return usage("write it as tls://nats.example.org:4222", "nats: url: %s", err)
		}
	}
	if !c.on() && c.Local != nil && !*c.Local {
		return usage("give nats.listen, or leave local out", "nats: local: false, and no worker could ever come")
	}
	if c.URL == "" && (c.Credentials != "" || c.TokenFile != "") {
		return usage("workers of this server's own NATS come in with tokens: twinleaf token add NAME --role worker", "nats: credentials and tokenFile are for a cluster, and there is no url")
	}
	return nil
}

// natsDoor lets workers in for as long as an engine is open.
type natsDoor struct {
	config natsConfig
	who    *access.Directory
	log    *slog.Logger
}

// run never ends the server: where workers cannot come in, the pages are read here.
func (d natsDoor) run(ctx context.Context, e *engine) {
	if !d.config.on() {
		return
	}
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := d.open(ctx, e)
		if ctx.Err() != nil {
			return
		}
		d.log.Error("workers cannot come in; trying on", "cause", err, "remedy", "see what else has the address nats.listen, or whether nats.url answers", "in", wait)
		pause(ctx, wait)
	}
}

func (d natsDoor) open(ctx context.Context, e *engine) error {
	c := overnats.Config{Server: e.self.ID, Version: version, Blobs: e.blobs, Join: e.farm.Join, Log: d.log}
	if d.config.Listen == "" {
		return d.overCluster(ctx, c)
	}
	hub, err := overnats.Listen(overnats.HubConfig{Listen: d.config.Listen, Server: e.self.ID, Cert: e.self.Cert, Allow: d.allow, Log: d.log})
	if err != nil {
		return err
	}
	defer hub.Close()
	nc, err := hub.Connect()
	if err != nil {
		return err
	}
	defer nc.Close()
	c.Gone = hub.Gone()
	d.log.Info("workers may come", "nats", "tls://"+hub.Addr().String(), "pin", e.self.Fingerprint)
	return overnats.Serve(ctx, nc, c)
}

func (d natsDoor) overCluster(ctx context.Context, c overnats.Config) error {
	dial := overnats.Dial{URL: d.config.URL, Name: c.Server, Credentials: d.config.Credentials, Log: d.log}
	var err error
	if dial.Token, err = readToken(d.config.TokenFile); err != nil {
		return err
	}
	nc, err := overnats.Connect(ctx, dial)
	if err != nil {
		return fmt.Errorf("%s: %w", d.config.URL, err)
	}
	defer nc.Close()
	d.log.Info("workers may come", "nats", d.config.URL, "server", c.Server)
	return overnats.Serve(ctx, nc.Conn, c)
}

// allow lets a token in that is a worker's, and that of nobody else.
func (d natsDoor) allow(token string) (name string, err error) {
	caller, err := d.who.Identify(token)
	switch {
	case err != nil && core.AsFailure(err).Code == access.CodeUnauthorized:
		return "", fmt.Errorf("%w: %w", overnats.ErrDenied, err)
	case err != nil: // nobody can say now
		return "", err
	case caller.Role != core.Worker:
		return "", fmt.Errorf("%w: %s has the role %s; make one for it: twinleaf token add NAME --role worker", overnats.ErrDenied, caller.Name, caller.Role)
	}
	return caller.Name, nil
}

// maxTokenFile is how many bytes a file with a token may have.
const maxTokenFile = 4 << 10

// readToken reads the first line of a file; "" is no token.
func readToken(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxTokenFile {
		return "", usage("the file holds one line", "%s is no token: it has %d bytes", path, info.Size())
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return "", unreadable(path, err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSpace(line); line == "" {
		return "", usage("write the token into its first line", "%s holds no token", path)
	}
	return line, nil
}

// workerFinding tells how a worker joins.
func workerFinding(c config) []finding {
	if c.Nats.URL != "" {
		return []finding{good("workers", "over %s", c.Nats.URL)}
	}
	if c.Nats.Listen == "" {
		return nil
	}
	dir := filepath.Join(c.Data, serverFolder)
	if _, err := os.Stat(filepath.Join(dir, "identity.json")); err != nil {
		return []finding{warn("workers", "the server has no key yet", "start it once; then this line says how a worker joins")}
	}
	self, err := identity.Open(dir, c.Name, true)
	if err != nil {
		return []finding{fail("workers", firstLine(err), hintOf(err))}
	}
	host, port, _ := net.SplitHostPort(c.Nats.Listen) // was checked
	if host == "" {
		host = hostName()
	}
	return []finding{good("workers", "join with: twinleaf worker --nats tls://%s --pin %s --token-file FILE", net.JoinHostPort(host, port), self.Fingerprint)}
}
