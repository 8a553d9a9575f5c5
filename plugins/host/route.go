package host

import (
	"cmp"
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

// reader finds the reader of a media type.
func (h *Host) reader(media, op string) (target, error) {
	t, ok := h.find(h.config.Use[sdk.KindReader], sdk.KindReader, op, func(c sdk.ComponentManifest) bool {
		return slices.Contains(c.Media, media)
	})
	if ok {
		return t, nil
	}
	return target{}, &core.Failure{
		Code: core.CodeUnsupported, Detail: "no plug-in for " + cmp.Or(media, "an input of unknown type"),
		Remedy: `run "twinleaf plugin list"; see PLUGINS.md`, Permanent: true,
	}
}

// only finds the component of a kind: the one that Config.Use names, else the
// first by the plug-in's name.
func (h *Host) only(kind sdk.Kind, op string) (target, error) {
	return h.named(h.config.Use[kind], kind, op)
}

// named finds a component of a kind in the plug-in called name, in any if it is empty.
func (h *Host) named(name string, kind sdk.Kind, op string) (target, error) {
	t, ok := h.find(name, kind, op, func(sdk.ComponentManifest) bool { return true })
	if ok {
		return t, nil
	}
	return target{}, h.missing(name, kind)
}

func (h *Host) missing(name string, kind sdk.Kind) *core.Failure {
	detail := fmt.Sprintf("no %s plug-in in %s", kind, h.config.Dir)
	if name != "" {
		detail = fmt.Sprintf("no %s plug-in called %s in %s", kind, quote(name), h.config.Dir)
	}
	return &core.Failure{Code: core.CodePlugin, Detail: detail, Remedy: `run "twinleaf plugin list"; see PLUGINS.md`}
}

// find gives the first suitable component by plug-in name, with any operation if op is
// empty. When there is none,
// programs that would not start are tried again first.
func (h *Host) find(name string, kind sdk.Kind, op string, fits func(sdk.ComponentManifest) bool) (target, bool) {
	if t, ok := h.findReady(name, kind, op, fits); ok {
		return t, true
	}
	if h.enter() != nil {
		return target{}, false
	}
	defer h.wait.Done()
	h.openAll()
	return h.findReady(name, kind, op, fits)
}

func (h *Host) findReady(name string, kind sdk.Kind, op string, fits func(sdk.ComponentManifest) bool) (target, bool) {
	var found []target
	for _, p := range h.plugins {
		pool, _ := p.ready()
		if pool == nil || name != "" && p.about.Name != name {
			continue
		}
		i := slices.IndexFunc(p.about.Components, func(c sdk.ComponentManifest) bool {
			return c.Kind == kind && (op == "" || slices.Contains(c.Ops, op)) && fits(c)
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
