package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core/license"
)

const northKey, southKey = "JBVTXUI030000085", "JBXDXUI040000045"

const northMAC = "00:16:3e:00:00:01"

// issuer signs licences for tests.
type issuer struct{ private, public string }

func newIssuer(t *testing.T) issuer {
	t.Helper()
	private, public, err := license.NewSigner(rand.Reader, "acme")
	if err != nil {
		t.Fatal(err)
	}
	return issuer{private, public}
}

func (i issuer) issue(t *testing.T, l license.License) string {
	t.Helper()
	text, err := license.Issue(l, i.private)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// north is a primary's permanent licence for four cores.
func north() license.License {
	return license.License{Key: northKey, Kind: license.Permanent, Cores: 4, MACs: []string{northMAC}, NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// licenseRig is a licensing on a machine that tests make up, with its log.
type licenseRig struct {
	*licensing
	log    bytes.Buffer
	limits []int
}

func newLicenseRig(t *testing.T, m machine) *licenseRig {
	t.Helper()
	b := &licenseRig{}
	b.licensing = newLicensing(t.TempDir(), slog.New(slog.NewTextHandler(&b.log, nil)), func(n int) { b.limits = append(b.limits, n) })
	b.machine = func() machine { return m }
	return b
}

func (b *licenseRig) activate(t *testing.T, i issuer, l license.License) api.License {
	t.Helper()
	out, err := b.Activate(t.Context(), api.Activation{File: i.issue(t, l), Trust: i.public})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEP17CoresOverTheLimitAreToldAndWorkIsBounded(t *testing.T) {
	for _, c := range []struct {
		own, peer int
		active    bool
		over      bool
		pages     int
	}{
		{3, 0, true, false, 0}, {4, 0, true, false, 0}, {5, 0, true, true, 3},
		{2, 1, true, false, 0}, {2, 2, true, false, 0}, {2, 3, true, true, 2}, {3, 2, false, true, 2}, {8, 8, true, true, 3}, {8, 8, false, true, 1},
	} {
		b := newLicenseRig(t, machine{c.own, []string{northMAC}})
		b.peer = func() peerUse { return peerUse{cores: c.peer, active: c.active} }
		out := b.activate(t, newIssuer(t), north())
		b.apply(b.look())
		const said = `level=ERROR msg="CPU limit exhausted. Can’t allocate more CPUs." code=license-cores cause="The servers have `
		if strings.Contains(b.log.String(), said) != c.over || (len(out.Problems) > 0) != c.over {
			t.Errorf("%+v: told %v; log %s", c, out.Problems, &b.log)
		}
		if c.over && !strings.Contains(b.log.String(), `remedy="Issue a new licence with the right number of cores`) {
			t.Errorf("%+v: no remedy in %s", c, &b.log)
		}
		if !slices.Equal(b.limits, []int{c.pages}) {
			t.Errorf("%+v: pages bounded by %v, want %d", c, b.limits, c.pages)
		}
	}
}

func TestEP18AMachineThatIsNotInTheLicenceIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		macs []string
		told bool
	}{
		"in it":   {[]string{"02:00:00:00:00:09", northMAC}, false},
		"missing": {nil, true},
		"wrong":   {[]string{"00:16:3e:00:00:02"}, true},
	} {
		b := newLicenseRig(t, machine{2, c.macs})
		b.activate(t, newIssuer(t), north())
		b.apply(b.look())
		const said = `level=ERROR msg="Invalid license for multi-server environment setup." code=license-macs cause=`
		if strings.Contains(b.log.String(), said) != c.told {
			t.Errorf("%s: log %s", name, &b.log)
		}
	}
}

func TestEP20EachStateHasItsCode(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ends := func(d int) license.License { l := north(); l.Expires = now.AddDate(0, 0, d); return l }
	for name, c := range map[string]struct {
		l    license.License
		at   time.Time
		want string
	}{
		"valid":         {north(), now, "800000 valid"},
		"ends in 31":    {ends(31), now, "800000 valid"},
		"ends in 29":    {ends(29), now, "800001 near expiry"},
		"ended":         {ends(10), now.AddDate(0, 0, 11), "800002 expired or not yet valid"},
		"not yet valid": {north(), time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC), "800002 expired or not yet valid"},
	} {
		b := newLicenseRig(t, machine{2, []string{northMAC}})
		b.now = func() time.Time { return now }
		b.activate(t, newIssuer(t), c.l)
		b.now = func() time.Time { return c.at }
		if got := shownState(t, b); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	b := newLicenseRig(t, machine{2, []string{northMAC}})
	if got := shownState(t, b); got != "800005 key missing" {
		t.Errorf("none: got %q", got)
	}
	b.activate(t, newIssuer(t), north())
	file := filepath.Join(b.dir, northKey+".license")
	if err := os.WriteFile(file, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := shownState(t, b); got != "800006 unknown" {
		t.Errorf("damaged: got %q", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	b.apply(b.look())
	if got := shownState(t, b); got != "800005 key missing" || !strings.Contains(b.log.String(), `code=800005 cause=`) {
		t.Errorf("file gone: got %q, log %s", got, &b.log)
	}
}

// shownState is what license show says of the state.
func shownState(t *testing.T, b *licenseRig) string {
	t.Helper()
	l, err := b.License(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := describeLicense(&out, l); err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(out.String(), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "state"))
}

func TestWithoutALicenceNothingIsBoundedOrComplainedAbout(t *testing.T) {
	b := newLicenseRig(t, machine{64, nil})
	b.apply(b.look())
	if !slices.Equal(b.limits, []int{0}) || strings.Contains(b.log.String(), "WARN") || strings.Contains(b.log.String(), "ERROR") {
		t.Errorf("bounds %v, log %s", b.limits, &b.log)
	}
	if _, err := os.Stat(b.dir); err == nil {
		t.Error("looking made a folder")
	}
}

// lines is a log that two goroutines use.
type lines struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func TestTheStateIsToldAtOnceEveryHourAndWhenItChanges(t *testing.T) {
	i, dir := newIssuer(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var log lines
		l := newLicensing(dir, slog.New(slog.NewTextHandler(&log, nil)), func(int) {})
		l.machine = func() machine { return machine{2, []string{northMAC}} }
		trial := north()
		trial.NotBefore, trial.Expires, trial.Kind = time.Now(), time.Now().Add(100*time.Hour), license.Trial
		if _, err := l.Activate(t.Context(), api.Activation{File: i.issue(t, trial), Trust: i.public}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { l.run(ctx); close(done) }()
		synctest.Wait()
		if n := log.count("code=800001 cause="); n != 1 {
			t.Errorf("at the start: told %d times", n)
		}
		time.Sleep(3*time.Hour + time.Minute)
		if n := log.count("code=800001 cause="); n != 4 {
			t.Errorf("after three hours: told %d times, want 4", n)
		}
		if _, err := l.Deactivate(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := log.count("no licence is active"); n != 1 {
			t.Errorf("deactivated: told %d times", n)
		}
		if _, err := newLicensing(dir, nil, nil).Activate(t.Context(), api.Activation{Key: northKey}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(licenseLook + time.Second)
		if n := log.count("code=800001 cause="); n != 5 {
			t.Errorf("activated by another process: told %d times, want 5", n)
		}
		time.Sleep(100 * time.Hour)
		if n := log.count("code=800002 cause="); n == 0 {
			t.Error("the end of the licence is not told")
		}
		stop()
		<-done
	})
}

func TestARefusedLicenceLeavesNothingBehind(t *testing.T) {
	good, bad := newIssuer(t), newIssuer(t)
	b := newLicenseRig(t, machine{2, []string{northMAC}})
	edited := strings.Replace(good.issue(t, north()), `"cores": 4`, `"cores": 9`, 1)
	for name, a := range map[string]api.Activation{
		"nothing":                   {},
		"key and file":              {Key: northKey, File: good.issue(t, north())},
		"a key that is not here":    {Key: northKey},
		"no key":                    {Key: "JBVTXUI990000085"},
		"not trusted":               {File: good.issue(t, north())},
		"trust in somebody else":    {File: good.issue(t, north()), Trust: bad.public},
		"trust in nothing":          {File: good.issue(t, north()), Trust: "acme"},
		"edited":                    {File: edited, Trust: good.public},
		"a file that is no licence": {File: "hello", Trust: good.public},
	} {
		_, err := b.Activate(t.Context(), a)
		if err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%s: got %v, want an error with a hint", name, err)
		}
	}
	l, err := b.License(t.Context())
	if err != nil || len(l.Trusted)+len(l.Imported) > 0 || l.Key != "" {
		t.Errorf("got %+v %v, want nothing trusted, imported or active", l, err)
	}
}

func TestGS12APrimaryBecomesASecondaryOnlyByDeactivating(t *testing.T) {
	i := newIssuer(t)
	b := newLicenseRig(t, machine{2, []string{northMAC}})
	south := north()
	south.Key = southKey
	b.activate(t, i, south)
	_, err := b.Activate(t.Context(), api.Activation{File: i.issue(t, north())})
	if err == nil || !strings.Contains(err.Error(), `hint: run "twinleaf deactivate" first`) {
		t.Errorf("03 while 04 is active: got %v", err)
	}
	if _, err := b.Deactivate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out, err := b.Activate(t.Context(), api.Activation{Key: northKey}); err != nil || out.Role != "03" {
		t.Errorf("after deactivating: got %+v %v", out, err)
	}
}

func TestIssuedKeysHaveTheirShape(t *testing.T) {
	for role, want := range map[string]license.Role{"03": license.Primary, "primary": license.Primary, "04": license.Secondary, "Secondary": license.Secondary} {
		l, err := issueFlags{role: role, cores: 2}.license(time.Now(), rand.Reader)
		if err != nil || l.Key.Role() != want {
			t.Errorf("%s: got %s %v", role, l.Key, err)
		}
	}
	for _, f := range []issueFlags{{}, {role: "05"}, {key: "JB03"}, {key: northKey, role: "04"}, {role: "03", expires: "soon"}, {role: "03", start: "soon"}} {
		if l, err := f.license(time.Now(), rand.Reader); code(err) != exitUsage {
			t.Errorf("%+v: got %+v %v, want a usage error", f, l, err)
		}
	}
	l, err := issueFlags{role: "03", trial: true}.license(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), rand.Reader)
	if want := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC); err != nil || l.Kind != license.Trial || !l.Expires.Equal(want) {
		t.Errorf("trial: got %+v %v, want an end on %v", l, err, want)
	}
}
