package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm/overnats"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// workerFlags is the command line of worker.
type workerFlags struct {
	urls        []string
	pins        []string
	of          string
	tokenFile   string
	credentials string
	name        string
	data        string
	plugins     string
	store       string
	jobs        int
	drain       time.Duration
	native      nativeMode
}

func newWorker(a *app) *cobra.Command {
	var f workerFlags
	c := &cobra.Command{
		Use: "worker", Short: "Read pages for a server on another machine", Args: exactly(0, "no arguments"),
		Long: "Takes pages of a server, reads them with this machine's plug-ins, and gives back their text, until it\n" +
			"is told to stop; then the pages under way may end. The server says in its log and with `twinleaf doctor`\n" +
			"what to join it with. Its engine and this one must be the same; a page is not read where they differ.",
		Example: "  twinleaf token add desk --role worker > desk.token      # where the server is\n" +
			"  twinleaf worker --nats tls://north.example.org:4222 --pin 4f1c… --token-file desk.token",
		RunE: func(c *cobra.Command, _ []string) error { return a.work(c.Context(), f) },
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.urls, "nats", nil, "where the server's NATS is, as tls://host:4222; once for each server of a pair")
	fl.StringArrayVar(&f.pins, "pin", nil, "fingerprint of the server's key, once for each server of a pair\n(default: the certificate must be one that this machine trusts)")
	fl.StringVar(&f.of, "of", "", "id of the server, where several share one NATS (default: the one that answers)")
	fl.StringVar(&f.tokenFile, "token-file", "", "file with a token of the role worker (or --token, TWINLEAF_TOKEN)")
	fl.StringVar(&f.credentials, "credentials", "", "file of user and key, for a NATS cluster that asks for them")
	fl.StringVar(&f.name, "name", "", "of this worker, for people (default: the host's name)")
	fl.StringVar(&f.data, "data", "", "folder for what is kept of answers, and for pages under way\n(default ~/.local/state/twinleaf/worker)")
	fl.StringVar(&f.plugins, "plugins", "", "plug-in folder (or TWINLEAF_PLUGINS; default: beside the program)")
	fl.StringVar(&f.store, "store", "", "folder of the plug-ins that were added (default: plugins in the data folder)")
	fl.IntVar(&f.jobs, "jobs", 0, "pages at once (default: number of CPUs)")
	fl.DurationVar(&f.drain, "drain-timeout", 30*time.Second, "for pages under way when the worker stops")
	f.native.register(fl)
	return c
}

var pinShape = regexp.MustCompile(`^[0-9a-f]{64}$`)

// complete fills in defaults and checks what can be checked without starting.
func (f *workerFlags) complete() (err error) {
	setDefault(&f.name, hostName())
	setDefault(&f.data, filepath.Join(defaultData(), "worker"))
	if f.data, err = filepath.Abs(f.data); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	setDefault(&f.store, filepath.Join(f.data, "plugins"))
	if f.native, err = f.native.over(""); err != nil {
		return err
	}
	if f.plugins, err = findPlugins(f.plugins); err != nil {
		return err
	}
	switch {
	case len(f.urls) == 0:
		return usage("the server's log and \"twinleaf doctor\" beside it say where", "name the server's NATS with --nats")
	case !overnats.ValidName(f.name):
		return usage("use letters, digits, dots and dashes, at most 64", "--name: %q cannot be a worker's name", f.name)
	case f.jobs < 0 || f.jobs > 1024 || f.drain < 0:
		return usage("leave it out for the default", "--jobs and --drain-timeout cannot be negative, and there are at most 1024 jobs")
	}
	for i, pin := range f.pins {
		f.pins[i] = strings.ToLower(strings.ReplaceAll(pin, ":", ""))
		if !pinShape.MatchString(f.pins[i]) {
			return usage("\"twinleaf doctor\" beside the server says it", "--pin: %q is no fingerprint of 64 hexadecimal digits", pin)
		}
	}
	return nil
}

// work is a worker from its start to its end.
func (a *app) work(ctx context.Context, f workerFlags) error {
	if err := f.complete(); err != nil {
		return err
	}
	dial, err := a.dial(f)
	if err != nil {
		return err
	}
	for _, url := range f.urls {
		if err := (overnats.Dial{URL: url, Pinned: dial.Pinned}).Check(); err != nil {
			return usage("write it as tls://north.example.org:4222", "--nats: %s", err)
		}
	}
	log, err := a.logger(slog.LevelInfo)
	if err != nil {
		return err
	}
	servers := newServers(f, dial, log)
	conns, err := servers.reach(ctx)
	defer closeAll(conns)
	if err != nil || ctx.Err() != nil {
		return err
	}
	b, err := openReadingRoom(ctx, f, log)
	if err != nil {
		return err
	}
	err = servers.work(ctx, conns, b)
	a.stopSignals() // the next signal does not wait for the plug-ins
	return errors.Join(err, b.close())
}

func closeAll(conns []*overnats.Conn) {
	for _, c := range conns {
		if c != nil {
			c.Close()
		}
	}
}

