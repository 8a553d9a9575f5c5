package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/twinleaf-scan/twinleaf/console"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/access"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/receive/watch"
)

// serveFlags is the command line of serve; the file and the environment stand
// behind it.
type serveFlags struct {
	file     string
	data     string
	listen   string
	plugins  string
	store    string
	native   nativeMode
	workers  int
	drain    time.Duration
	insecure bool
	check    bool
	recover  bool
	faults   *faults
}

func (f *serveFlags) register(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.file, "config", os.Getenv("TWINLEAF_CONFIG"), "this server's configuration, a YAML file (or TWINLEAF_CONFIG)")
	fl.StringVar(&f.data, "data", "", "folder of journal and documents (or TWINLEAF_STATE; default ~/.local/state/twinleaf)")
	fl.StringVar(&f.listen, "listen", "", "address (or TWINLEAF_LISTEN; default 127.0.0.1:8080)")
	fl.StringVar(&f.plugins, "plugins", "", "plug-in folder (or TWINLEAF_PLUGINS; default: beside the program)")
	fl.StringVar(&f.store, "store", "", "folder of the plug-ins that were added (or TWINLEAF_STORE; default: plugins in the data folder)")
	f.native.register(fl)
	fl.IntVar(&f.workers, "workers", 0, "pages worked on at once (default: number of CPUs)")
	fl.BoolVar(&f.insecure, "insecure", false, "listen beyond this machine without TLS and token")
}

func newServe(a *app) *cobra.Command {
	f := serveFlags{faults: &faults{}}
	c := &cobra.Command{
		Use: "serve", Short: "Run the server",
		Long: "Runs the server until it is told to stop. The first signal lets running work end and takes\nnothing new; the second stops at once. Either way nothing that was taken is lost.",
		Args: exactly(0, "no arguments"),
	}
	f.register(c)
	f.faults.register(c)
	c.Flags().DurationVar(&f.drain, "drain-timeout", 0, "for running work when the server stops (default 30s)")
	c.Flags().BoolVar(&f.check, "check", false, "check the configuration and exit")
	c.Flags().BoolVar(&f.recover, "recover", false, "keep what is intact of a damaged journal; the damaged files stay beside it")
	c.RunE = func(c *cobra.Command, _ []string) error { return a.serve(c.Context(), f) }
	return c
}

// config reads the file and lays environment and flags over it.
func (f serveFlags) config(a *app) (config, error) {
	c, err := readConfig(f.file)
	if err != nil {
		return c, err
	}
	for _, o := range []struct {
		field     *string
		env, flag string
	}{
		{&c.Data, "TWINLEAF_STATE", f.data},
		{&c.Web.Listen, "TWINLEAF_LISTEN", f.listen},
		{&c.Web.Token, "TWINLEAF_TOKEN", a.token},
		{&c.Plugins, "TWINLEAF_PLUGINS", f.plugins},
		{&c.Store, "TWINLEAF_STORE", f.store},
		{&c.Log.Level, "TWINLEAF_LOG_LEVEL", a.logLevel},
	} {
		override(o.field, os.Getenv(o.env), os.Getenv(o.env) != "")
		override(o.field, o.flag, o.flag != "")
	}
	if level := os.Getenv("TWINLEAF_LOG_LEVEL"); a.logLevel == "" && level != "" {
		if err := new(slog.Level).UnmarshalText([]byte(level)); err != nil {
			return c, usage("use debug, info, warn or error", "TWINLEAF_LOG_LEVEL: %q is no level", level)
		}
	}
	if c.Native, err = f.native.over(c.Native); err != nil {
		return c, err
	}
	override(&c.Workers, f.workers, f.workers != 0)
	override(&c.DrainTimeout, f.drain, f.drain != 0)
	override(&c.Web.Insecure, true, f.insecure)
	a.logLevel = c.Log.Level
	a.logFormat = cmp.Or(a.logFormat, c.Log.Format)
	return c.complete()
}

