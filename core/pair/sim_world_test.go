package pair

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// world is two servers, the network between them, their clients and a destination,
// in a time of its own. The same seed gives the same world, to the last message.
type world struct {
	dice  *rand.Rand
	now   time.Duration // since the world began
	due   agenda
	count int
	wrote map[int]time.Duration // when an entry was first durable

	servers [2]*server
	net     network
	docs    []*doc
	dest    map[string]int // documents taken by the destination, by key: it refuses the second
	mutant  bug
	healed  bool
	lonely  int // the server that never comes back, or -1

	tells  bool // keep a trace
	trace  strings.Builder
	broken []string // promises that were not kept
	acts   stats
}

// stats tell what a schedule was about, so that a test can see that all was tried.
type stats struct {
	protected, unprotected, excused, twice, takeovers, forks, restores, firsts int
}

// item is something that happens later.
type item struct {
	at   time.Duration
	nth  int
	what func()
}

type agenda []item

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].nth < a[j].nth
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(item)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func newWorld(seed uint64, mutant bug, tells bool) *world {
	w := &world{
		dice: rand.New(rand.NewPCG(seed, 4)), dest: map[string]int{}, wrote: map[int]time.Duration{}, mutant: mutant, tells: tells, lonely: -1,
	}
	for i, id := range []string{"A", "B"} {
		w.servers[i] = &server{w: w, n: i, id: id, web: true, manual: false}
	}
	manual := w.dice.IntN(20) == 0
	for _, s := range w.servers {
		s.manual = manual
		w.after(w.between(0, 400*time.Millisecond), s.boot)
	}
	return w
}

// after lets something happen later.
func (w *world) after(d time.Duration, what func()) {
	w.count++
	heap.Push(&w.due, item{w.now + d, w.count, what})
}

// run lets the world go on until a time, or until done says that it is enough.
func (w *world) run(until time.Duration, done func() bool) {
	for len(w.due) > 0 && w.due[0].at <= until && len(w.broken) == 0 {
		next := heap.Pop(&w.due).(item)
		w.now = next.at
		next.what()
		if done != nil && done() {
			return
		}
	}
	if len(w.broken) == 0 {
		w.now = max(w.now, until)
	}
}

func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.dice.Int64N(int64(high-low)+1))
}

func (w *world) chance(percent int) bool { return w.dice.IntN(100) < percent }

func (w *world) say(format string, a ...any) {
	if w.tells {
		fmt.Fprintf(&w.trace, "%9.3f  %s\n", w.now.Seconds(), fmt.Sprintf(format, a...))
	}
}

// breaks says that a promise was not kept.
func (w *world) breaks(format string, a ...any) {
	what := fmt.Sprintf(format, a...)
	w.say("BROKEN: %s", what)
	w.broken = append(w.broken, fmt.Sprintf("at %.3f s: %s", w.now.Seconds(), what))
}

// network carries messages: late, twice, not at all.
type network struct {
	cut   [2]int // of what the server says: partitions that are going on
	loss  int    // percent
	slow  time.Duration
	cutIn [2]int // of what clients say to the server

	arrived [2]time.Duration // the newest hello of the server that reached the other: when it was sent
	round   [2]time.Duration // the newest hello of the server that was answered: when it was sent
}

// carry brings something from a server to the other, which may be another run by then.
func (w *world) carry(from *server, what func(to *server)) {
	copies := 1
	if w.net.cut[from.n] > 0 || w.chance(w.net.loss) {
		copies = 0
	} else if w.net.loss > 0 && w.chance(10) {
		copies = 2
	}
	to := from.peer()
	for range copies {
		w.after(w.between(200*time.Microsecond, 3*time.Millisecond+w.net.slow), func() { to.awake(func() { what(to) }) })
	}
}

// hello carries a hello and keeps which round trips there were: what a machine may
// believe of its link is held against this.
func (w *world) hello(from *server, msg Message) {
	sent, answers := w.now, w.net.arrived[1-from.n]
	w.carry(from, func(to *server) {
		w.net.arrived[from.n] = max(w.net.arrived[from.n], sent)
		w.net.round[to.n] = max(w.net.round[to.n], answers)
		to.step(Received{msg})
	})
}

// blind reports whether nothing that a server said was answered for about a second.
func (w *world) blind(s *server) bool { return w.now-w.net.round[s.n] >= 900*time.Millisecond }

// start is when the worlds begin.
var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// jobIDs never repeat, not even on a server that lost its disk.
func (w *world) jobID(s *server) core.JobID {
	w.count++
	return core.JobID(fmt.Sprintf("%s-%06d", s.id, w.count))
}
