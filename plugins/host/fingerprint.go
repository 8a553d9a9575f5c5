package host

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Fingerprint is what the engine behind a recognizer is.
type Fingerprint struct {
	Plugin    string            `json:"plugin"`
	Engine    string            `json:"engine,omitempty"`
	Version   string            `json:"version,omitempty"`
	Libraries map[string]string `json:"libraries,omitempty"` // name to version
	SIMD      string            `json:"simd,omitempty"`
	Data      map[string]string `json:"data,omitempty"` // language to SHA-256
	Golden    string            `json:"golden,omitempty"`
	Problem   string            `json:"problem,omitempty"` // why there is none
}

// fingerprintTimeout bounds one question; the engine may be at work on a page first.
const fingerprintTimeout = time.Minute

// maxTable bounds the libraries and the languages of a fingerprint.
const maxTable = 1000

// Fingerprint asks every recognizer what its engine is, by the plug-ins' names. One that
// does not tell is named by what its manifest says. One that cannot is in the list with the
// problem; while it is merely busy, its last word stands. With deep, nothing that was
// found out earlier serves. The error is that the host is closed or ctx has ended.
func (h *Host) Fingerprint(ctx context.Context, deep bool) ([]Fingerprint, error) {
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.wait.Done()
	var mu sync.Mutex // guards found
	var found []Fingerprint
	var all sync.WaitGroup
	for _, p := range h.plugins {
		all.Go(func() {
			t, ok := p.recognizer(ctx)
			if !ok {
				return
			}
			f := h.fingerprint(ctx, t, deep)
			mu.Lock()
			defer mu.Unlock()
			found = append(found, f)
		})
	}
	all.Wait()
	slices.SortFunc(found, func(a, b Fingerprint) int { return cmp.Compare(a.Plugin, b.Plugin) })
	return found, ctx.Err()
}

// recognizer is the component of p that has an engine. What p is, is known when it has
// started for the first time.
func (p *plugin) recognizer(ctx context.Context) (target, bool) {
	select {
	case <-p.begun:
	case <-ctx.Done():
	}
	pool, _ := p.ready()
	if pool == nil {
		return target{}, false
	}
	i := slices.IndexFunc(p.about.Components, func(c sdk.ComponentManifest) bool { return c.Kind == sdk.KindRecognizer })
	if i < 0 {
		return target{}, false
	}
	return target{p, pool, p.about.Components[i].ID}, true
}

func (t target) tells() bool {
	return slices.ContainsFunc(t.plugin.about.Components, func(c sdk.ComponentManifest) bool {
		return c.ID == t.component && slices.Contains(c.Ops, sdk.OpFingerprint)
	})
}

func (h *Host) fingerprint(ctx context.Context, t target, deep bool) Fingerprint {
	f, err := h.engine(ctx, t, deep, "")
	if err == nil {
		return f
	}
	if last := t.plugin.engineWas.get(); busy(err) && last.fingerprint.Plugin != "" {
		return last.fingerprint
	}
	return Fingerprint{Plugin: t.plugin.name(), Engine: t.plugin.about.Engine, Problem: brief(err.Error())}
}

// engine asks for the fingerprint of t, if it can, the process that was last asked about
// something, where that is idle.
func (h *Host) engine(ctx context.Context, t target, deep bool, about string) (Fingerprint, error) {
	if !t.tells() {
		return Fingerprint{Plugin: t.plugin.name(), Engine: t.plugin.about.Engine}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, fingerprintTimeout)
	defer cancel()
	last := t.plugin.engineWas.get()
	r := request{target: t, op: sdk.OpFingerprint, about: "fingerprint", affinity: about}
	r.args = func(*inputs) (any, error) {
		return sdk.FingerprintRequest{Deep: deep, Kept: last.keep}, nil
	}
	next, err := call(ctx, h, r, func(_ *outputs, f sdk.Fingerprint) (engineWord, error) { return wordOf(t.plugin.name(), f) })
	if err != nil {
		return Fingerprint{}, err
	}
	t.plugin.engineWas.set(next)
	return next.fingerprint, nil
}

// busy reports whether there was no answer because nobody came to giving one.
func busy(err error) bool {
	f, ok := errors.AsType[*core.Failure](err)
	return ok && f.Code == core.CodeTimeout || errors.Is(err, context.Canceled)
}

// engineWord is the last fingerprint of a plug-in and what it wanted kept for the next.
type engineWord struct {
	fingerprint Fingerprint
	keep        json.RawMessage
}

// lastWord is what one plug-in said last.
type lastWord struct {
	mu   sync.Mutex // guards last
	last engineWord
}

func (m *lastWord) get() engineWord {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

func (m *lastWord) set(next engineWord) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = next
}

// wordOf takes a fingerprint from a plug-in.
func wordOf(plugin string, f sdk.Fingerprint) (engineWord, error) {
	if len(f.Keep) > sdk.MaxKeep {
		return engineWord{}, fmt.Errorf("it wants %d bytes kept, at most %d are", len(f.Keep), sdk.MaxKeep)
	}
	if len(f.Libraries) > maxTable || len(f.Data) > maxTable {
		return engineWord{}, fmt.Errorf("%d libraries and %d languages, more than %d", len(f.Libraries), len(f.Data), maxTable)
	}
	return engineWord{Fingerprint{
		Plugin: plugin, Engine: brief(f.Engine), Version: brief(f.Version), Libraries: table(f.Libraries),
		SIMD: brief(f.SIMD), Data: table(f.Data), Golden: brief(f.Golden),
	}, f.Keep}, nil
}

func table(foreign map[string]string) map[string]string {
	out := make(map[string]string, len(foreign))
	for _, name := range slices.Sorted(maps.Keys(foreign)) {
		out[brief(name)] = brief(foreign[name])
	}
	return out
}

// Own names the plug-ins that serve where a job names none, by kind, in the order in which
// they are asked.
func (h *Host) Own() map[sdk.Kind][]string {
	own := map[sdk.Kind][]string{}
	for kind, names := range h.config.Own {
		own[kind] = slices.Clone(names)
	}
	return own
}
