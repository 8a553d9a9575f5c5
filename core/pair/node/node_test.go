package node

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

func TestTwoServersBecomeAPair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		for _, s := range []*site{a, b} {
			if !s.accept("job-of-" + s.id) {
				t.Errorf("%s: a job is not protected although the peer is there", s.id)
			}
		}
		agree(t, a, b, "job-of-a", "job-of-b")
		if got := a.node.Shipped(); got != a.end() || got != a.node.CompactLimit() {
			t.Errorf("shipped %d and may compact to %d, the journal ends at %d", got, a.node.CompactLimit(), a.end())
		}
		st := a.node.Status()
		if st.LastHeard.IsZero() || st.Mode != pair.ModeActive || b.node.Status().Mode != pair.ModeStandby {
			t.Errorf("a says %+v", st)
		}
	})
}

func (s *site) end() journal.Seq {
	_, last := s.own.Bounds()
	return last
}

// GS27, and the way back: nothing of a is done twice, everything is done.
func TestAKilledServersJobsAreTakenOverAndGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.line.Stop(pair.OwnJobs) // so that there is something left
		if !a.accept("left") {
			t.Error("the job is not protected")
		}
		a.kill()
		killed := time.Now()
		eventually(t, "b has done a's job", func() bool { return slices.Contains(b.line.done(), "left") })
		if took := time.Since(killed); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("the takeover took %v, want T = 3 s and less than one more", took)
		}
		if m := b.node.Metrics(); m.Takeovers[pair.Network] != 1 || m.Epoch != 1 || m.Linked || m.Unprotected < 2*time.Second {
			t.Errorf("b counts %+v", m)
		}
		if b.accept("alone") {
			t.Error("a job that only b has is called protected")
		}
		b.accept("alone-too")
		eventually(t, "b has told of its first job (GS34)", func() bool { return b.node.Metrics().FirstJobs == 1 })
		back := time.Now()
		a.boot()
		agree(t, a, b, "left", "alone")
		if took := time.Since(back); took > 2*time.Second {
			t.Errorf("a works again after %v, want at most 2 s", took)
		}
		if m := b.node.Metrics(); m.HandBacks != 1 {
			t.Errorf("b counts %d hand-backs", m.HandBacks)
		}
		if slices.Contains(a.line.done(), "left") {
			t.Error("a does its job again, which b had done")
		}
		arePair(t, a, b)
		if !a.accept("next") || !slices.Contains(a.line.done(), "next") {
			t.Error("a does not work on its jobs")
		}
	})
}

func TestAWipedServerGetsEverythingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := lazily(t)
		ref := a.put("a scan")
		for i := range 50 {
			a.accept("job-"+string(rune('A'+i)), ref)
		}
		b.accept("of-b", b.put("another scan"))
		had := a.end()
		a.kill()
		a.wipe()
		a.boot()
		agree(t, a, b, "job-A", "of-b")
		if a.end() < had {
			t.Errorf("the journal of a ends at %d, it had %d", a.end(), had)
		}
		eventually(t, "the scan is on a again", func() bool { return a.blobs.Has(ref) })
		if m := a.node.Metrics(); m.Healed == 0 {
			t.Error("no blob was fetched")
		}
	})
}

func (s *site) verdicts(v pair.Verdicts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdict = v
}

// An event that could not be written is tried again.
func TestATakeoverThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		b.line.fill(true)
		a.kill()
		began := time.Now()
		eventually(t, "some tries have failed", func() bool { return time.Since(began) > 6*time.Second })
		if b.line.worksOn(pair.PeerJobs) {
			t.Error("b works on a's jobs in an epoch that is nowhere written")
		}
		b.line.fill(false)
		eventually(t, "b works on a's jobs", func() bool { return b.line.worksOn(pair.PeerJobs) })
	})
}

