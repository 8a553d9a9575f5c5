// Package history keeps what clients, destination and engines of a fault run saw, and
// holds it against what a pair promises. It looks at the servers from outside only:
// at what they answered, delivered and had recognised, never at what they say of
// themselves, apart from the list of jobs at the end.
package history

import (
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/scan"
)

// Answer is an acknowledged submission.
type Answer struct {
	Job       int    // number of the job, in name, key and pages
	Pages     int    //
	ID        string // that the server gave it
	Server    string // that answered: its place in the run, not its id
	Protected bool
	Sent, At  time.Time // of the first try; of the answer
	Tries     int       // submissions until the answer; 1 without any trouble
}

// Reading is a page in the hands of an engine.
type Reading struct {
	Page   scan.Page
	Server string
	Done   bool // it came out of the engine; else it went in
	At     time.Time
}

// Arrival is a delivery as the destination got it.
type Arrival struct {
	Job  int
	ID   string // of the job, as the server said
	Key  string // under which the destination takes it once
	Text string // of the document
	At   time.Time
}

// Listed is a job in the list of a server.
type Listed struct {
	Job   int
	ID    string
	State string
	Why   string // of a failed one
}

// Kill is the sudden end of one server.
type Kill struct {
	Server string
	At     time.Time
	Back   time.Time // when it was started again; zero: not within the round
	Calm   bool      // both servers were well and knew of each other: takeover has to work
	Other  time.Time // when the other server was killed, if that was before Back; zero: it went on
}

// Lost is the loss of the disk of a server.
type Lost struct {
	Server string
	At     time.Time
}

// Record collects the events of one round. Its methods may be called by several
// goroutines. The zero value is an empty record.
type Record struct {
	mu sync.Mutex // guards what follows
	r  Round
}

// Round is all that happened in one round.
type Round struct {
	Answers  []Answer
	Readings []Reading
	Arrivals []Arrival
	Kills    []Kill
	Disks    []Lost
	Lists    map[string][]Listed // by server, when all was quiet
	Refused  []string            // submissions that were refused for good, and why
}

// Answered adds a submission.
func (r *Record) Answered(a Answer) { r.add(func(o *Round) { o.Answers = append(o.Answers, a) }) }

// Refused adds a submission that no server would have, which is a fault.
func (r *Record) Refused(why string) { r.add(func(o *Round) { o.Refused = append(o.Refused, why) }) }

// Arrived adds a delivery.
func (r *Record) Arrived(a Arrival) { r.add(func(o *Round) { o.Arrivals = append(o.Arrivals, a) }) }

// Read adds what the engines of a server did.
func (r *Record) Read(list []Reading) {
	r.add(func(o *Round) { o.Readings = append(o.Readings, list...) })
}

// Killed adds the end of a server and gives its place for [Record.Back].
func (r *Record) Killed(k Kill) (place int) {
	r.add(func(o *Round) {
		for i := range o.Kills {
			if other := &o.Kills[i]; other.Server != k.Server && other.Back.IsZero() && other.Other.IsZero() {
				other.Other, k.Other = k.At, other.At
			}
		}
		place = len(o.Kills)
		o.Kills = append(o.Kills, k)
	})
	return place
}

// Back says that a killed server was started again.
func (r *Record) Back(place int, at time.Time) { r.add(func(o *Round) { o.Kills[place].Back = at }) }

// DiskLost adds the loss of a disk.
func (r *Record) DiskLost(l Lost) { r.add(func(o *Round) { o.Disks = append(o.Disks, l) }) }

// Listed adds the jobs that a server lists at the end.
func (r *Record) Listed(server string, jobs []Listed) {
	r.add(func(o *Round) {
		if o.Lists == nil {
			o.Lists = map[string][]Listed{}
		}
		o.Lists[server] = jobs
	})
}

func (r *Record) add(change func(*Round)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.r)
}

// Open counts the acknowledged jobs that have not arrived yet, without those that a lost
// disk may have taken along.
func (r *Record) Open() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	there := map[int]bool{}
	for _, a := range r.r.Arrivals {
		there[a.Job] = true
	}
	n := 0
	for _, a := range r.r.Answers {
		if !there[a.Job] && !r.r.wentWithDisk(a) {
			n++
		}
	}
	return n
}

// wentWithDisk reports whether a job may be lost: it was on one disk only, and that was
// lost afterwards.
func (r *Round) wentWithDisk(a Answer) bool {
	return !a.Protected && slices.ContainsFunc(r.Disks, func(l Lost) bool { return l.Server == a.Server && !l.At.Before(a.At) })
}

// Round is a copy of what was recorded, in order of time where that counts.
func (r *Record) Round() Round {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.r
	out.Answers, out.Arrivals, out.Kills = slices.Clone(out.Answers), slices.Clone(out.Arrivals), slices.Clone(out.Kills)
	out.Readings = slices.SortedFunc(slices.Values(out.Readings), func(a, b Reading) int { return a.At.Compare(b.At) })
	return out
}
