package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/node"
	"github.com/twinleaf-scan/twinleaf/core/secret"
	"github.com/twinleaf-scan/twinleaf/pipeline"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// engine is everything that works on jobs, built from the bottom to the top.
type engine struct {
	blobs   *blob.Store
	self    *identity.Identity // nil where the work is nobody's
	log     journal.Log
	journal *journal.Journal // log, where it lies on disk
	at      journal.Config   // where
	salvage string           // folder of a journal that was set aside; empty: none
	host    *host.Host
	kept    *answers       // nil: nothing is
	secrets *secret.Keeper // nil where no settings are kept
	box     *secret.Box    // of the same key
	farm    *farm.Pool     // reads the pages, here and elsewhere; nil where openOnce did
	pipe    *pipeline.Pipeline
	member  *paired // nil: this server is in no pair
	workers int

	stop func()     // ends Run; only where openOnce began it
	ran  chan error // what Run returned
}

// openEngine is the server's: journal and blobs on disk, and its part in a pair.
func openEngine(ctx context.Context, c config, part *membership, log *slog.Logger) (*engine, error) {
	e := &engine{workers: workers(c.Workers)}
	if err := e.openDisk(ctx, c, part, log); err != nil {
		return nil, errors.Join(err, e.close())
	}
	where := c.host()
	where.Memory = filepath.Join(c.Data, "plugins.json")
	if err := e.openHost(ctx, where, c.spool(), c.private(), log); err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.kept = openKept(c.Data, c.Cache, e.host, log)
	if err := e.openSecrets(c.Data); err != nil {
		return nil, errors.Join(err, e.close())
	}
	how := pipeline.Config{
		Server: e.self.ID, Workers: e.workers, Keep: c.Keep, Log: log.With("part", "pipeline"), Now: part.now,
		Defaults: c.defaults(), CheckStep: e.checkStep, Sealer: e.secrets, ReadOnly: part.readOnlyHere,
	}
	present := ""
	if e.member != nil {
		e.member.configure(&how)
		present = how.Peer
	}
	heir, left, err := former(c.Data, present)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	how.Also, how.Left = append(heir, c.Name), left
	h := secretsHost{e.host, e.secrets}
	e.farm = farm.New(h, e.host, c.Nats.places(e.workers), log.With("part", "farm"))
	if e.pipe, err = pipeline.New(ctx, how, e.log, e.blobs, stages(h, e.farm, e.blobs, e.kept.again())); err != nil {
		return nil, errors.Join(err, e.close())
	}
	if e.member != nil {
		if err := e.member.join(e); err != nil {
			return nil, errors.Join(err, e.close())
		}
	}
	return e, nil
}

// host is where the plug-ins lie and how they run.
func (c config) host() host.Config {
	return host.Config{Dir: c.Plugins, Store: c.Store, Signed: c.Signatures == signaturesRequired, Sandbox: c.Sandbox, DistributionOnly: c.Native == nativeOff}
}

func (c config) spool() string { return filepath.Join(c.Data, "spool") }

// private are the folders of the server that no plug-in may write to.
func (c config) private() []string {
	list := []string{"blobs", "journal", cacheFolder, licenseFolder, serverFolder, peerFolder, logFolder}
	for i, name := range list {
		list[i] = filepath.Join(c.Data, name)
	}
	return list
}

// openDisk opens what lies on the disk: who this server is, the blobs, the journal and,
// in a pair, the copy of the peer's.
func (e *engine) openDisk(ctx context.Context, c config, part *membership, log *slog.Logger) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return core.DataDown("open the data folder", err)
	}
	self, formed, err := part.identify()
	if err != nil {
		return err
	}
	e.self = self
	if e.blobs, err = blob.Open(filepath.Join(c.Data, "blobs"), blob.Config{Logger: log.With("part", "blob"), Refuse: part.refuse}); err != nil {
		return err
	}
	e.at = journal.Config{Dir: filepath.Join(c.Data, "journal"), Writer: self.ID, Formerly: []string{c.Name}, Logger: log.With("part", "journal"), Refuse: part.refuse}
	var j *journal.Journal
	if formed == nil {
		j, err = journal.Open(ctx, e.at)
	} else {
		j, e.salvage, err = node.OpenJournal(ctx, e.at)
	}
	if err != nil {
		return explainJournal(err)
	}
	e.log, e.journal = j, j
	if formed != nil {
		e.member, err = part.newMember(ctx, self, *formed)
	}
	return err
}

