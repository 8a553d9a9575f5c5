package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/scan"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

// good is a round of ten protected jobs of two pages, all done by north.
func good() history.Round {
	var r history.Record
	var list []history.Listed
	for n := 1; n <= 10; n++ {
		id := fmt.Sprintf("north-1-%d", n)
		t := n * 100
		r.Answered(history.Answer{Job: n, Pages: 2, ID: id, Server: "north", Protected: true, Sent: at(t - 5), At: at(t), Tries: 1})
		var text []string
		for p := 1; p <= 2; p++ {
			page := scan.Page{Job: n, Page: p}
			text = append(text, page.String())
			r.Read([]history.Reading{
				{Page: page, Server: "north", At: at(t + 10*p)}, {Page: page, Server: "north", Done: true, At: at(t + 10*p + 8)},
			})
		}
		r.Arrived(history.Arrival{Job: n, ID: id, Key: fmt.Sprint(n), Text: strings.Join(text, " "), At: at(t + 50)})
		list = append(list, history.Listed{Job: n, ID: id, State: "completed"})
	}
	r.Listed("north", list)
	r.Listed("south", append([]history.Listed(nil), list...))
	return r.Round()
}

func TestGoodRoundPasses(t *testing.T) {
	tally, found := history.Judge(good(), history.Bounds{Takeover: time.Second, Tries: 1})
	if len(found) > 0 {
		t.Errorf("found %q", found)
	}
	if tally.Protected != 10 || tally.Unprotected != 0 || tally.Again != 0 || tally.Doubled != 0 {
		t.Errorf("tally %+v", tally)
	}
}

// TestPlantedFaultsAreFound breaks each promise once.
func TestPlantedFaultsAreFound(t *testing.T) {
	page := scan.Page{Job: 3, Page: 1}
	for _, c := range []struct {
		name  string
		plant func(*history.Round)
		want  string
	}{
		{"protected job lost", func(r *history.Round) { r.Arrivals = r.Arrivals[1:] }, "job 1 (north-1-1), acknowledged by north at 12:00:00.100, protected true, never arrived"},
		{"unprotected job lost", func(r *history.Round) {
			r.Answers[0].Protected, r.Arrivals = false, r.Arrivals[1:]
		}, "protected false, never arrived"},
		{"unprotected job lost before the disk was", func(r *history.Round) {
			r.Answers[0].Protected, r.Arrivals = false, r.Arrivals[1:]
			r.Disks = []history.Lost{{Server: "north", At: at(1)}}
		}, "never arrived"},
		{"protected job lost with one disk", func(r *history.Round) {
			r.Arrivals = r.Arrivals[1:]
			r.Disks = []history.Lost{{Server: "north", At: at(5000)}}
		}, "protected true, never arrived"},
		{"delivered under two keys", func(r *history.Round) {
			again := r.Arrivals[4]
			again.Key = "another"
			r.Arrivals = append(r.Arrivals, again)
		}, "delivered 2 times under different keys"},
		{"pages mixed up", func(r *history.Round) { r.Arrivals[1].Text = r.Arrivals[0].Text }, "was delivered with the text"},
		{"page missing", func(r *history.Round) { r.Arrivals[1].Text = "job2page1" }, "was delivered with the text"},
		{"job failed", func(r *history.Round) {
			for _, list := range r.Lists {
				list[2].State = "failed"
			}
		}, "no server lists it as completed"},
		{"servers differ", func(r *history.Round) { r.Lists["south"][2].State = "running" }, `is "completed" on north and "running" on south`},
		{"server has a job less", func(r *history.Round) { r.Lists["south"] = r.Lists["south"][1:] }, `and "" on south`},
		{"server has a job more", func(r *history.Round) { r.Lists["north"] = r.Lists["north"][1:] }, "not listed on north"},
		{"page recognised twice", func(r *history.Round) {
			r.Readings = append(r.Readings, history.Reading{Page: page, Server: "south", Done: true, At: at(9000)})
		}, "1 pages were recognised a second time"},
		{"too many tries", func(r *history.Round) { r.Answers[7].Tries = 3 }, "job 8 took 3 tries"},
		{"refused", func(r *history.Round) { r.Refused = []string{"read-only"} }, "refused: read-only"},
		{"stranger", func(r *history.Round) { r.Arrivals = append(r.Arrivals, history.Arrival{ID: "x", Key: "y"}) }, "no job arrived"},
		{"late takeover", func(r *history.Round) {
			r.Kills = []history.Kill{{Server: "north", At: at(315), Back: at(9500), Calm: true}}
			for i, e := range r.Readings {
				if e.At.After(at(315)) { // all that is left is done by south, late
					r.Readings[i].Server, r.Readings[i].At = "south", e.At.Add(4*time.Second)
				}
			}
		}, "north was killed at 12:00:00.315; its first page began elsewhere after 4.005s"},
		{"no takeover", func(r *history.Round) {
			r.Kills = []history.Kill{{Server: "north", At: at(315), Back: at(9500), Calm: true}}
			for i, e := range r.Readings {
				if e.At.After(at(315)) {
					r.Readings[i].At = e.At.Add(10 * time.Second)
				}
			}
		}, "its first page began elsewhere never"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := good()
			c.plant(&r)
			_, found := history.Judge(r, history.Bounds{Takeover: 3 * time.Second, Tries: 2})
			if !strings.Contains(strings.Join(found, "\n"), c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}

func TestWhatMayHappenPasses(t *testing.T) {
	r := good()
	r.Answers[0].Protected, r.Arrivals = false, r.Arrivals[1:] // lost with the disk that alone had it
	for name := range r.Lists {
		r.Lists[name] = r.Lists[name][1:]
	}
	r.Disks = []history.Lost{{Server: "north", At: at(5000)}}
	r.Arrivals = append(r.Arrivals, r.Arrivals[3]) // delivered again under the same key
	again := r.Readings[6]
	again.Server, again.At = "south", at(5000) // begun before the kill, never done, begun again
	r.Readings = append(r.Readings, again)
	tally, found := history.Judge(r, history.Bounds{})
	if len(found) > 0 {
		t.Errorf("found %q", found)
	}
	if tally.LostWithDisk != 1 || tally.Doubled != 1 || tally.Begun != 1 || tally.Again != 0 {
		t.Errorf("tally %+v", tally)
	}
}

func TestTakeoverIsMeasured(t *testing.T) {
	r := good()
	r.Kills = []history.Kill{{Server: "north", At: at(315), Back: at(9500), Calm: true}}
	for i, e := range r.Readings {
		if e.At.After(at(315)) {
			r.Readings[i].Server, r.Readings[i].At = "south", e.At.Add(2*time.Second)
		}
	}
	tally, found := history.Judge(r, history.Bounds{Takeover: 3 * time.Second})
	if len(found) > 0 || len(tally.Takeovers) != 1 || tally.Takeovers[0] != 2005*time.Millisecond {
		t.Errorf("takeovers %v, found %q", tally.Takeovers, found)
	}
}

func TestKillsOfBothKnowOfEachOther(t *testing.T) {
	var r history.Record
	first := r.Killed(history.Kill{Server: "north", At: at(100)})
	second := r.Killed(history.Kill{Server: "south", At: at(200)})
	r.Back(first, at(300))
	r.Back(second, at(400))
	third := r.Killed(history.Kill{Server: "north", At: at(500)})
	kills := r.Round().Kills
	if kills[first].Other != at(200) || kills[second].Other != at(100) || !kills[third].Other.IsZero() {
		t.Errorf("kills %+v", kills)
	}
}
