package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/parity"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// takeManifest writes down what of this server must be the same on its peer. The
// settings are as the journal has them; nil: they are not known. With deep, the engines are
// looked at anew.
func takeManifest(ctx context.Context, c config, h *host.Host, settings []core.Setting, deep bool) (parity.Manifest, error) {
	engines, err := h.Fingerprint(ctx, deep)
	if err != nil {
		return parity.Manifest{}, fmt.Errorf("fingerprints of the engines: %w", err)
	}
	now := time.Now()
	held, err := licenseInForce(c, now)
	if err != nil {
		return parity.Manifest{}, err
	}
	m := parity.Manifest{
		Format: parity.Format, Product: version, Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Server: parity.Server{Name: c.Name}, License: held,
		Plugins: pluginsOf(h.List()), Own: ownOf(h), Engines: enginesOf(engines), Settings: settingsOf(settings),
		Zone: timeZone(), Clock: now.UTC(), Cores: runtime.GOMAXPROCS(0),
	}
	if bytes, ok := memory(); ok {
		m.MemoryMB = bytes >> 20
	}
	m.Sort()
	return m, m.Check()
}

// manifest is that of a server that runs.
func (e *engine) manifest(ctx context.Context, c config, now time.Time, deep bool) (parity.Manifest, error) {
	m, err := takeManifest(ctx, c, e.host, append([]core.Setting{}, e.pipe.Journaled()...), deep)
	m.Server.ID, m.Clock = e.self.ID, now.UTC()
	return m, err
}

// pluginsOf leaves out a program of the plug-in folder whose place one of the store takes.
func pluginsOf(list []host.Status) []parity.Plugin {
	all := []parity.Plugin{}
	for _, s := range list {
		p := pluginOf(s)
		i := slices.IndexFunc(all, func(other parity.Plugin) bool { return other.Name == p.Name })
		switch {
		case i < 0:
			all = append(all, p)
		case all[i].Problem != "" && p.Problem == "":
			all[i] = p
		}
	}
	return all
}

func pluginOf(s host.Status) parity.Plugin {
	p := parity.Plugin{
		Name: s.Name, Version: s.Version, Protocol: s.Protocol, Digest: s.Digest, Signer: s.Signer,
		Permissions: s.Permissions, Schema: s.Schema, Problem: plain(s.Problem),
	}
	for _, k := range s.Kinds {
		p.Kinds = append(p.Kinds, string(k))
	}
	for _, c := range s.Components {
		p.Media = append(p.Media, c.Media...)
	}
	slices.Sort(p.Kinds)
	slices.Sort(p.Media)
	p.Media = slices.Compact(p.Media)
	return p
}

// ownOf are the plug-ins that serve where a job names none. The built-in destination is a
// folder.
func ownOf(h *host.Host) map[core.StepKind][]string {
	own := map[core.StepKind][]string{core.StepDeliverer: {"folder"}}
	for kind, names := range h.Own() {
		own[core.StepKind(kind)] = names
	}
	return own
}

func enginesOf(list []host.Fingerprint) []parity.Engine {
	all := []parity.Engine{}
	for _, f := range list {
		all = append(all, parity.Engine{
			Plugin: f.Plugin, Name: plain(f.Engine), Version: plain(f.Version), Libraries: plainTable(f.Libraries),
			SIMD: plain(f.SIMD), Data: plainTable(f.Data), Golden: plain(f.Golden), Problem: plain(f.Problem),
		})
	}
	return all
}

func plainTable(t map[string]string) map[string]string {
	out := make(map[string]string, len(t))
	for k, v := range t {
		out[plain(k)] = plain(v)
	}
	return out
}

// settingsOf gives each setting with a digest of its value: a sealed secret is the same
// only where it came by one journal, and nobody learns anything of it.
func settingsOf(list []core.Setting) []parity.Setting {
	if list == nil {
		return nil
	}
	all := []parity.Setting{}
	for _, s := range list {
		sum := sha256.Sum256(s.Value)
		out := parity.Setting{Key: s.Key, Revision: s.Revision, User: plain(s.User), Digest: hex.EncodeToString(sum[:])}
		if strings.HasPrefix(s.Key, core.DestinationKey("")) {
			if d, err := core.ParseDestination(s.Value); err == nil {
				out.Plugin = d.Plugin
			}
		}
		all = append(all, out)
	}
	return all
}

// licenseInForce is the licence of this server; nil: it has none.
func licenseInForce(c config, now time.Time) (*parity.License, error) {
	dir := filepath.Join(c.Data, licenseFolder)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	shelf, err := license.OpenShelf(dir)
	if err != nil {
		return nil, err
	}
	l, err := shelf.Active()
	if errors.Is(err, license.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("licence in force: %w", err)
	}
	code, _ := l.State(now)
	return &parity.License{Key: string(l.Key), Role: string(l.Key.Role()), Kind: string(l.Kind), Code: int(code), Signer: l.Signer}, nil
}
