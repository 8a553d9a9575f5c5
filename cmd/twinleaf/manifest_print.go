package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/twinleaf-scan/twinleaf/core/parity"
)

func (a *app) printManifest(ctx context.Context, f parityFlags) error {
	m, err := a.manifest(ctx, f)
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(a.std.out, m)
	}
	return writeManifest(a.std.out, m)
}

// writeManifest prints a manifest for people.
func writeManifest(w io.Writer, m parity.Manifest) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(what, format string, a ...any) { fmt.Fprintf(t, "%s\t%s\n", what, fmt.Sprintf(format, a...)) }
	row("server", "%s", m.Server.Name)
	row("twinleaf", "%s, %s", m.Product, m.Platform)
	if l := m.License; l != nil {
		row("licence", "%s, %s, %d, signed by %s", l.Key, l.Kind, l.Code, l.Signer)
	}
	row("time zone", "%s", m.Zone)
	row("capacity", "%d cores, %d MB", m.Cores, m.MemoryMB)
	for _, e := range m.Engines {
		writeEngine(row, e)
	}
	for _, p := range m.Plugins {
		row("plug-in "+p.Name, "%s  %s  %s", cmp.Or(p.Version, "-"), p.Digest, p.Problem)
	}
	if m.Settings == nil {
		row("settings", "not known")
	}
	for _, s := range m.Settings {
		row("setting "+plain(s.Key), "revision %d  %s", s.Revision, s.Digest)
	}
	return t.Flush()
}

func writeEngine(row func(what, format string, a ...any), e parity.Engine) {
	name := "engine " + e.Plugin
	if e.Problem != "" {
		row(name, "%s", e.Problem)
		return
	}
	row(name, "%s %s", e.Name, e.Version)
	for _, lib := range slices.Sorted(maps.Keys(e.Libraries)) {
		row("  "+lib, "%s", e.Libraries[lib])
	}
	row("  code path", "%s", cmp.Or(e.SIMD, "-"))
	row("  golden page", "%s", cmp.Or(e.Golden, "-"))
	row("  languages", "%s", cmp.Or(strings.Join(slices.Sorted(maps.Keys(e.Data)), " "), "-"))
}