// run works until ctx ends, the work has drained, or the pair has changed. Then renew is
// true: the engine is to be opened anew.
func (e *engine) run(ctx context.Context, renewed <-chan struct{}) (renew bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer stop() // the pair outlives the work
		err := e.pipe.Run(ctx)
		if e.member != nil {
			e.member.takeLeave(ctx)
		}
		return err
	})
	g.Go(func() error { return e.farm.Run(ctx, e.pipe.More) })
	g.Go(func() error {
		if err := e.inherit(ctx); err != nil || e.member == nil {
			return err
		}
		return e.member.serve(ctx)
	})
	g.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case <-renewed:
		}
		renew = true
		e.pipe.Drain()
		pause(ctx, renewWait)
		stop()
		return nil
	})
	err = g.Wait()
	if e.member != nil {
		e.member.stopReading()
	}
	if errors.Is(err, node.ErrStale) {
		return true, e.setAside()
	}
	return renew, err
}

// inherit folds what servers left to this one that are its peer no more.
func (e *engine) inherit(ctx context.Context) error {
	present := ""
	if e.member != nil {
		present = e.member.formed.Peer.ID
	}
	err := inherit(ctx, filepath.Dir(e.at.Dir), present, e.pipe, e.at)
	if err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// renewWait is how long running work may go on when the engine is to be opened anew; what
// is interrupted is done again.
const renewWait = 5 * time.Second

// setAside moves away a journal that is too old to be continued. What it has that its copy
// on the peer lacks is taken over after the next start.
func (e *engine) setAside() error {
	err := e.log.Close()
	e.log = nil
	if err != nil {
		return err
	}
	return node.SetAside(e.at)
}

// checkStep asks the plug-in of a step, or of a destination, about its settings. What
// it finds wrong is told without the secrets.
func (e *engine) checkStep(ctx context.Context, kind core.StepKind, s core.Step) error {
	err := e.host.Validate(ctx, s, sdk.Kind(kind))
	if err == nil {
		return nil
	}
	return inClear(ctx, e.host, kind, s).Error(err)
}

func workers(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

// explainJournal adds to a damage what the command line offers.
func explainJournal(err error) error {
	var d *journal.Damage
	if !errors.As(err, &d) {
		return err
	}
	return fmt.Errorf("%w: stop the server, then twinleaf serve --recover", err)
}

func (e *engine) openHost(ctx context.Context, c host.Config, spool string, private []string, log *slog.Logger) error {
	c.Spool, c.Private, c.Workers, c.Logger = spool, private, e.workers, log.With("part", "plugins")
	var err error
	if e.host, err = host.Open(ctx, c); err != nil {
		return fmt.Errorf("open the plug-ins in %s: %w", c.Dir, err)
	}
	return nil
}

// close closes what is open, from the top to the bottom. Run has ended before.
func (e *engine) close() error {
	var errs []error
	if e.stop != nil {
		e.stop()
		errs = append(errs, <-e.ran)
	}
	if e.host != nil {
		errs = append(errs, e.host.Close())
	}
	e.kept.close()
	if e.member != nil {
		errs = append(errs, e.member.close())
	}
	if e.log != nil {
		errs = append(errs, e.log.Close())
	}
	if e.blobs != nil {
		errs = append(errs, e.blobs.Close())
	}
	return errors.Join(errs...)
}

// onceConfig is what openOnce needs.
type onceConfig struct {
	dir      string      // temporary
	plugins  host.Config // where they lie
	workers  int
	password string
	sparing  bool // there may be a single page: no more is started than that needs, before there are others
	log      *slog.Logger

	keep   pipeline.Config                                                   // what of the work is remembered; the zero value does for a single call
	around func(map[core.Stage]pipeline.Stage) map[core.Stage]pipeline.Stage // looks on at the stages; nil: nobody does
}

// ownMemory is where a user's own calls of ocr remember the plug-ins; empty where the
// user has no folder for such things.
func ownMemory() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "twinleaf", "plugins.json")
}

