package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// twoServers is a checker between two servers that are made up.
type twoServers struct {
	here, there parity.Manifest
	role        parity.Role // of this server
	silent      bool        // the peer does not answer
	told        int
	now         time.Time
}

func manifestOf(name string) parity.Manifest {
	return parity.Manifest{
		Format: parity.Format, Product: "1.0.0", Server: parity.Server{ID: name, Name: name},
		Plugins: []parity.Plugin{
			{Name: "tesseract", Version: "1.0.0", Kinds: []string{"recognizer"}, Digest: "h1:a"},
			{Name: "webhook", Version: "1.0.0", Kinds: []string{"deliverer"}, Digest: "h1:w"},
		},
		Own:      map[core.StepKind][]string{core.StepRecognizer: {"tesseract"}, core.StepDeliverer: {"webhook"}},
		Engines:  []parity.Engine{{Plugin: "tesseract", Name: "tesseract", Version: "5.3.0", Data: map[string]string{"eng": "d"}}},
		Settings: []parity.Setting{}, Zone: "UTC", Cores: 2,
	}
}

func newTwoServers(role parity.Role) *twoServers {
	return &twoServers{here: manifestOf("here"), there: manifestOf("there"), role: role, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func (w *twoServers) checker(t *testing.T, path string) *checker {
	c := &checker{
		here: func(context.Context, bool) (parity.Manifest, error) { return w.here, nil },
		there: func(context.Context, bool) (parity.Manifest, time.Time, error) {
			if w.silent {
				return parity.Manifest{}, w.now, errors.New("connection refused")
			}
			m := w.there
			if m.Clock.IsZero() {
				m.Clock = w.now
			}
			return m, w.now, nil
		},
		roles: func() parity.Pair {
			return parity.Pair{Here: w.role, There: map[parity.Role]parity.Role{parity.Primary: parity.Secondary, parity.Secondary: parity.Primary}[w.role], Formed: true}
		},
		path: path, tell: func() { w.told++ }, now: func() time.Time { return w.now },
		log: slog.New(slog.DiscardHandler), asked: make(chan question),
	}
	if err := c.recall(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNothingIsTakenOverBeforeTheServersWereCompared(t *testing.T) {
	w := newTwoServers(parity.Secondary)
	path := filepath.Join(t.TempDir(), "peer.json")
	w.silent = true
	c := w.checker(t, path)
	if err := c.compare(t.Context(), false); err == nil {
		t.Error("a comparison with nobody is no error")
	}
	if v, _ := c.verdict(); v != pair.ParityUnknown || c.compared() {
		t.Errorf("verdict %q before any comparison", v)
	}
	w.silent = false
	if err := c.compare(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if v, _ := c.verdict(); v != pair.ParitySame || w.told == 0 {
		t.Errorf("verdict %q of equal servers, told %d times", v, w.told)
	}

	// After a start without the peer it counts what the peer was last like; a setting that
	// came over since then is no difference.
	w.silent = true
	w.here.Settings = []parity.Setting{{Key: "profile/new", Revision: 1, Digest: "d"}}
	again := w.checker(t, path)
	if err := again.compare(t.Context(), false); err == nil {
		t.Error("the silent peer is no error")
	}
	if v, _ := again.verdict(); v != pair.ParitySame {
		t.Errorf("verdict %q after a start without the peer", v)
	}
}

func TestWhatDiffersHoldsTheJobsThatNeedIt(t *testing.T) {
	w := newTwoServers(parity.Secondary)
	w.here.Plugins[1].Digest = "h1:other"
	c := w.checker(t, filepath.Join(t.TempDir(), "peer.json"))
	if err := c.compare(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if v, lacking := c.verdict(); v != pair.ParityDiffers || lacking {
		t.Errorf("verdict %q, lacking %v", v, lacking)
	}
	why := c.may(parity.Job{Destinations: []string{"delivered"}}, core.StepDeliverer)
	if why == nil || why.Code != codeParity || !strings.Contains(why.Detail, "webhook") || why.Remedy == "" {
		t.Errorf("a job that needs what differs: %+v", why)
	}
	if why := c.may(parity.Job{}, core.StepRecognizer); why != nil {
		t.Errorf("a job that does not need it is held: %v", why)
	}
	if err := c.syncs(); err != nil {
		t.Errorf("a plug-in that differs keeps settings from coming over: %v", err)
	}
}

// TestEngineOnTheSecondaryOnly is GS24: the primary leaves its jobs to the secondary.
func TestEngineOnTheSecondaryOnly(t *testing.T) {
	for role, lacking := range map[parity.Role]bool{parity.Primary: true, parity.Secondary: false} {
		w := newTwoServers(role)
		if role == parity.Primary {
			w.here.Engines, w.here.Plugins = nil, w.here.Plugins[1:]
		} else {
			w.there.Engines, w.there.Plugins = nil, w.there.Plugins[1:]
		}
		c := w.checker(t, filepath.Join(t.TempDir(), "peer.json"))
		if err := c.compare(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if v, got := c.verdict(); v != pair.ParitySame || got != lacking {
			t.Errorf("as the %s: verdict %q, lacking %v", role, v, got)
		}
		if why := c.lacks([]core.StepKind{core.StepRecognizer, core.StepAssembler}); (why != nil) != lacking {
			t.Errorf("as the %s: an own job that must be recognised: %v", role, why)
		}
		if why := c.lacks([]core.StepKind{core.StepAssembler}); why != nil {
			t.Errorf("as the %s: an own job that is recognised: %v", role, why)
		}
	}
}

// TestSkewOfTheClocksIsTold is GS16: settings do not come over, jobs do.
func TestSkewOfTheClocksIsTold(t *testing.T) {
	w := newTwoServers(parity.Secondary)
	w.there.Clock = w.now.Add(5 * time.Second)
	c := w.checker(t, filepath.Join(t.TempDir(), "peer.json"))
	if err := c.compare(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if got := c.skewed(); got != 5*time.Second {
		t.Errorf("skew %v", got)
	}
	if err := c.syncs(); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("settings come over although the clocks differ: %v", err)
	}
	if why := c.may(parity.Job{}); why != nil {
		t.Errorf("a job is held because of the clocks: %v", why)
	}
}

func TestAComparisonCanBeAskedFor(t *testing.T) {
	w := newTwoServers(parity.Primary)
	c := w.checker(t, filepath.Join(t.TempDir(), "peer.json"))
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- c.run(ctx) }()
	if err := c.ask(ctx, true); err != nil {
		t.Fatal(err)
	}
	if report, at := c.found(); !report.At || !at.Equal(w.now) {
		t.Errorf("found %+v at %v", report.Differences, at)
	}
	stop()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if err := c.ask(ctx, true); !errors.Is(err, context.Canceled) {
		t.Errorf("ask after the end: %v", err)
	}
}

func TestASlowAnswerIsNoSkew(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 1, 2, 3, 4, s, 0, time.UTC) }
	for _, c := range []struct{ clock, want int }{{15, 15}, {10, 10}, {20, 20}, {5, 10}, {25, 20}} {
		if got := between(at(10), at(c.clock), at(20)); !got.Equal(at(c.want)) {
			t.Errorf("asked at 10 s, told at 20 s, the peer's clock at %d s: taken at %v, want %d s", c.clock, got, c.want)
		}
	}
}