// GS30: the peer has the jobs when Do returns.
func TestMaintenanceHandsOverAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.line.Stop(pair.OwnJobs)
		a.accept("left")
		began := time.Now()
		if why := a.node.Do(t.Context(), pair.MaintenanceOn); why != nil {
			t.Fatal(why)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the hand-over took %v, want at most 1 s", took)
		}
		st := a.node.Status()
		if st.Mode != pair.ModeMaintenance || st.Cause != pair.Maintenance {
			t.Errorf("a says %+v", st)
		}
		eventually(t, "b has done the job", func() bool { return slices.Contains(b.line.done(), "left") })
		if took := time.Since(began); took > time.Second {
			t.Errorf("the job was done after %v", took)
		}
		if m := b.node.Metrics(); m.Takeovers[pair.Maintenance] != 1 {
			t.Errorf("b counts %+v", m)
		}
		if why := a.node.Admit(pair.Request{Failover: pair.Network}); why == nil || why.Code != core.CodeMaintenance {
			t.Errorf("a in maintenance admits: %v", why)
		}
		if why := b.node.Do(t.Context(), pair.MaintenanceOn); why == nil || why.Code != pair.CodePeerResting || why.Remedy == "" {
			t.Errorf("maintenance of both: %v", why)
		}
		if m := b.node.Metrics(); m.Refusals[pair.CodePeerResting] != 1 {
			t.Errorf("refusals: %v", m.Refusals)
		}
		// It outlasts a restart.
		a.kill()
		a.boot()
		eventually(t, "a is in maintenance again", func() bool { return a.node.Status().Mode == pair.ModeMaintenance })
		if why := a.node.Do(t.Context(), pair.MaintenanceOff); why != nil {
			t.Fatal(why)
		}
		agree(t, a, b, "left")
	})
}

// GS28, GS29: each cause alone, named.
func TestASickServiceIsTakenOver(t *testing.T) {
	for cause, health := range map[pair.Cause]pair.Health{
		pair.Web:  {Data: true},
		pair.Data: {Web: true},
	} {
		t.Run(string(cause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := together(t)
				a.feels(health)
				a.line.fill(!health.Data)
				eventually(t, "b works on a's jobs", func() bool { return b.line.worksOn(pair.PeerJobs) })
				if m := b.node.Metrics(); m.Takeovers[cause] != 1 {
					t.Errorf("b counts %+v", m.Takeovers)
				}
				if why := a.node.Admit(pair.Request{Failover: pair.Network}); (why != nil) != (cause == pair.Data) {
					t.Errorf("a admits: %v", why)
				}
				a.line.fill(false)
				a.feels(pair.Health{Web: true, Data: true})
				agree(t, a, b)
			})
		})
	}
}

// A silent partition: who waits is answered within a second, then at once; both go on.
func TestAPartitionUnprotectsAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		a.wire.silence(true)
		b.wire.silence(true)
		began := time.Now()
		if a.accept("in-the-dark") {
			t.Error("a job is called protected that cannot have reached the peer")
		}
		if took := time.Since(began); took > pair.AckWait+100*time.Millisecond {
			t.Errorf("the answer took %v", took)
		}
		eventually(t, "a knows that the link is down", func() bool { return !a.node.Status().UnprotectedSince.IsZero() })
		began = time.Now()
		if a.accept("later") || time.Since(began) > 0 {
			t.Errorf("the next answer took %v", time.Since(began))
		}
		calls := a.wire.heard()
		eventually(t, "each has the jobs of both", func() bool { return a.line.worksOn(pair.PeerJobs) && b.line.worksOn(pair.PeerJobs) })
		b.accept("there")
		if now := a.wire.heard(); len(now) > len(calls) {
			t.Errorf("a asks a peer that is not there: %v", now[len(calls):])
		}
		a.wire.silence(false)
		b.wire.silence(false)
		healed := time.Now()
		agree(t, a, b, "in-the-dark", "later", "there")
		if took := time.Since(healed); took > 5*time.Second {
			t.Errorf("they came together after %v", took)
		}
		if !a.accept("protected") {
			t.Error("jobs are not protected after the partition")
		}
		if said := a.line.heard(); !slices.Contains(said, "stop own") {
			t.Errorf("a worked on jobs that b had: %v", said)
		}
	})
}

