package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// scene is something bad that happens to a pair at work.
type scene struct {
	name   string
	about  string
	kills  int  // its share of the wanted number of kills, in percent; 0: it is not one of them
	room   bool // it needs a network of its own
	disks  bool // it needs disks of its own
	faults bool // it needs the program with the tag faults
	parts  bool // the pair ends in it: what the servers list afterwards is not the same
	play   func(context.Context, *act) error
	bounds func(options, planned) history.Bounds
}

// possible says why a scene cannot be played here; empty: it can.
func (s scene) possible(c *crew) string {
	switch {
	case s.room && c.room == nil:
		return "no network of its own: " + c.noRoom.Error()
	case s.disks && c.noDisks != nil:
		return "no disks of its own: " + c.noDisks.Error()
	case s.faults && c.programs.Faults == "":
		return "there is no " + c.o.faults + " (go build -tags faults)"
	}
	return ""
}

func scenes() []scene {
	return []scene{
		{name: "takeover", about: "the primary is killed and stays away", play: takeover, bounds: calm},
		{name: "maintenance", about: "the primary goes into maintenance and out of it", play: maintenance, bounds: once},
		{name: "restarts", about: "both servers are restarted one by one", play: restarts, bounds: once},
		{name: "kills", about: "SIGKILL of primary, secondary or both at random moments", kills: 90, play: kills, bounds: loose},
		{name: "plain", about: "SIGKILL of one server of a pair that is well, and time to recover", kills: 10, play: plain, bounds: perKill},
		{name: "freeze", about: "a server stands still for a while", play: freeze, bounds: loose},
		{name: "silence", about: "nothing passes between the servers", room: true, play: silence, bounds: loose},
		{name: "one-way", about: "nothing passes from one server to the other", room: true, play: oneWay, bounds: loose},
		{name: "flapping", about: "the line between the servers comes and goes", room: true, play: flapping, bounds: loose},
		{name: "clients", about: "clients do not reach the primary, which is well", room: true, play: clientsCut, bounds: once},
		{name: "island", about: "nobody reaches the primary", room: true, play: island, bounds: loose},
		{name: "wipe", about: "a server loses its journal and its blobs", play: wipe, bounds: loose},
		{name: "replaced", about: "the primary burns down, and a new server comes in its place", parts: true, play: replaced, bounds: loose},
		{name: "flip", about: "a byte of a journal changes while its server is down", play: flip, bounds: loose},
		{name: "full", about: "the disk of the primary is full for a while", disks: true, play: full, bounds: loose},
		{name: "power", about: "both servers lose power at one moment", disks: true, play: power, bounds: loose},
		{name: "skew", about: "the clocks are five seconds apart, and the primary is killed", faults: true, play: skew, bounds: skewed},
		{name: "web", about: "the web service of the primary is down", faults: true, play: fault("web"), bounds: loose},
		{name: "data", about: "the data service of the primary is down", faults: true, play: fault("data"), bounds: loose},
	}
}

// The bounds of the promises, see docs/guarantees.md.

// calm is for one kill of one server of a pair that is well.
func calm(o options, _ planned) history.Bounds {
	return history.Bounds{Again: o.workers, Takeover: o.patience(o.silence + time.Second), Tries: 2}
}

// skewed is calm with restarts around it.
func skewed(o options, p planned) history.Bounds {
	b := calm(o, p)
	b.Again = -1
	return b
}

// patience is a promised time with the slack that the machine needs.
func (o options) patience(promised time.Duration) time.Duration {
	return time.Duration(float64(promised) * o.slack)
}

// perKill is for kills with time to recover between them.
func perKill(o options, p planned) history.Bounds {
	return history.Bounds{Again: o.workers * p.kills}
}

// once is for what is planned: nothing is done twice, and a client goes over at most once.
func once(options, planned) history.Bounds { return history.Bounds{Tries: 2} }

// loose is for servers that both work because they cannot see each other.
func loose(options, planned) history.Bounds { return history.Bounds{Again: -1} }

// between is a random time.
func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

// rest waits for a random time.
func (a *act) rest(ctx context.Context, least, most time.Duration) error {
	return site.Pause(ctx, between(a.random, least, most))
}

// either is one of the servers at random.
func (a *act) either() *site.Server {
	return a.pair.Both()[a.random.IntN(2)]
}

// kill ends a server at once and writes it down.
func (a *act) kill(s *site.Server, isCalm bool) (place int) {
	a.say("kill %s", s.Name)
	at := time.Now()
	s.Kill()
	return a.record.Killed(history.Kill{Server: s.Name, At: at, Calm: isCalm})
}

// launch starts a killed server again, without waiting for it.
func (a *act) launch(s *site.Server, place int) error {
	a.say("start %s", s.Name)
	a.record.Back(place, time.Now())
	return s.Launch()
}

// measured notes a time against its bound.
func (a *act) measured(what string, took, bound time.Duration) {
	a.say("%s after %v", what, took.Round(time.Millisecond))
	if a.times == nil {
		a.times = map[string][]time.Duration{}
	}
	a.times[what] = append(a.times[what], took)
	if bound = a.o.patience(bound); took > bound {
		a.find("%s after %v, at most %v are allowed", what, took.Round(time.Millisecond), bound)
	}
}
