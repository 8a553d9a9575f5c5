package host

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// target is the component that a call goes to.
type target struct {
	plugin    *plugin
	pool      *pool
	component string
}

// schema is the JSON Schema of the component's settings.
func (t target) schema() json.RawMessage {
	for _, c := range t.plugin.about.Components {
		if c.ID == t.component {
			return c.Schema
		}
	}
	return nil
}

// reader finds the reader of a media type: of those that the job prefers, else one
// of the server's own, else the first by the plug-in's name.
func (h *Host) reader(media, op string, preferred []string) (target, error) {
	fits := func(c sdk.ComponentManifest) bool { return slices.Contains(c.Media, media) }
	for _, name := range append(slices.Clip(preferred), h.config.Own[sdk.KindReader]...) {
		h.await(name)
		if t, ok := h.findReady(name, "", sdk.KindReader, op, fits); ok {
			return t, nil
		}
	}
	if t, ok := h.find("", "", sdk.KindReader, op, fits); ok {
		return t, nil
	}
	return target{}, &core.Failure{
		Code: core.CodeUnsupported, Detail: "no plug-in for " + cmp.Or(media, "an input of unknown type"),
		Remedy: `run "twinleaf plugin list"; see PLUGINS.md`, Permanent: true,
	}
}

// step finds the component that a step of a job names. One that names no plug-in
// gets the server's own, or the first by name where that is not there.
func (h *Host) step(s core.Step, kind sdk.Kind, op string) (target, error) {
	if s.Plugin == "" {
		for _, name := range h.config.Own[kind] {
			h.await(name)
			if t, ok := h.findReady(name, s.Component, kind, op, anything); ok {
				return t, nil
			}
		}
	}
	if t, ok := h.find(s.Plugin, s.Component, kind, op, anything); ok {
		return t, nil
	}
	return target{}, h.missing(s, kind)
}

func anything(sdk.ComponentManifest) bool { return true }

func (h *Host) missing(s core.Step, kind sdk.Kind) *core.Failure {
	if err := h.unusable(s.Plugin); err != nil {
		return &core.Failure{Code: core.CodePlugin, Detail: err.Error(), Remedy: `run "twinleaf plugin list" and "twinleaf plugin verify" on the server`}
	}
	what := fmt.Sprintf("no %s plug-in", kind)
	if s.Plugin != "" {
		what += " called " + quote(s.Plugin)
	}
	if s.Component != "" {
		what += " with a component " + quote(s.Component)
	}
	return &core.Failure{Code: core.CodePlugin, Detail: what + " in " + h.config.Dir, Remedy: `run "twinleaf plugin list"; see PLUGINS.md`}
}

// find gives the first suitable component by plug-in name, with any operation if op is
// empty and any id if component is. When there is none, programs that are starting are
// waited for, and those that would not start are tried again.
func (h *Host) find(name, component string, kind sdk.Kind, op string, fits func(sdk.ComponentManifest) bool) (target, bool) {
	h.await(name)
	if t, ok := h.findReady(name, component, kind, op, fits); ok {
		return t, true
	}
	if h.enter() != nil {
		return target{}, false
	}
	defer h.wait.Done()
	h.awaitAll()
	h.openAll()
	return h.findReady(name, component, kind, op, fits)
}

func (h *Host) findReady(name, component string, kind sdk.Kind, op string, fits func(sdk.ComponentManifest) bool) (target, bool) {
	var found []target
	for _, p := range h.plugins {
		pool, _ := p.ready()
		if pool == nil || name != "" && p.about.Name != name {
			continue
		}
		i := slices.IndexFunc(p.about.Components, func(c sdk.ComponentManifest) bool {
			return c.Kind == kind && (component == "" || c.ID == component) && (op == "" || slices.Contains(c.Ops, op)) && fits(c)
		})
		if i >= 0 {
			found = append(found, target{p, pool, p.about.Components[i].ID})
		}
	}
	if len(found) == 0 {
		return target{}, false
	}
	return slices.MinFunc(found, func(a, b target) int { return cmp.Compare(a.plugin.about.Name, b.plugin.about.Name) }), true
}