func (a *app) serve(ctx context.Context, f serveFlags) error {
	c, err := f.config(a)
	if err != nil {
		return err
	}
	if c.Plugins, err = findPlugins(c.Plugins); err != nil {
		return err
	}
	log, err := a.openLog(c.Data)
	if err != nil {
		return err
	}
	defer log.Close()
	if f.check {
		if err := c.checkDelivered(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.std.out, "configuration is right: %s listens on %s, data in %s, plug-ins in %s\n",
			c.Name, address(c).Found, c.Data, c.Plugins)
		return err
	}
	if f.recover {
		if err := recoverJournal(ctx, c, log.Logger()); err != nil {
			return err
		}
	}
	if err := f.faults.begin(c.Data, log.Logger()); err != nil {
		return err
	}
	s, err := newServer(c, log, f.faults)
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// server is the running whole: the web service, the data service behind it, and
// the watched folders that feed it.
type server struct {
	config  config
	log     *slog.Logger
	live    *live
	license *licensing
	pair    *membership
	forming *forming
	web     *console.Server
	probe   *webProbe
	faults  *faults
	nats    natsDoor
	watch   []*watch.Watcher
}

func newServer(c config, files *serverLog, f *faults) (*server, error) {
	log := files.Logger()
	s := &server{config: c, log: log, live: newLive(), faults: f, probe: newWebProbe(log.With("part", "web"), f.now)}
	s.live.web = s.probe.item
	s.license = newLicensing(c.Data, log.With("part", "license"), s.live.limit)
	s.pair = newMembership(c, log.With("part", "pair"), s.live, s.license, f)
	s.forming = newForming(s.pair)
	registry := newRegistry(s.live)
	s.license.peer = s.pair.use
	registry.MustRegister(s.license.metric(), files.metric(), newPairCollector(s.pair.numbers))
	who := accounts{access.New(access.Config{}, kept{s.live}, kept{s.live})}
	s.nats = natsDoor{c.Nats, who.Directory, log.With("part", "workers")}
	var err error
	s.web, err = console.New(c.Web, console.Parts{
		Log: log.With("part", "web"), Version: version, Registry: registry, Defaults: c.defaults(),
		Submit: s.live, Blobs: s.live, Jobs: jobs{s.live}, Actions: jobs{s.live}, Settings: settings{s.live},
		Access: who, Sessions: who, Users: who, Tokens: who, Licensing: s.license, Logs: files,
		Pair: pairing{s.pair}, Forming: s.forming, PeerPlugins: pairing{s.pair}, ReadOnly: s.pair.readOnly, SessionEnded: s.pair.ended,
		Manifest: s.pair.manifest, Active: s.pair.active, Admit: s.pair.admit,
		Health: s.live.health, Plugins: s.live.plugins,
	})
	if err != nil {
		return nil, err
	}
	for _, w := range c.Watch {
		one, err := watch.New(w, watch.Parts{Log: log.With("part", "watch"), Submit: s.live, Blobs: s.live, Jobs: watched{s.live}})
		if err != nil {
			return nil, err
		}
		s.watch = append(s.watch, one)
	}
	return s, nil
}

// run starts everything, web first, and ends it in the other order: the folders
// take nothing more, running work ends, and then the web service stops answering.
func (s *server) run(ctx context.Context) error {
	l, err := s.web.Listen(ctx)
	if err != nil {
		return err
	}
	s.log.Info("twinleaf starts", "version", version, "server", s.config.Name, "data", s.config.Data)
	hard, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, hard := errgroup.WithContext(hard)
	soft, halt := context.WithCancel(ctx)
	defer halt()
	context.AfterFunc(hard, halt)

	work, worked := context.WithCancel(hard)
	defer worked()
	s.web.Wrap(s.faults.web)
	g.Go(func() error { return s.web.Serve(work, l) })
	g.Go(func() error {
		s.probe.run(work, l.Addr(), s.config.Web.TLSCert != "")
		return nil
	})
	g.Go(func() error {
		s.faults.run(work)
		return nil
	})
	g.Go(func() error {
		defer worked() // the web service outlives the work
		return s.data(soft, hard)
	})
	for _, w := range s.watch {
		g.Go(func() error { return w.Run(soft) })
	}
	g.Go(func() error {
		s.live.disk.run(soft, s.live.store)
		return nil
	})
	g.Go(func() error {
		s.license.run(soft)
		return nil
	})
	g.Go(func() error { return s.pair.run(work) })
	g.Go(func() error { return s.forming.run(work) })
	g.Go(func() error { return s.brake(soft, work, stop) })
	err = g.Wait()
	if err == nil {
		s.log.Info("twinleaf ends")
	}
	return err
}

// sameSignal is how long after the first signal another is the same one: a shell
// and a supervisor may both send it.
const sameSignal = 300 * time.Millisecond

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// brake waits for the first signal, drains, and cancels at the second signal or
// when draining takes too long.
func (s *server) brake(soft, work context.Context, cancel func()) error {
	<-soft.Done()
	s.log.Info("stopping: running work may end", "timeout", s.config.DrainTimeout)
	s.live.draining()
	pause(work, sameSignal)
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(again)
	late := time.NewTimer(s.config.DrainTimeout)
	defer late.Stop()
	select {
	case <-work.Done():
	case <-again:
		s.log.Info("stopping at once")
		cancel()
	case <-late.C:
		s.log.Warn("running work took too long and is stopped; it will be done again after the next start")
		cancel()
	}
	return nil
}

// data opens the data service and works until it has drained or hard ends. While
// the disk does not take what must be written, or the journal is damaged, the web
// service goes on and says so; anything else ends the server with the reason. When a
// pair is formed or left it is opened anew.
func (s *server) data(soft, hard context.Context) error {
	for {
		e, err := s.open(soft)
		if err != nil || e == nil {
			return err
		}
		s.pair.arrive(e.member)
		s.live.arrive(e)
		if soft.Err() != nil {
			e.pipe.Drain()
		}
		renew, err := s.work(hard, e)
		renew = renew && soft.Err() == nil
		cause := "the server is stopping"
		if renew {
			cause = "the pair has changed"
		}
		s.live.absent(cause)
		s.pair.leave()
		if err = errors.Join(err, e.close()); err != nil || !renew {
			return err
		}
	}
}

// work runs an engine, and lets workers in meanwhile.
func (s *server) work(ctx context.Context, e *engine) (renew bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error {
		s.nats.run(ctx, e)
		return nil
	})
	renew, err = e.run(ctx, s.pair.renewed)
	stop()
	return renew, errors.Join(err, g.Wait())
}

