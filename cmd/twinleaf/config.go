package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/twinleaf-scan/twinleaf/console"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/receive/watch"
)

// config is this server's own: the YAML file, overridden by environment and
// flags. What both servers of a pair share is no part of it; see settings.go.
type config struct {
	Name         string         `yaml:"name"`         // of this server, the front of its job ids; default: the host's name
	Data         string         `yaml:"data"`         // journal and blobs; default see defaultData
	Delivered    string         `yaml:"delivered"`    // folder of the built-in destination; default DATA/delivered
	Plugins      string         `yaml:"plugins"`      // plug-in folder; default see findPlugins
	Store        string         `yaml:"store"`        // plug-ins that were added; default DATA/plugins
	Signatures   string         `yaml:"signatures"`   // of added plug-ins: optional (default) or required
	Sandbox      sandbox.Policy `yaml:"sandbox"`      // what added plug-ins need: best-effort (default), require-landlock or require-full
	Native       nativeMode     `yaml:"native"`       // engine built for this processor: auto (default) or off
	Workers      int            `yaml:"workers"`      // pages worked on at once; default: the number of CPUs
	DrainTimeout time.Duration  `yaml:"drainTimeout"` // for running work when the server stops; default 30 s
	Keep         int            `yaml:"keep"`         // finished jobs that are remembered; default 10,000
	Cache        cacheConfig    `yaml:"cache"`
	Log          logConfig      `yaml:"log"`
	Web          console.Config `yaml:"web"`
	Watch        []watch.Config `yaml:"watch"`
	Pair         pairConfig     `yaml:"pair"`
	Nats         natsConfig     `yaml:"nats"`
}

// pairConfig is how the other server of a pair reaches this one, and what this one does
// when it cannot reach the other.
type pairConfig struct {
	Listen   string        `yaml:"listen"`   // address for the other server; default :8443; nothing listens there outside of a pair
	Address  string        `yaml:"address"`  // host:port under which the other server reaches Listen; default: this host's address in its network
	URL      string        `yaml:"url"`      // under which clients reach this server; default: from web.listen
	Takeover string        `yaml:"takeover"` // automatic (default) or manual
	Silence  time.Duration `yaml:"silence"`  // nothing is heard of the other server for so long before its jobs are taken over; default 3 s
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// readConfig decodes a file strictly; "" gives the zero config.
func readConfig(path string) (config, error) {
	var c config
	if path == "" {
		return c, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return c, unreadable(path, err)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return c, wrongYAML(path, data, err)
	}
	return c, c.Log.check()
}

// check names the field, which the flags that mean the same would not.
func (l logConfig) check() error {
	if err := new(slog.Level).UnmarshalText([]byte(cmp.Or(l.Level, "info"))); err != nil {
		return usage("use debug, info, warn or error", "log: level: %q is no level", l.Level)
	}
	if l.Format != "" && l.Format != "text" && l.Format != "json" {
		return usage("use text or json", "log: format: %q is no format", l.Format)
	}
	return nil
}

// complete fills in defaults and checks what can be checked without starting.
func (c config) complete() (config, error) {
	if c.Name == "" {
		c.Name = hostName()
	}
	if !serverName.MatchString(c.Name) {
		return c, usage("use letters, digits and dashes, at most 40", "name: %q cannot be a server's name", c.Name)
	}
	if c.Data == "" {
		c.Data = defaultData()
	}
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return c, fmt.Errorf("data: %w", err)
	}
	c.Data = data
	if c.Delivered == "" {
		c.Delivered = filepath.Join(c.Data, "delivered")
	}
	if c.Delivered, err = filepath.Abs(c.Delivered); err != nil {
		return c, fmt.Errorf("delivered: %w", err)
	}
	if err := c.completeStore(); err != nil {
		return c, err
	}
	setDefault(&c.Native, nativeAuto)
	if c.DrainTimeout == 0 {
		c.DrainTimeout = 30 * time.Second
	}
	if c.Workers < 0 || c.Keep < 0 || c.DrainTimeout < 0 {
		return c, usage("leave it out for the default", "workers, keep and drainTimeout cannot be negative")
	}
	if err := c.Web.Check(); err != nil {
		return c, advised("web: ", err, configFields)
	}
	if c.Web.TLSCert != "" {
		if _, err := tls.LoadX509KeyPair(c.Web.TLSCert, c.Web.TLSKey); err != nil {
			return c, usage("name two PEM files that this user may read", "web: tlsCert and tlsKey: %s", err)
		}
	}
	if err := c.Pair.check(); err != nil {
		return c, err
	}
	if err := c.Nats.check(); err != nil {
		return c, err
	}
	return c, c.checkWatch()
}

// What the field pair.takeover may say.
const (
	takeoverAutomatic = "automatic"
	takeoverManual    = "manual"
)

// Bounds of pair.silence: below, a pause of the system counts as a failure; above, nobody
// would call it failover.
const (
	minSilence = time.Second
	maxSilence = 10 * time.Minute
)

