package main

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core/license"
)

const southMAC = "00:16:3e:00:00:02"

// licensedPair is the licence service on both servers of a pair; each knows of the other
// what it last said.
type licensedPair struct {
	north, south *licenseRig
	issuer       issuer
	southWorks   bool // it has taken over
	gone         bool // they do not hear each other
}

// newLicensedPair has licences for cores, that name macs, in force on both.
func newLicensedPair(t *testing.T, cores, northCores, southCores int, macs ...string) *licensedPair {
	t.Helper()
	p := &licensedPair{
		issuer: newIssuer(t),
		north:  newLicenseRig(t, machine{northCores, []string{northMAC}}),
		south:  newLicenseRig(t, machine{southCores, []string{southMAC}}),
	}
	p.north.peer = func() peerUse { return p.use(p.south, "south", !p.southWorks) }
	p.south.peer = func() peerUse { return p.use(p.north, "north", p.southWorks) }
	for key, rig := range map[license.Key]*licenseRig{northKey: p.north, southKey: p.south} {
		l := north()
		l.Key, l.Cores, l.MACs = key, cores, macs
		rig.activate(t, p.issuer, l)
	}
	return p
}

func (p *licensedPair) use(other *licenseRig, name string, active bool) peerUse {
	u := peerUse{cores: other.machine().cores, active: active, name: name}
	if l, err := other.active(); err == nil && !p.gone {
		u.role = l.Key.Role()
	}
	return u
}

func (p *licensedPair) rigs() []*licenseRig { return []*licenseRig{p.north, p.south} }

// bounds are the pages at once on north and south; 0: no bound.
func (p *licensedPair) bounds() [2]int { return [2]int{p.north.look().pages(), p.south.look().pages()} }

// TestEP17EP19TheCoresOfBothServersCountTogether: at n-1 and n cores nothing is said, at n+1
// both servers say so in the exact words, and together they use no more than n.
func TestEP17EP19TheCoresOfBothServersCountTogether(t *testing.T) {
	const said = `level=ERROR msg="CPU limit exhausted. Can’t allocate more CPUs." code=license-cores cause="The servers have 5 cores together; licence `
	for _, c := range []struct {
		north, south int
		over         bool
		working      [2]int // while north works
		after        [2]int // after south has taken over
	}{
		{2, 1, false, [2]int{}, [2]int{}},
		{2, 2, false, [2]int{}, [2]int{}},
		{3, 2, true, [2]int{3, 1}, [2]int{2, 2}},
		{2, 3, true, [2]int{2, 2}, [2]int{1, 3}},
	} {
		p := newLicensedPair(t, 4, c.north, c.south, northMAC, southMAC)
		for _, r := range p.rigs() {
			r.apply(r.look())
			if got := strings.Contains(r.log.String(), said); got != c.over {
				t.Errorf("%+v: told %v, want %v: %s", c, got, c.over, &r.log)
			}
		}
		if got := p.bounds(); got != c.working {
			t.Errorf("%+v: while north works: pages bounded by %v", c, got)
		}
		before := p.south.look()
		p.southWorks = true
		if got := p.bounds(); got != c.after {
			t.Errorf("%+v: after the takeover: pages bounded by %v", c, got)
		}
		if after := p.south.look(); before.same(after) == c.over {
			t.Errorf("%+v: a takeover that changes the bound must be applied at once", c)
		}
	}
}