// One direction is no link: nobody may believe in protection.
func TestALinkInOneDirectionIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		b.wire.silence(true)
		eventually(t, "both know", func() bool { return !a.node.Status().Linked && !b.node.Status().Linked })
		if a.accept("one-way") {
			t.Error("a job is called protected")
		}
		b.wire.silence(false)
		agree(t, a, b, "one-way")
	})
}

// The peer's disk is full: its answer is data-down, and it is tried until it is not.
func TestAPeerWhoseDiskIsFullProtectsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		full := core.DataDown("write to the copy", errors.New("no space left on device"))
		a.wire.fails(func(what string) error {
			if len(what) > 4 && what[:4] == "ship" {
				return full
			}
			return nil
		})
		if a.accept("waits") {
			t.Error("a job is called protected")
		}
		began := time.Now()
		if a.accept("at once") || time.Since(began) > 0 {
			t.Errorf("a job is answered after %v: it is known that there is no use in waiting", time.Since(began))
		}
		if a.node.Status().UnprotectedSince.IsZero() {
			t.Error("the pair is shown as protected")
		}
		a.wire.fails(nil)
		agree(t, a, b, "waits", "at once")
		if s := a.node.Status(); !s.UnprotectedSince.IsZero() || !a.accept("after") {
			t.Errorf("unprotected since %v", s.UnprotectedSince)
		}
	})
}

func (w *wire) fails(how func(string) error) { w.change(func() { w.broken = how }) }

func TestOrdersAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := together(t)
		b.verdicts(pair.Verdicts{Role: b.role})
		tickTock(t)
		if why := b.node.Do(t.Context(), pair.TakeOver); why == nil || why.Code != pair.CodeParity {
			t.Errorf("a takeover without parity: %v", why)
		}
		b.verdicts(pair.Verdicts{Role: b.role, Parity: pair.ParityDiffers})
		tickTock(t)
		if why := b.node.Do(t.Context(), pair.TakeOver); why != nil {
			t.Errorf("a takeover: %v", why)
		}
		eventually(t, "b has a's jobs", func() bool { return b.line.worksOn(pair.PeerJobs) })
		if m := b.node.Metrics(); m.Takeovers[pair.Operator] != 1 {
			t.Errorf("b counts %+v", m.Takeovers)
		}
		if why := b.node.Do(t.Context(), pair.HandBack); why != nil {
			t.Errorf("a hand-back: %v", why)
		}
		agree(t, a, b)
		a.kill()
		eventually(t, "b has a's jobs again", func() bool { return b.line.worksOn(pair.PeerJobs) })
		if why := b.node.Do(t.Context(), pair.HandBack); why == nil || why.Code != pair.CodePeerResting {
			t.Errorf("a hand-back to nobody: %v", why)
		}
		names := []string{}
		for _, e := range b.node.Status().Events {
			names = append(names, e.Name)
		}
		for _, want := range []string{"refused", "handed back", "the peer's jobs are worked on here"} {
			if !slices.Contains(names, want) {
				t.Errorf("the events %q lack %q", names, want)
			}
		}
		b.kill()
		if why := b.node.Do(t.Context(), pair.TakeOver); why == nil {
			t.Error("a node that stopped takes orders")
		}
	})
}

// tickTock lets the nodes look at their verdicts.
func tickTock(t *testing.T) {
	t.Helper()
	began := time.Now()
	eventually(t, "some ticks have passed", func() bool { return time.Since(began) > 3*tick })
}

// Bad input: two servers that are no pair keep out of each other's journals.
func TestAJournalOfAnotherServerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newPair(t)
		stranger := journal.NewMemory(journal.Config{Writer: "x"})
		if _, err := stranger.Append(t.Context(), core.Event{Body: core.ModeChanged{Server: "x", Mode: "active", Count: 1}}); err != nil {
			t.Fatal(err)
		}
		frames, err := stranger.Frames(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.copy.Put(t.Context(), frames); err != nil {
			t.Fatal(err)
		}
		a.boot()
		b.boot()
		eventually(t, "a refuses", func() bool { return a.node.Status().Refused == pair.CodeOtherPair })
		if a.end() != 0 {
			t.Error("entries of a stranger came into the own journal")
		}
	})
}