// openOnce is the engine of one call of ocr: a journal in memory, blobs that are
// gone afterwards, nothing delivered. It runs until it is closed.
func openOnce(ctx context.Context, c onceConfig) (*engine, error) {
	e := &engine{workers: workers(c.workers), log: journal.NewMemory(journal.Config{})}
	var err error
	if e.blobs, err = blob.Open(filepath.Join(c.dir, "blobs"), blob.Config{NoSync: true, Logger: c.log}); err != nil {
		return nil, errors.Join(err, e.close())
	}
	c.plugins.Memory = ownMemory()
	if c.sparing {
		c.plugins.Sparing, c.plugins.Patience = true, time.Millisecond // the work waits for what it needs, and for nothing else
	}
	if err := e.openHost(ctx, c.plugins, filepath.Join(c.dir, "spool"), nil, c.log); err != nil {
		return nil, errors.Join(err, e.close())
	}
	h := secretsHost{Host: e.host}
	all := stages(h, h, e.blobs, nil)
	all[core.Deliver] = stageFunc(func(context.Context, core.Task) (core.Result, error) { return core.Delivered{}, nil })
	if c.sparing {
		e.spare(all)
	}
	all = withPassword(all, c.password)
	if c.around != nil {
		all = c.around(all)
	}
	how := c.keep
	how.Workers, how.Log = e.workers, c.log
	how.Defaults = core.Defaults{Destinations: map[string]core.Destination{core.DefaultDestination: {Plugin: "none"}}}
	e.pipe, err = pipeline.New(ctx, how, e.log, e.blobs, all)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.stop, e.ran = stop, make(chan error, 1)
	go func() { e.ran <- e.pipe.Run(run) }()
	return e, nil
}

// stageFunc makes a stage of a function.
type stageFunc func(context.Context, core.Task) (core.Result, error)

func (f stageFunc) Run(ctx context.Context, t core.Task) (core.Result, error) { return f(ctx, t) }

// withPassword hands every stage the password, which no journal ever sees.
func withPassword(all map[core.Stage]pipeline.Stage, password string) map[core.Stage]pipeline.Stage {
	if password == "" {
		return all
	}
	out := map[core.Stage]pipeline.Stage{}
	for name, s := range all {
		out[name] = stageFunc(func(ctx context.Context, t core.Task) (core.Result, error) {
			t.Options.Password = password
			return s.Run(ctx, t)
		})
	}
	return out
}

// wait follows a job to its end.
func (e *engine) wait(ctx context.Context, id core.JobID, see func(core.JobView)) (core.JobView, error) {
	for {
		for u, err := range e.pipe.Watch(ctx, id, 0) {
			if err != nil {
				var f *core.Failure
				if errors.As(err, &f) && f.Code == core.CodeTimeout {
					break // too slow for a moment; look again
				}
				return u.Job, err
			}
			see(u.Job)
			if !u.Job.State.Open() {
				return u.Job, nil
			}
		}
		if ctx.Err() != nil {
			return core.JobView{}, ctx.Err()
		}
		if v, err := e.pipe.Job(id); err != nil || !v.State.Open() {
			return v, err
		}
		select {
		case err := <-e.ran:
			e.ran <- err
			return core.JobView{}, errors.Join(errors.New("the work ended before the document was made"), err)
		default:
		}
	}
}