// dial is how all servers are reached.
func (a *app) dial(f workerFlags) (overnats.Dial, error) {
	d := overnats.Dial{Credentials: f.credentials, Token: a.token}
	setDefault(&d.Token, os.Getenv("TWINLEAF_TOKEN"))
	if f.tokenFile != "" {
		var err error
		if d.Token, err = readToken(f.tokenFile); err != nil {
			return d, err
		}
	}
	if len(f.pins) > 0 {
		d.Pinned = func(c *x509.Certificate) bool { return slices.Contains(f.pins, identity.Fingerprint(c)) }
	}
	return d, nil
}

// explainNats says what to do about a connection that cannot be.
func explainNats(d overnats.Dial, err error) error {
	url := d.URL
	switch {
	case err == nil:
		return nil
	case errors.Is(err, overnats.ErrToken) && d.Credentials != "":
		return fmt.Errorf("%s does not take the credentials of %s\nhint: they must be those of a user of an account that this NATS knows, and still be valid; its log says what is wrong", url, d.Credentials)
	case errors.Is(err, overnats.ErrToken) && d.Token == "":
		return fmt.Errorf("%s asks who this worker is\nhint: --token-file for a server's own NATS or one with a token, --credentials for one with accounts", url)
	case errors.Is(err, overnats.ErrToken):
		return fmt.Errorf("%s does not take this worker's token\nhint: make one beside the server: twinleaf token add NAME --role worker; the server's log says what is wrong with this one", url)
	case errors.Is(err, overnats.ErrPin):
		return fmt.Errorf("%s has another key than the one of --pin\nhint: \"twinleaf doctor\" beside the server says the right one; if that is this one, somebody else answers there", url)
	case errors.Is(err, overnats.ErrCertificate):
		return fmt.Errorf("this machine does not trust the certificate of %s\nhint: name the server's key with --pin; \"twinleaf doctor\" beside the server says it", url)
	case errors.Is(err, overnats.ErrUnreachable):
		return fmt.Errorf("%w: %s: %w\nhint: does the server listen there (nats.listen in its configuration), and does a firewall let this machine through?", client.ErrUnreachable, url, err)
	case errors.Is(err, overnats.ErrNoServer):
		return fmt.Errorf("%w: %s: %w\nhint: is a server of Twinleaf connected to this NATS (nats.url in its configuration), with the same account?", client.ErrUnreachable, url, err)
	case errors.Is(err, overnats.ErrTwoServers):
		return usage("name one of them with --of", "%s: %s", url, err)
	}
	return fmt.Errorf("%s: %w", url, err)
}

// readingRoom is what a worker reads pages with: plug-ins, what was kept, and a folder.
type readingRoom struct {
	engine
	crew   *farm.Crew
	images string        // folder for page images
	slots  int           // pages at once
	free   chan struct{} // holds one for each page that is read
	remove func()
}

// openReadingRoom opens the data folder, which one worker uses at a time, and the plug-ins.
func openReadingRoom(ctx context.Context, f workerFlags, log *slog.Logger) (*readingRoom, error) {
	b := &readingRoom{remove: func() {}, slots: workers(f.jobs)}
	b.workers, b.free = b.slots, make(chan struct{}, b.slots)
	if err := b.open(ctx, f, log); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *readingRoom) open(ctx context.Context, f workerFlags, log *slog.Logger) (err error) {
	if err := os.MkdirAll(f.data, 0o700); err != nil {
		return fmt.Errorf("open the data folder: %w\nhint: name another one with --data", err)
	}
	b.blobs, err = blob.Open(filepath.Join(f.data, "blobs"), blob.Config{NoSync: true, Exclusive: true, Logger: log.With("part", "blob")})
	if errors.Is(err, blob.ErrInUse) {
		return fmt.Errorf("%w\nhint: every worker needs a data folder of its own: --data", err)
	}
	if err != nil {
		return err
	}
	if b.images, b.remove, err = b.blobs.Temp(); err != nil {
		return err
	}
	private := []string{filepath.Join(f.data, "blobs"), filepath.Join(f.data, cacheFolder)}
	where := host.Config{Dir: f.plugins, Store: f.store, Memory: filepath.Join(f.data, "plugins.json"), DistributionOnly: f.native == nativeOff}
	if err := b.openHost(ctx, where, filepath.Join(f.data, "spool"), private, log); err != nil {
		return err
	}
	b.kept = openKept(f.data, cacheConfig{}, b.host, log)
	b.crew = farm.Answering(secretsHost{Host: b.host}, b.host, b.kept.again(), b.blobs.Temp)
	return nil
}

func (b *readingRoom) close() error {
	b.remove()
	return b.engine.close()
}

// read reads a page, and before it fetches the page's image sees that the engine is the
// right one. Several servers together get as many places as there are.
func (b *readingRoom) read(ctx context.Context, t farm.Task, fetch overnats.Fetch) (farm.Answer, error) {
	if err := b.crew.Check(ctx, t); err != nil {
		return farm.Answer{}, err
	}
	select {
	case b.free <- struct{}{}:
		defer func() { <-b.free }()
	case <-ctx.Done():
		return farm.Answer{}, ctx.Err()
	}
	path, err := fetch(ctx)
	if err != nil {
		return farm.Answer{}, err
	}
	return b.crew.Answer(ctx, t, path)
}
