// Package watch takes scans out of a folder that scanners write into. cmd/twinleaf
// runs one [Watcher] for each folder of the configuration.
//
// A file is taken only when it is complete: its size and time stood still and its
// content has a whole end ([Look]). It is claimed by a rename into .claimed, so
// that it can be taken once only, and stays there until its job is durable. Its
// idempotency key is made from content, inode, time and name: a crash at any point
// never makes two jobs of one file, and the same scan dropped again later is a job
// of its own. A file that is refused, at once or by its job later, lies in failed
// with a note beside it that says why.
//
// The folder itself belongs to the profile of the configuration, a subfolder to the
// profile of its name. Polling works on NFS and SMB alike.
package watch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Config is one watched folder. Only Dir must be set.
type Config struct {
	Dir         string        `yaml:"dir"`
	Profile     string        `yaml:"profile"`     // of files in the folder itself; default "default"
	Destination string        `yaml:"destination"` // instead of the profile's
	Interval    time.Duration `yaml:"interval"`    // between two looks; default 1 s
	Patience    time.Duration `yaml:"patience"`    // how long an incomplete file may stand still; default 10 min
	Keep        bool          `yaml:"keep"`        // move files that were taken to done instead of removing them
	MaxBytes    int64         `yaml:"maxBytes"`    // of one file; larger ones are refused unread; default 2 GiB
}

func (c Config) withDefaults() Config {
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.Patience <= 0 {
		c.Patience = 10 * time.Minute
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 2 << 30
	}
	return c
}

// Submitter makes a submission durable. The same key gives the same job.
type Submitter interface {
	Submit(context.Context, core.Submission) (core.Accepted, error)
}

// Blobs keeps the originals.
type Blobs interface {
	// Put stores r under its content. It is durable when Put returns.
	Put(ctx context.Context, r io.Reader) (ref core.Ref, size int64, err error)
	Open(core.Ref) (io.ReadSeekCloser, error)
}

// Jobs tells how a job stands. A job that is not known any more is not found.
type Jobs interface {
	Job(context.Context, core.JobID) (view core.JobView, found bool, err error)
}

// Parts is what a Watcher works with.
type Parts struct {
	Log    *slog.Logger
	Submit Submitter
	Blobs  Blobs
	Jobs   Jobs
}

// Folders inside the watched one. The first two are the watcher's own.
const (
	claimedDir = ".claimed"
	jobsDir    = ".jobs"
	failedDir  = "failed"
	doneDir    = "done"
)

// Watcher watches one folder. One goroutine runs it.
type Watcher struct {
	config Config
	parts  Parts
	log    *slog.Logger
	root   *os.Root
	seen   map[string]sighting // by path inside the folder
	claims map[string]*claim   // by path; not yet durable
	jobs   map[core.JobID]note // durable, and not known to have ended
	failed bool                // the last look failed; said once
}

// New opens the folder, which must exist.
func New(c Config, p Parts) (*Watcher, error) {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	root, err := open(c.Dir)
	if err != nil {
		return nil, err
	}
	return &Watcher{
		config: c.withDefaults(), parts: p, log: p.Log.With("folder", c.Dir), root: root,
		seen: map[string]sighting{}, claims: map[string]*claim{}, jobs: map[core.JobID]note{},
	}, nil
}

// open opens a folder and makes the watcher's own ones in it.
func open(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w\nhint: make the folder, and let the server's user write in it", dir, cause(err))
	}
	for _, own := range []string{claimedDir, jobsDir, failedDir} {
		if err := root.MkdirAll(own, 0o755); err != nil {
			return nil, errors.Join(unfit(dir, err), root.Close())
		}
	}
	return root, nil
}

func unfit(dir string, err error) error {
	return fmt.Errorf("watch %s: %w\nhint: let the server's user write in it", dir, cause(err))
}

// Check says whether a folder can be watched, and leaves it as it was.
func Check(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return unfit(dir, err)
	}
	defer root.Close() // read only
	for _, own := range []string{claimedDir, jobsDir, failedDir} {
		if info, err := root.Stat(own); err == nil && !info.IsDir() {
			return fmt.Errorf("watch %s: %s in it is no folder\nhint: the server needs that name for a folder of its own; move the file away", dir, own)
		}
	}
	probe := ".check-" + rand.Text() // a watcher passes over names that begin with a dot
	if err := root.Mkdir(probe, 0o700); err != nil {
		return unfit(dir, err)
	}
	if err := root.Remove(probe); err != nil {
		return unfit(dir, err)
	}
	return nil
}

// find takes up the folder that the path names by now: a share that was mounted
// again and a folder that was made anew are others than the one that was opened.
func (w *Watcher) find() error {
	now, err := os.Stat(w.config.Dir)
	if err != nil {
		return err
	}
	if had, err := w.root.Stat("."); err == nil && os.SameFile(now, had) {
		return nil
	}
	root, err := open(w.config.Dir)
	if err != nil {
		return err
	}
	w.log.Info("watched folder is another one; beginning anew", "close", w.root.Close())
	w.root, w.seen, w.claims = root, map[string]sighting{}, map[string]*claim{}
	w.resume()
	return nil
}

func cause(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// Run looks at the folder until ctx ends. A folder that is away for a while, as
// network shares are, is looked for again.
func (w *Watcher) Run(ctx context.Context) error {
	defer func() { _ = w.root.Close() }() // read only; another one by then, perhaps
	w.log.Info("watching a folder", "every", w.config.Interval)
	w.resume()
	tick := time.NewTicker(w.config.Interval)
	defer tick.Stop()
	for {
		w.poll(ctx, time.Now())
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// poll looks once: it takes what is complete, hands over what is claimed and
// notes what became of the jobs.
func (w *Watcher) poll(ctx context.Context, now time.Time) {
	err := w.find()
	if err == nil {
		err = w.look(ctx, now)
	}
	if err != nil && !w.failed {
		w.log.Warn("watched folder cannot be read; trying on", "error", err)
	}
	w.failed = err != nil
	w.handOver(ctx, now)
	w.follow(ctx)
}
