package host

import (
	"errors"
	"fmt"
	"sync"

	"github.com/twinleaf-scan/twinleaf/plugins/host/native"
)

// Native says which libraries that were built for this processor a plug-in runs with.
type Native struct {
	Prefix string `json:"prefix"`
	Source string `json:"source,omitempty"` // what it was built of
	Aside  string `json:"aside,omitempty"`  // why it is not used; empty: it is
}

// faster is the library that goes before the system's in all processes of a plug-in. Which
// it is, is settled with the plug-in's first process: a page is never read by the one build
// and the next by the other.
type faster struct {
	mu      sync.Mutex // guards what follows
	prefix  string     // empty: none was looked for, or found
	library *native.Library
	aside   error
}

// find looks for the library of a plug-in that comes with the server.
func (f *faster) find(c Config, p *plugin) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.DistributionOnly || p.stored || f.prefix != "" {
		return
	}
	prefix := native.Beside(c.Dir, p.file())
	library, err := native.Open(prefix)
	if errors.Is(err, native.ErrNone) {
		return
	}
	f.prefix, f.library, f.aside = prefix, library, err
}

// use gives the library that the next process loads; nil: none.
func (f *faster) use() *native.Library {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.aside != nil {
		return nil
	}
	return f.library
}

// leave has the processes from now on run with the distribution's library.
func (f *faster) leave(why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.aside = why
}

// status is nil where there is no such library.
func (f *faster) status() *Native {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.prefix == "" {
		return nil
	}
	s := &Native{Prefix: f.prefix}
	if f.library != nil {
		s.Source = f.library.Build.Source
	}
	if f.aside != nil {
		s.Aside = f.aside.Error()
	}
	return s
}

// startFirst starts the first process of p, with the library that was built for this
// processor where there is one. Where it does not start so, it is started without.
func (h *Host) startFirst(p *plugin) (*worker, error) {
	p.faster.find(h.config, p)
	if s := p.faster.status(); s != nil && s.Aside != "" {
		h.tellAside(p)
	}
	w, err := h.startWorker(p)
	if err == nil || p.faster.use() == nil {
		return w, err
	}
	why := fmt.Errorf("the plug-in does not start with it: %w", err)
	p.faster.leave(why)
	if w, err = h.startWorker(p); err != nil {
		p.faster.leave(nil) // it was not the library
		return nil, err
	}
	h.tellAside(p)
	return w, nil
}

func (h *Host) tellAside(p *plugin) {
	s := p.faster.status()
	h.log.Warn("native library left aside, the distribution's is used", "plugin", p.file(), "prefix", s.Prefix, "cause", s.Aside)
}

// preload is the library for one process, after a look at whether it is still there.
func (h *Host) preload(p *plugin) *native.Library {
	library := p.faster.use()
	if library == nil {
		return nil
	}
	if err := library.Unchanged(); err != nil {
		p.faster.leave(fmt.Errorf("%w; restart the server to use a new one", err))
		h.tellAside(p)
		return nil
	}
	return library
}