func (p *pairConfig) check() error {
	setDefault(&p.Listen, ":8443")
	setDefault(&p.Takeover, takeoverAutomatic)
	setDefault(&p.Silence, 3*time.Second)
	if _, _, err := net.SplitHostPort(p.Listen); err != nil {
		return usage("write it as :8443 or 192.0.2.7:8443", "pair: listen: %q is no address", p.Listen)
	}
	if p.Address != "" {
		if host, _, err := net.SplitHostPort(p.Address); err != nil || host == "" {
			return usage("write it as north.example.org:8443", "pair: address: %q is not host:port", p.Address)
		}
	}
	if u, err := url.Parse(p.URL); p.URL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return usage("write it as https://north.example.org:8080", "pair: url: %q is no web address", p.URL)
	}
	if p.Takeover != takeoverAutomatic && p.Takeover != takeoverManual {
		return usage("write takeover: manual, or automatic", "pair: takeover: %q is neither automatic nor manual", p.Takeover)
	}
	if p.Silence < minSilence || p.Silence > maxSilence {
		return usage("leave it out for 3s", "pair: silence: %v is not between %v and %v", p.Silence, minSilence, maxSilence)
	}
	return nil
}

func setDefault[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}

// What the field signatures may say.
const (
	signaturesOptional = "optional"
	signaturesRequired = "required"
)

// webListen is where the web service listens.
func (c config) webListen() string { return cmp.Or(c.Web.Listen, "127.0.0.1:8080") }

// completeStore fills in where added plug-ins lie and who may have made them.
func (c *config) completeStore() (err error) {
	if c.Signatures == "" {
		c.Signatures = signaturesOptional
	}
	if c.Signatures != signaturesOptional && c.Signatures != signaturesRequired {
		return usage("write signatures: required, or optional", "signatures: %q is neither required nor optional", c.Signatures)
	}
	if c.Store == "" {
		c.Store = filepath.Join(c.Data, "plugins")
	}
	if c.Store, err = filepath.Abs(c.Store); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// defaults are the built-in profile and destination.
func (c config) defaults() core.Defaults {
	return core.Defaults{Destinations: map[string]core.Destination{
		core.DefaultDestination: {Plugin: "folder", Settings: map[string]any{"dir": c.Delivered}},
	}}
}

// checkWatch wants every watched folder to be there, named once, and none to be
// the folder that documents are delivered to; and that the server can work in each.
func (c config) checkWatch() error {
	seen := map[string]bool{c.Delivered: true}
	for i, w := range c.Watch {
		if w.Dir == "" {
			return usage("write watch: [{dir: /srv/scans, profile: default}]", "watch: entry %d names no dir", i+1)
		}
		dir, err := filepath.Abs(w.Dir)
		if err != nil {
			return fmt.Errorf("watch: %w", err)
		}
		if seen[dir] {
			return usage("", "watch: %s is watched twice, or documents are delivered into it", w.Dir)
		}
		seen[dir] = true
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return usage("make the folder first", "watch: there is no folder %s", w.Dir)
		}
	}
	for _, w := range c.Watch {
		if err := watch.Check(w.Dir); err != nil {
			return usage("", "%s", err)
		}
	}
	return nil
}

var serverName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,39}$`)

// hostName is the host's short name with everything strange made a dash.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "local"
	}
	name, _, _ = strings.Cut(name, ".")
	name = strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(name, "-"), "-")
	if name == "" {
		return "local"
	}
	return strings.TrimRight(name[:min(len(name), 40)], "-")
}

// defaultData is the state folder that systemd gives, /var/lib/twinleaf for any
// other service, and the user's own state folder otherwise.
func defaultData() string {
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "twinleaf")
	}
	home, err := os.UserHomeDir()
	if err != nil || os.Getenv("INVOCATION_ID") != "" {
		return "/var/lib/twinleaf"
	}
	return filepath.Join(home, ".local", "state", "twinleaf")
}

// findPlugins is the plug-in folder: the flag's, the environment's, or one of
// those that lie beside the program.
func findPlugins(flag string) (string, error) {
	if flag == "" {
		flag = os.Getenv("TWINLEAF_PLUGINS")
	}
	if flag != "" {
		return existingFolder(flag)
	}
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the program's own folder: %w", err)
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	dir := filepath.Dir(exe)
	tried := []string{filepath.Join(dir, "plugins"), filepath.Join(dir, "..", "lib", "twinleaf", "plugins")}
	for _, p := range tried {
		if found, err := existingFolder(p); err == nil {
			return found, nil
		}
	}
	return "", usage("name it with --plugins or TWINLEAF_PLUGINS", "there is no plug-in folder at %s", strings.Join(tried, " or "))
}

func existingFolder(p string) (string, error) {
	info, err := os.Stat(p)
	if err != nil || !info.IsDir() {
		return "", usage("name the plug-in folder with --plugins", "there is no folder %s", p)
	}
	return filepath.Abs(p)
}
