package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// plugin is one program of the plug-in folder or of the store. A program that could
// not be started yet has no manifest and no pool; it is tried again now and then.
type plugin struct {
	path   string
	sum    func() (string, error) // SHA-256 of the program, computed once
	pin    *store.Pin             // what a lock says of it; nil: nothing
	stored bool                   // it lies in the store: a stranger made it
	barred error                  // why it is not even looked at

	engineWas lastWord // what it said last of its engine
	faster    faster

	denied  atomic.Int64  // connections that were not granted
	begun   chan struct{} // closed when its first start has ended, well or badly
	once    sync.Once     // closes it
	opening sync.Mutex    // held while the first process starts; guards retry
	retry   time.Time     // when to try again

	mu      sync.Mutex // guards what follows, until pool is set; then nothing of it changes
	pool    *pool
	raw     []byte // manifest as the program gave it
	about   sdk.Manifest
	limitKB int64
	problem error // why there is no pool
}

func newPlugin(path string) *plugin {
	return &plugin{path: path, begun: make(chan struct{}), sum: sync.OnceValues(func() (string, error) { return sumOf(path) })}
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// file is the base name of the program, or what the lock calls it in the store.
func (p *plugin) file() string {
	if p.stored && p.pin != nil {
		return p.pin.Entry.Name
	}
	return filepath.Base(p.path)
}

// name is the plug-in's own name, or its file's while that is not known.
func (p *plugin) name() string {
	if p.about.Name != "" {
		return p.about.Name
	}
	return p.file()
}

func (p *plugin) kinds() []sdk.Kind {
	var kinds []sdk.Kind
	for _, c := range p.about.Components {
		if !slices.Contains(kinds, c.Kind) {
			kinds = append(kinds, c.Kind)
		}
	}
	return kinds
}

// by says who made something, with the engine where there is one.
func (p *plugin) by() string {
	by := p.about.Name + " " + p.about.Version
	if p.about.Engine != "" {
		by += " (" + p.about.Engine + ")"
	}
	return by
}

// ready gives the pool; nil and the reason if there is none.
func (p *plugin) ready() (*pool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pool, p.problem
}

// retryStart is how long a program that did not start at all is left alone.
const retryStart = 30 * time.Second

// open starts the first process of a plug-in, unless that is done or was tried
// lately, and learns from it what the plug-in is.
func (h *Host) open(p *plugin) {
	p.opening.Lock()
	defer p.opening.Unlock()
	defer p.once.Do(func() { close(p.begun) })
	if pool, _ := p.ready(); pool != nil || time.Now().Before(p.retry) {
		return
	}
	err := h.recognise(p)
	if err == nil {
		return
	}
	h.log.Warn("plug-in cannot be used", "path", p.path, "error", err)
	p.retry = time.Now().Add(retryStart)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problem = err
}

// recognise learns what a plug-in is, from memory or by starting it, and makes its pool.
func (h *Host) recognise(p *plugin) error {
	if raw, known := h.memory.recall(p); known && h.learn(p, raw) == nil {
		return h.enlist(p, nil)
	}
	look, _ := p.look() // without one it is not remembered
	w, err := h.startFirst(p)
	if err != nil {
		return err
	}
	if err := h.learn(p, w.manifest); err != nil {
		w.kill()
		return err
	}
	if wants(p.about.Permissions) {
		if w, err = h.startAgain(p, w); err != nil {
			return err
		}
	}
	h.memory.note(p, look)
	return h.enlist(p, w)
}

// learn takes a plug-in's word for what it is, if that can be.
func (h *Host) learn(p *plugin, manifest []byte) error {
	about, err := decodeManifest(manifest)
	if err == nil {
		err = h.claimName(about.Name, p)
	}
	if err == nil && p.pin != nil {
		err = p.pin.CheckManifest(about)
	}
	if err != nil {
		return fmt.Errorf("plug-in %s: %w", p.file(), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.raw, p.about = manifest, about
	p.limitKB = int64(h.memoryMB(about)) << 10
	return nil
}

// enlist makes the pool of a plug-in around its first process, if one was started.
func (h *Host) enlist(p *plugin, w *worker) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.problem = nil
	pool := newPool(h, p, h.config.size(p.kinds()))
	if w != nil {
		w.limitKB = p.limitKB
		pool.counts.Starts = 1
		pool.idle = []*worker{w}
	}
	if err := h.take(p, pool); err != nil {
		if w != nil {
			w.kill()
		}
		return err
	}
	if (h.config.Sparing || h.config.Memory != "") && !h.expected(p) {
		pool.clear() // it has said what it is; the next start remembers that and has none either
	}
	h.log.Info("plug-in ready", "plugin", p.about.Name, "version", p.about.Version, "kinds", p.kinds(), "processes", cap(pool.turns))
	return nil
}

// startAgain replaces the first process, which could do nothing but say what it is, by
// one with what its manifest asks for.
func (h *Host) startAgain(p *plugin, first *worker) (*worker, error) {
	first.kill()
	w, err := h.startWorker(p)
	if err == nil && string(w.manifest) != string(p.raw) {
		w.kill()
		err = fmt.Errorf("plug-in %s says something else of itself each time", p.file())
	}
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.about = sdk.Manifest{} // what it may do is found out anew the next time
	}
	return w, err
}

// take gives p its pool, unless the host is being closed: Close ends the pools that it
// finds. The caller holds p.mu.
func (h *Host) take(p *plugin, pool *pool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errClosed
	}
	p.pool = pool
	return nil
}

// starting reports whether the first start has not ended yet.
func (p *plugin) starting() bool {
	select {
	case <-p.begun:
		return false
	default:
		return true
	}
}

func (h *Host) memoryMB(m sdk.Manifest) int {
	if asked := m.Permissions.MemoryMB; asked > 0 {
		return min(asked, h.config.MemoryMB)
	}
	return h.config.MemoryMB
}

// claimName makes sure that no two programs go by one name. A file's own name is
// kept for its program, whichever of two starts faster.
func (h *Host) claimName(name string, p *plugin) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := replaced(h.plugins, name); err != nil && !p.stored {
		return err
	}
	if other, taken := h.names[name]; taken && other != p {
		return fmt.Errorf("%s has the name %q already", other.path, name)
	}
	for _, other := range h.plugins {
		if other != p && p.file() != name && other.file() == name {
			return fmt.Errorf("it calls itself %q, which is the name of %s", name, other.path)
		}
	}
	h.names[name] = p
	return nil
}