// TestEP18EitherServerIsHeldAgainstTheAddresses: each server has to be in the licence,
// which names those of all.
func TestEP18EitherServerIsHeldAgainstTheAddresses(t *testing.T) {
	const said = `level=ERROR msg="Invalid license for multi-server environment setup." code=license-macs cause="None of this server's MAC addresses (`
	for name, c := range map[string]struct {
		macs []string
		told [2]bool
	}{
		"both":             {[]string{northMAC, southMAC}, [2]bool{}},
		"south is missing": {[]string{northMAC}, [2]bool{false, true}},
		"south is wrong":   {[]string{northMAC, "00:16:3e:00:00:03"}, [2]bool{false, true}},
		"north is missing": {[]string{southMAC}, [2]bool{true, false}},
		"both are wrong":   {[]string{"00:16:3e:00:00:03"}, [2]bool{true, true}},
	} {
		p := newLicensedPair(t, 4, 2, 2, c.macs...)
		for i, r := range p.rigs() {
			r.apply(r.look())
			if strings.Contains(r.log.String(), said) != c.told[i] {
				t.Errorf("%s: server %d: log %s", name, i, &r.log)
			}
			if strings.Contains(r.log.String(), `remedy="Issue a new licence with the MAC addresses of all servers."`) != c.told[i] {
				t.Errorf("%s: server %d: no remedy in %s", name, i, &r.log)
			}
			if !slices.Equal(r.limits, []int{0}) {
				t.Errorf("%s: server %d: a violation bounded the work: %v", name, i, r.limits)
			}
		}
	}
}

// TestEP20ALicenceThatEndsIsAnAlarmOnBothAndStopsNothing: near its end both warn, after it
// both raise an alarm; the roles stay, and work goes on unbounded.
func TestEP20ALicenceThatEndsIsAnAlarmOnBothAndStopsNothing(t *testing.T) {
	p := newLicensedPair(t, 4, 2, 2, northMAC, southMAC)
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for key, rig := range map[license.Key]*licenseRig{northKey: p.north, southKey: p.south} {
		l := north()
		l.Key, l.MACs, l.Expires = key, []string{northMAC, southMAC}, start.AddDate(0, 0, 60)
		rig.now = func() time.Time { return start }
		if _, err := rig.Deactivate(t.Context()); err != nil {
			t.Fatal(err)
		}
		rig.activate(t, p.issuer, l)
	}
	for _, c := range []struct {
		days int
		said string
	}{
		{0, ""},
		{45, `level=WARN msg="The licence ends soon." code=800001 cause="Licence `},
		{61, `level=ERROR msg="The licence does not hold now." code=800002 cause="Licence `},
	} {
		for i, r := range p.rigs() {
			r.now = func() time.Time { return start.AddDate(0, 0, c.days) }
			r.log.Reset()
			s := r.look()
			r.apply(s)
			if told := strings.Contains(r.log.String(), "remedy="); told != (c.said != "") || !strings.Contains(r.log.String(), c.said) {
				t.Errorf("day %d, server %d: log %s", c.days, i, &r.log)
			}
			if want := []license.Role{license.Primary, license.Secondary}[i]; s.signed.Key.Role() != want || s.pages() != 0 {
				t.Errorf("day %d, server %d: role %s, pages bounded by %d", c.days, i, s.signed.Key.Role(), s.pages())
			}
		}
	}
}

