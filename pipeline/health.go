package pipeline

import (
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Modes of a server.
const (
	ModeActive      = "active"
	ModeMaintenance = "maintenance"
	ModeDraining    = "draining"
)

// dataItem is a part of the data service.
type dataItem int

const (
	journalItem dataItem = iota
	blobItem
)

// health is what the pipeline knows of its own state. Its zero value is to be begun.
type health struct {
	mu     sync.Mutex // guards what follows
	causes [2]string  // by dataItem; empty: it is up
	data   core.Item
	mode   core.Item
	web    core.Item
}

func (h *health) begin(now time.Time) {
	h.data = core.Item{State: "up", Since: now}
	h.web = core.Item{State: "up", Since: now}
	h.mode = core.Item{State: ModeActive, Since: now}
}

func (h *health) get() core.Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	return core.Health{Web: h.web, Data: h.data, Mode: h.mode}
}

// down notes why a part of the data service does not work. It reports whether
// that is news.
func (h *health) down(item dataItem, cause string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	news := h.causes[item] == ""
	h.causes[item] = cause
	h.settle(now)
	return news
}

func (h *health) up(item dataItem, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.causes[item] = ""
	h.settle(now)
}

func (h *health) isDown(item dataItem) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.causes[item] != ""
}

func (h *health) settle(now time.Time) {
	state, cause := "up", h.causes[journalItem]
	if cause == "" {
		cause = h.causes[blobItem]
	}
	if cause != "" {
		state = "down"
	}
	if state != h.data.State {
		h.data.Since = now
	}
	h.data.State, h.data.Cause = state, cause
}

func (h *health) setMode(mode, cause string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.mode.State != ModeDraining && h.mode.State != mode {
		h.mode = core.Item{State: mode, Cause: cause, Since: now}
	}
}

// refusal is why no new job is taken, nil if one is.
func (h *health) refusal() error {
	switch mode := h.get().Mode; mode.State {
	case ModeDraining:
		return ErrStopped
	case ModeMaintenance:
		detail := "the server is in maintenance"
		if mode.Cause != "" {
			detail += ": " + mode.Cause
		}
		return &core.Failure{Code: core.CodeMaintenance, Detail: detail, Remedy: "submit later"}
	}
	return nil
}

// Health says how the data service is and in which mode the server is. Web is up:
// only who serves it can know better.
func (p *Pipeline) Health() core.Health { return p.health.get() }

// Maintenance refuses new jobs while it is on. Jobs that were taken are worked on.
func (p *Pipeline) Maintenance(on bool, cause string) {
	mode := ModeActive
	if on {
		mode = ModeMaintenance
	}
	p.health.setMode(mode, cause, p.cfg.Now())
}
