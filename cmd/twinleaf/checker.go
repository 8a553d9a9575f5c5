package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/parity"
	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

const (
	compareEvery = 10 * time.Second // between two comparisons of servers that are at parity
	compareSoon  = time.Second      // of those that are not: what differs may just be on its way
	compareLimit = 30 * time.Second // of one: an engine may have to be looked at
)

// peerManifest is where the peer's last manifest lies in the data folder: a server that
// starts while its peer is gone must know what it was last like.
const peerManifest = "peer-manifest.json"

// checker compares this server with its peer, again and again and on demand. What it found
// decides which jobs may run here and whether settings come over.
type checker struct {
	here  func(ctx context.Context, deep bool) (parity.Manifest, error)
	there func(ctx context.Context, deep bool) (m parity.Manifest, at time.Time, err error) // at: when it was taken, by the clock here
	roles func() parity.Pair
	path  string // of the peer's last manifest
	tell  func() // that something was found
	now   func() time.Time
	log   *slog.Logger

	asked chan question

	mu      sync.Mutex // guards what follows
	report  parity.Report
	known   bool // the servers were compared
	peer    parity.Manifest
	checked time.Time // with the peer's own word; zero: not since the start
	skew    time.Duration
}

// question asks for a comparison now.
type question struct {
	deep   bool
	answer chan error // has room for it
}

// recall reads what the peer was last like.
func (c *checker) recall() error {
	raw, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var m parity.Manifest
	if err := json.Unmarshal(raw, &m); err != nil || m.Check() != nil {
		c.log.Warn("what the other server was last like cannot be read; nothing of it is taken over until they were compared", "file", c.path)
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peer, c.known = m, true
	return nil
}

// run compares until ctx ends.
func (c *checker) run(ctx context.Context) error {
	for {
		c.compare(ctx, false)
		wait := time.NewTimer(c.next())
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-wait.C:
		case q := <-c.asked:
			wait.Stop()
			q.answer <- c.compare(ctx, q.deep)
		}
	}
}

// next is how long to wait for the next comparison.
func (c *checker) next() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known && c.report.At {
		return compareEvery
	}
	return compareSoon
}

// compare holds the servers against each other once. Without the peer's word it takes
// what the peer was last like; its settings are those that came over.
func (c *checker) compare(ctx context.Context, deep bool) error {
	ctx, stop := context.WithTimeout(ctx, compareLimit)
	defer stop()
	here, err := c.here(ctx, deep)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Warn("this server cannot be compared with the other", "err", err)
		}
		return err
	}
	there, at, err := c.there(ctx, deep)
	if err == nil {
		here.Clock = at
		c.heard(there, there.Clock.Sub(at))
	} else {
		c.mu.Lock()
		known := c.known
		there, there.Clock, there.Settings = c.peer, time.Time{}, here.Settings
		c.mu.Unlock()
		if !known {
			return err
		}
	}
	c.settle(parity.Compare(here, there, c.roles()))
	return err
}

// heard keeps what the peer says of itself.
func (c *checker) heard(m parity.Manifest, skew time.Duration) {
	c.mu.Lock()
	was := c.peer
	c.peer, c.known, c.checked, c.skew = m, true, c.now(), skew
	c.mu.Unlock()
	was.Clock, m.Clock = time.Time{}, time.Time{}
	before, _ := json.Marshal(was) // a manifest can always be written
	text, _ := json.Marshal(m)
	if string(before) == string(text) {
		return
	}
	if err := durable.Write(c.path, text, 0o600); err != nil {
		c.log.Warn("what the other server is like could not be written down", "err", err)
	}
}

// settle takes in what a comparison found.
func (c *checker) settle(r parity.Report) {
	c.mu.Lock()
	news := !sameDifferences(c.report, r)
	c.report = r
	c.mu.Unlock()
	c.tell()
	if !news {
		return
	}
	for _, d := range r.Differences {
		level := slog.LevelWarn
		if d.Severity == parity.Warning {
			level = slog.LevelInfo
		}
		c.log.Log(context.Background(), level, "the servers differ", "code", string(d.Code), "severity", string(d.Severity),
			"what", d.What, "here", d.Here, "there", d.There, "remedy", d.Remedy)
	}
	if r.At {
		c.log.Info("the servers are at parity", "warnings", len(r.Differences))
	}
}

func sameDifferences(a, b parity.Report) bool {
	if a.At != b.At || len(a.Differences) != len(b.Differences) {
		return false
	}
	for i, d := range a.Differences {
		o := b.Differences[i]
		if d.Code != o.Code || d.What != o.What || d.Severity != o.Severity {
			return false
		}
	}
	return true
}

// ask compares now and says why that could not be done.
func (c *checker) ask(ctx context.Context, deep bool) error {
	answer := make(chan error, 1)
	select {
	case c.asked <- question{deep, answer}:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// verdict is what the comparison means for a takeover.
func (c *checker) verdict() (v pair.Parity, lacking bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.known || len(c.report.Differences) == 0 && !c.report.At:
		return pair.ParityUnknown, false
	case c.report.At:
		v = pair.ParitySame
	default:
		v = pair.ParityDiffers
	}
	return v, c.lacking()
}

// lacking reports whether the peer alone has an OCR engine.
func (c *checker) lacking() bool {
	return slices.ContainsFunc(c.report.Differences, func(d parity.Difference) bool {
		return d.Code == parity.EngineOneSide && len(d.Needs) > 0
	})
}

// lacks says why a job of this server cannot be worked on here; nil: it can. What is still to
// be done is of these kinds.
func (c *checker) lacks(kinds []core.StepKind) *core.Failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(kinds, core.StepRecognizer) || !c.lacking() {
		return nil
	}
	return &core.Failure{
		Code: codeParity, Detail: "the job waits for the other server: only that one has an OCR engine",
		Remedy: "bring the other server back, or install the OCR engine here", Permanent: true,
	}
}

// may says why a job of the peer may not run here; nil: it may.
func (c *checker) may(j parity.Job, kinds ...core.StepKind) *core.Failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	reason, ok := c.report.May(j, kinds...)
	if ok {
		return nil
	}
	return &core.Failure{
		Code: codeParity, Detail: "the job is held here, for this server differs from its own in what the job needs: " + reason,
		Remedy: `bring the servers together ("twinleaf parity" names all differences), or bring the job's own server back`, Permanent: true,
	}
}

// codeParity is the code of a job that parity holds.
const codeParity = "parity"

// syncs says why settings do not come over now; nil: they do.
func (c *checker) syncs() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if reason, ok := c.report.Syncs(); !ok {
		return core.Refuse(codeParity, "mend that; settings then come over by themselves", "settings and plug-ins are not synchronised: %s", reason)
	}
	return nil
}

// found is what the last comparison found, and when the peer had its word in it.
func (c *checker) found() (parity.Report, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report, c.checked
}

// compared reports whether the servers were ever compared.
func (c *checker) compared() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// skewed is how far the peer's clock is ahead.
func (c *checker) skewed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.skew
}

// peerIs is what the peer last said of itself; not ok: nothing.
func (c *checker) peerIs() (parity.Manifest, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peer, c.known
}