// TestGS12ASecondPrimaryIsRefusedAndPromotionWorks: 03 is refused on the secondary while 04
// is active there, and while the primary's own 03 is known to be; when the primary has given
// its licence back, or is gone, the secondary becomes the primary.
func TestGS12ASecondPrimaryIsRefusedAndPromotionWorks(t *testing.T) {
	promote := func(p *licensedPair) (api.License, error) {
		l := north()
		l.Key, l.MACs = "JBVTXUI030000086", []string{northMAC, southMAC}
		return p.south.Activate(t.Context(), api.Activation{File: p.issuer.issue(t, l)})
	}
	for name, make := range map[string]func(*licensedPair){
		"the primary gave it back": func(p *licensedPair) {
			if _, err := p.north.Deactivate(t.Context()); err != nil {
				t.Fatal(err)
			}
		},
		"the primary is gone": func(p *licensedPair) { p.gone = true },
	} {
		p := newLicensedPair(t, 4, 2, 2, northMAC, southMAC)
		if _, err := promote(p); err == nil || !strings.Contains(err.Error(), "north is active as the primary (03)") {
			t.Errorf("%s: while both are active: got %v", name, err)
		}
		if _, err := p.south.Deactivate(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := promote(p)
		if err == nil || !strings.Contains(err.Error(), "\nhint: run \"twinleaf deactivate\" on north first") {
			t.Errorf("%s: while the primary's 03 is active: got %v", name, err)
		}
		if l, err := p.south.License(t.Context()); err != nil || l.Key != "" {
			t.Errorf("%s: a refused licence is in force: %+v, %v", name, l, err)
		}
		make(p)
		if l, err := promote(p); err != nil || l.Role != "03" {
			t.Errorf("%s: got %+v, %v", name, l, err)
		}
	}
	// The other way, and the same again, nothing stands against.
	p := newLicensedPair(t, 4, 2, 2, northMAC, southMAC)
	if _, err := p.north.Activate(t.Context(), api.Activation{Key: northKey}); err != nil {
		t.Errorf("the primary's own again: %v", err)
	}
	if _, err := p.south.Activate(t.Context(), api.Activation{Key: southKey}); err != nil {
		t.Errorf("the secondary's own again: %v", err)
	}
}

// TestEP1To9EitherServerAnswersForTheLicenceAlone: while the other server goes and comes
// back under load not one question fails or waits, for nobody asks the other server.
func TestEP1To9EitherServerAnswersForTheLicenceAlone(t *testing.T) {
	p := newLicensedPair(t, 4, 2, 2, northMAC, southMAC)
	var mu sync.Mutex // guards gone
	gone := false
	for _, r := range p.rigs() {
		inner := r.peer
		r.peer = func() peerUse {
			mu.Lock()
			defer mu.Unlock()
			if gone {
				return peerUse{cores: inner().cores} // as it was last heard
			}
			return inner()
		}
	}
	var wg sync.WaitGroup
	failed := make(chan error, 1000)
	for range 8 {
		for _, r := range p.rigs() {
			wg.Go(func() {
				for range 50 {
					l, err := r.License(t.Context())
					if err != nil || l.Code != int(license.Valid) || len(l.Problems) > 0 {
						failed <- err
					}
				}
			})
		}
	}
	for i := range 20 {
		mu.Lock()
		gone = i%2 == 0
		mu.Unlock()
	}
	wg.Wait()
	if n := len(failed); n > 0 {
		t.Errorf("%d of 800 questions failed, first with %v", n, <-failed)
	}
}

// TestEP14AMissingHeartbeatIsAnAlarm: told once when it is missing for long enough, with
// what to do, and once when it is back.
func TestEP14AMissingHeartbeatIsAnAlarm(t *testing.T) {
	var log bytes.Buffer
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	h := heartbeat{peer: "south", limit: 3 * time.Second, log: slog.New(slog.NewTextHandler(&log, nil))}
	after := func(d time.Duration, linked bool) string {
		log.Reset()
		last := now
		now = now.Add(d)
		if linked {
			last = now
		}
		h.note(linked, last, now)
		return log.String()
	}
	if got := after(time.Second, true) + after(time.Second, false) + after(time.Second, false); got != "" {
		t.Errorf("too early: %s", got)
	}
	got := after(time.Second, false)
	if !strings.Contains(got, `level=ERROR msg="heartbeat of the other server is missing"`) || !strings.Contains(got, "nothing is heard of south since 2026-03-01 10:00:01: the pair is unprotected") {
		t.Errorf("got %s", got)
	}
	if got := after(time.Hour, false); got != "" {
		t.Errorf("told again: %s", got)
	}
	if got := after(time.Second, true); !strings.Contains(got, "is back\" away=1h0m4s") {
		t.Errorf("got %s", got)
	}
	// A server that starts alone raises the alarm too.
	h = heartbeat{peer: "south", limit: 3 * time.Second, log: h.log}
	h.note(false, time.Time{}, now)
	log.Reset()
	if h.note(false, time.Time{}, now.Add(3*time.Second)); !strings.Contains(log.String(), "is missing") {
		t.Error("no alarm after a start alone")
	}
	f := missingHeartbeat("south", now)
	if f.Code != codeHeartbeat || f.Remedy == "" {
		t.Errorf("got %+v", f)
	}
}
