package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/twinleaf-scan/twinleaf/core"
)

func TestTakeoverLastsUntilItsOwnEpochIsHandedBack(t *testing.T) {
	for _, c := range []struct {
		name  string
		tell  []Body
		epoch int
		taken bool
	}{
		{"nothing", nil, 0, false},
		{"begun", []Body{TakeoverBegan{1, "A", "network"}}, 1, true},
		{"another server's", []Body{TakeoverBegan{1, "B", "network"}}, 0, false},
		{"handed back", []Body{TakeoverBegan{1, "A", "network"}, HandedBack{1, "A"}}, 0, false},
		{"handed back, told the other way round", []Body{HandedBack{1, "A"}, TakeoverBegan{1, "A", "network"}}, 0, false},
		{"begun again", []Body{HandedBack{1, "A"}, TakeoverBegan{2, "A", "network"}, TakeoverBegan{1, "A", "web"}}, 2, true},
		{"an older one handed back late", []Body{TakeoverBegan{2, "A", "network"}, HandedBack{1, "A"}}, 2, true},
	} {
		s := newStory()
		s.tell("", c.tell...)
		epoch, cause, taken := s.TakenOver("A")
		if epoch != c.epoch || taken != c.taken || taken && cause != "network" {
			t.Errorf("%s: TakenOver = %d, %q, %v; want %d, %v", c.name, epoch, cause, taken, c.epoch, c.taken)
		}
		if last, ok := s.LastTakeover("A"); ok && last.Back == taken || taken && last.Epoch != epoch {
			t.Errorf("%s: LastTakeover = %+v, %v", c.name, last, ok)
		}
	}
}

func TestMemoryOfTakeoversIsBounded(t *testing.T) {
	s := newStory()
	for n := range 1000 {
		s.tell("", TakeoverBegan{n + 1, "A", "network"})
	}
	if size := len(s.String()); size > 10_000 {
		t.Errorf("1000 takeovers take %d bytes of snapshot", size)
	}
	if epoch, _, taken := s.TakenOver("A"); epoch != 1000 || !taken || s.Epoch() != 1000 {
		t.Errorf("TakenOver = %d, %v, Epoch = %d; want 1000, true, 1000", epoch, taken, s.Epoch())
	}
}

func TestJobTellsTheEpochInWhichItEnded(t *testing.T) {
	s := newStory()
	s.submit("A-1", 1, "x")
	s.tell("", TakeoverBegan{3, "A", "network"})
	if v := s.view(t, "A-1"); v.Epoch != 3 {
		t.Errorf("an open job has epoch %d, want 3", v.Epoch)
	}
	s.run(nil)
	s.at = s.at.Add(time.Hour)
	s.tell("", TakeoverBegan{4, "A", "network"})
	if v := s.view(t, "A-1"); v.Epoch != 3 {
		t.Errorf("a job that ended in epoch 3 has %d", v.Epoch)
	}
}

func TestModeWithTheHighestNumberCounts(t *testing.T) {
	s := newStory()
	s.tell("", ModeChanged{"A", "active", "operator", 2}, ModeChanged{"A", "maintenance", "operator", 1})
	if mode, cause, count := s.Mode("A"); mode != "active" || cause != "operator" || count != 2 {
		t.Errorf("Mode = %q, %q, %d", mode, cause, count)
	}
}

func TestSnapshotRefusesWhatNoServerCanBe(t *testing.T) {
	s := newStory()
	s.tell("", TakeoverBegan{1, "A", "network"})
	good := s.String()
	for name, bad := range map[string]string{
		"an empty takeover": strings.Replace(good, `{"1":{`, `{"2":null,"1":{`, 1),
		"a server twice":    strings.Replace(good, `{"server"`, good[strings.Index(good, `{"server"`):strings.Index(good, `{"tail"`)]+`{"server"`, 1),
		"too many":          strings.Replace(good, `{"1":{`, `{`+many(100)+`"1":{`, 1),
	} {
		if _, err := DecodeState(strings.NewReader(bad)); err == nil || bad == good {
			t.Errorf("%s was read", name)
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":{"at":1,"val":"web"},`, i+10)
	}
	return b.String()
}
