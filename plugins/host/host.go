package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Host runs the plug-ins of one folder. Its methods may be called from any
// goroutine, until Close.
type Host struct {
	config  Config
	log     *slog.Logger
	run     *claim // sockets
	spool   *claim // slots
	sandbox sandbox.Report
	starter *starter
	memory  *manifests
	slots   atomic.Int64 // numbers of slots given out
	calls   atomic.Int64
	life    context.Context // ends with Close
	end     context.CancelFunc
	wait    sync.WaitGroup // all goroutines

	plugins []*plugin // by path; never changes after Open

	mu     sync.Mutex // guards what follows
	names  map[string]*plugin
	warmed bool // there is work for all processes
	closed bool
}

// Open starts one process of each plug-in that it does not remember ([Config.Memory]), and
// more of those that work on pages in the background. It
// does not wait for one that is slow to start: calls do, that may need it. A plug-in
// that does not start is logged and shown by [Host.List]; it is no error. ctx bounds
// Open alone.
func Open(ctx context.Context, config Config) (*Host, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	plugins, err := config.catalogue()
	if err != nil {
		return nil, err
	}
	h := &Host{
		config: config, log: config.Logger, plugins: plugins, names: map[string]*plugin{},
		memory: recollect(config.Memory, config.Logger),
	}
	if err := h.confinement(ctx); err != nil {
		return nil, err
	}
	if err := h.claimFolders(); err != nil {
		return nil, errors.Join(err, h.unprivate())
	}
	h.life, h.end = context.WithCancel(context.Background())
	h.starter = newStarter()
	stop := context.AfterFunc(ctx, h.end)
	all := make(chan struct{})
	h.wait.Go(func() { defer close(all); h.openAll() })
	patience := time.NewTimer(config.Patience)
	defer patience.Stop()
	select {
	case <-all:
	case <-patience.C:
		h.log.Info("plug-ins still starting", "plugins", h.stragglers())
	case <-ctx.Done():
	}
	if !stop() || ctx.Err() != nil { // stop may be faster than what it stops
		return nil, errors.Join(context.Cause(ctx), h.Close())
	}
	h.wait.Go(h.watch)
	if config.Heartbeat > 0 {
		h.wait.Go(h.beat)
	}
	h.wait.Go(h.warmAll)
	return h, nil
}

// warmAll starts processes beforehand. What a single page needs last comes last.
func (h *Host) warmAll() {
	var all sync.WaitGroup
	for _, p := range h.plugins {
		all.Go(func() { h.warm(p) })
	}
	all.Wait()
	for _, p := range h.plugins {
		if pool, _ := p.ready(); pool != nil && h.config.Sparing && h.own(p, sdk.KindAssembler) {
			pool.warm(1)
		}
	}
}

// warm starts processes of a plug-in beforehand when its first process is there.
func (h *Host) warm(p *plugin) {
	select {
	case <-p.begun:
	case <-h.life.Done():
		return
	}
	if pool, _ := p.ready(); pool != nil {
		pool.warm(h.beforehand(p))
	}
}

// Warm says that there is more than one page: what recognises is started beforehand, as it
// is from the start on a host that is not sparing.
func (h *Host) Warm() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.warmed || h.closed || !h.config.Sparing {
		return
	}
	h.warmed = true
	for _, p := range h.plugins {
		h.wait.Go(func() { h.warm(p) })
	}
}

// Rest says that no page is expected for now: what stands idle of the plug-ins that filter
// and recognise ends, and its memory is there for others. A page that comes nevertheless
// has them started again.
func (h *Host) Rest() {
	for _, p := range h.plugins {
		if pool, _ := p.ready(); pool != nil && (h.own(p, sdk.KindFilter) || h.own(p, sdk.KindRecognizer)) {
			pool.rest()
		}
	}
}

func (h *Host) sparing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.config.Sparing && !h.warmed
}

// stragglers are the programs whose first start has not ended yet.
func (h *Host) stragglers() []string {
	var names []string
	for _, p := range h.plugins {
		if p.starting() {
			names = append(names, p.file())
		}
	}
	return names
}

