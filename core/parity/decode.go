package parity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/core"
)

// What a manifest may hold.
const (
	maxBytes    = 8 << 20
	maxPlugins  = 5000
	maxEngines  = 100
	maxSettings = 20_000
	maxEntries  = 1000 // of a map, or of a list within a plug-in
	maxText     = 4096 // bytes
)

// Decode reads one manifest as another server wrote it. What this version does not
// know is refused, so that nothing is compared that was not understood.
func Decode(r io.Reader) (Manifest, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return Manifest{}, fmt.Errorf("read the manifest: %w", err)
	}
	if len(raw) > maxBytes {
		return Manifest{}, fmt.Errorf("the manifest has more than %d bytes", maxBytes)
	}
	var head struct{ Format *int }
	if err := json.Unmarshal(raw, &head); err != nil || head.Format == nil {
		return Manifest{}, errors.New("this is no manifest of a server")
	}
	if *head.Format != Format {
		return Manifest{}, fmt.Errorf("the manifest has form %d, this version of Twinleaf knows form %d: bring both servers to one version", *head.Format, Format)
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("manifest: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Manifest{}, errors.New("manifest: something follows it")
	}
	m.Sort()
	return m, m.Check()
}

// Check says what is wrong with a manifest: lists that are too long, texts that are no
// plain text, names that come twice.
func (m Manifest) Check() error {
	switch {
	case m.Format != Format:
		return fmt.Errorf("manifest: form %d, want %d", m.Format, Format)
	case len(m.Plugins) > maxPlugins || len(m.Engines) > maxEngines || len(m.Settings) > maxSettings:
		return fmt.Errorf("manifest: %d plug-ins, %d engines and %d settings; at most %d, %d and %d are possible",
			len(m.Plugins), len(m.Engines), len(m.Settings), maxPlugins, maxEngines, maxSettings)
	case m.Cores < 0 || m.MemoryMB < 0:
		return errors.New("manifest: less than no cores or memory")
	}
	c := &checker{}
	c.texts("server", m.Product, m.Platform, m.Server.ID, m.Server.Name, m.Zone)
	if l := m.License; l != nil {
		c.texts("license", l.Key, l.Role, l.Kind, l.Signer)
	}
	checkList(c, "plug-in", m.Plugins, pluginName)
	checkList(c, "engine", m.Engines, engineName)
	checkList(c, "setting", m.Settings, settingName)
	for _, p := range m.Plugins {
		c.texts(p.Name, p.Version, p.Digest, p.Signer, p.Permissions, p.Schema, p.Form, p.Problem)
		c.list(p.Name, p.Kinds)
		c.list(p.Name, p.Media)
	}
	for _, e := range m.Engines {
		c.texts(e.Plugin, e.Name, e.Version, e.SIMD, e.Golden, e.Problem)
		c.table(e.Plugin, e.Libraries)
		c.table(e.Plugin, e.Data)
	}
	for _, s := range m.Settings {
		c.texts(s.Key, s.User, s.Digest, s.Plugin)
	}
	c.own(m.Own)
	return c.err
}

// checker keeps the first thing that is wrong.
type checker struct{ err error }

func (c *checker) fail(format string, a ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("manifest: "+format, a...)
	}
}

func (c *checker) texts(of string, all ...string) {
	for _, s := range all {
		if len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, unprintable) {
			c.fail("%.100q: %.100q is no plain text of at most %d bytes", of, s, maxText)
		}
	}
}

// unprintable finds what would move the cursor of whoever reads a difference.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func (c *checker) list(of string, all []string) {
	if len(all) > maxEntries {
		c.fail("%.100q has a list of %d, at most %d are possible", of, len(all), maxEntries)
	}
	c.texts(of, all...)
}

func (c *checker) table(of string, all map[string]string) {
	if len(all) > maxEntries {
		c.fail("%.100q has a table of %d, at most %d are possible", of, len(all), maxEntries)
	}
	for k, v := range all {
		c.texts(of, k, v)
	}
}

func (c *checker) own(own map[core.StepKind][]string) {
	if len(own) > maxEntries {
		c.fail("own: %d kinds", len(own))
	}
	for kind, names := range own {
		c.texts("own", string(kind))
		c.list("own", names)
	}
}

// checkList wants a list in its order, each name once.
func checkList[T any](c *checker, what string, list []T, name func(T) string) {
	for i, item := range list {
		c.texts(what, name(item))
		if name(item) == "" {
			c.fail("%s %d has no name", what, i+1)
		}
		if i > 0 && name(list[i-1]) == name(item) {
			c.fail("the %s %q is named twice", what, name(item))
		}
	}
	if !slices.IsSortedFunc(list, byName(name)) {
		c.fail("the list of %ss is not sorted", what)
	}
}