func (s *server) open(ctx context.Context) (*engine, error) {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		e, err := openEngine(ctx, s.config, s.pair, s.log)
		if err != nil && ctx.Err() != nil {
			return nil, nil // stopped before it began
		}
		cause, down := dataDown(err)
		if !down {
			return e, err
		}
		s.live.absent(cause)
		s.log.Error("data service cannot start; trying on", "error", err, "in", wait)
		if pause(ctx, wait); ctx.Err() != nil {
			return nil, nil
		}
	}
}

// dataDown reports whether an error is the disk's or the journal's, which may be
// mended while the server runs, and what to say of it.
func dataDown(err error) (cause string, down bool) {
	var f *core.Failure
	if errors.As(err, &f) && f.Code == core.CodeDataDown {
		return f.Detail, true
	}
	if errors.As(err, new(*journal.Damage)) {
		return firstLine(err), true
	}
	return "", false
}

// recoverJournal keeps what is intact of a damaged journal.
func recoverJournal(ctx context.Context, c config, log *slog.Logger) error {
	r, err := journal.Recover(ctx, journal.Config{Dir: filepath.Join(c.Data, "journal"), Writer: c.Name, Logger: log})
	if err != nil {
		return fmt.Errorf("recover the journal: %w", err)
	}
	log.Warn("journal recovered", "recovery", fmt.Sprintf("%+v", *r))
	return nil
}