// await waits for the first start of the program with a file name, if there is one:
// what programs are called inside is not known before.
func (h *Host) await(name string) {
	for _, p := range h.plugins {
		if p.file() == name {
			<-p.begun
		}
	}
}

// awaitAll waits for the first start of all programs.
func (h *Host) awaitAll() {
	for _, p := range h.plugins {
		<-p.begun
	}
}

// maxRun is the longest path of the run folder: a unix socket's path below it
// must stay under 108 bytes.
const maxRun = 50

func (h *Host) claimFolders() error {
	own := fmt.Sprintf("twinleaf-%d", os.Geteuid())
	if h.config.Run == "" {
		h.config.Run = filepath.Join(os.TempDir(), own)
		if len(h.config.Run) > maxRun {
			h.config.Run = filepath.Join("/tmp", own)
		}
	}
	if h.config.Spool == "" {
		h.config.Spool = filepath.Join(os.TempDir(), own+"-spool")
	}
	for _, base := range []*string{&h.config.Spool, &h.config.Run} {
		abs, err := filepath.Abs(*base)
		if err == nil {
			*base, err = h.passable(abs)
		}
		if err != nil {
			return err
		}
	}
	if len(h.config.Run) > maxRun {
		return fmt.Errorf("the folder for sockets, %s, has a path of more than %d bytes; choose a shorter one", h.config.Run, maxRun)
	}
	var err error
	if h.spool, err = h.claim(h.config.Spool); err != nil {
		return fmt.Errorf("spool of the plug-ins: %w", err)
	}
	if h.run, err = h.claim(h.config.Run); err != nil {
		return errors.Join(fmt.Errorf("folder for sockets: %w", err), h.spool.release())
	}
	return nil
}

func (h *Host) claim(base string) (*claim, error) {
	c, err := claimIn(base, h.log)
	if err != nil {
		return nil, err
	}
	return c, h.passage(c)
}

func (h *Host) openAll() {
	var all sync.WaitGroup
	for _, p := range h.plugins {
		all.Go(func() { h.open(p) })
	}
	all.Wait()
	h.memory.keep()
}

// beforehand is how many processes of p are started before they are called. The server's
// own that work on pages are; the others have the one that said what they are, or none.
// A sparing host starts those that every page needs, once: which reader that is, nobody
// knows.
func (h *Host) beforehand(p *plugin) int {
	reads, filters, recognizes := h.own(p, sdk.KindReader), h.own(p, sdk.KindFilter), h.own(p, sdk.KindRecognizer)
	switch {
	case recognizes && !h.sparing(), !h.config.Sparing && (reads || filters):
		return h.config.size(p.kinds())
	case recognizes, filters:
		return 1
	}
	return 0
}

// expected reports whether p is one of the server's own, which a job needs that names no
// plug-ins.
func (h *Host) expected(p *plugin) bool {
	return slices.ContainsFunc(p.kinds(), func(k sdk.Kind) bool { return h.own(p, k) })
}

// own reports whether p is one of the server's own plug-ins of a kind.
func (h *Host) own(p *plugin, k sdk.Kind) bool {
	return slices.Contains(p.kinds(), k) && slices.Contains(h.config.Own[k], p.name())
}

// watchEvery is the time between two looks at the memory of busy processes; idle
// ones are looked at every tenth time.
const watchEvery = 100 * time.Millisecond

func (h *Host) watch() {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-h.life.Done():
			return
		case <-tick.C:
		}
		for _, p := range h.plugins {
			if pool, _ := p.ready(); pool != nil {
				pool.watch(n)
				if n%5 == 0 {
					pool.watchDisk(n)
				}
			}
		}
	}
}

// Close ends all plug-in processes, running calls with them, and waits until
// nothing is left. The host cannot be used afterwards; a second Close does nothing.
func (h *Host) Close() error {
	h.mu.Lock()
	closed := h.closed
	h.closed = true
	h.mu.Unlock()
	if closed {
		return nil
	}
	h.end()
	for _, p := range h.plugins {
		if pool, _ := p.ready(); pool != nil {
			pool.close()
		}
	}
	h.wait.Wait()
	h.starter.stop()
	return errors.Join(h.spool.release(), h.run.release(), h.unprivate())
}
