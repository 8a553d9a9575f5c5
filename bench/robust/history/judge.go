package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/scan"
)

// Bounds are what a round may show at most. A zero bound of a time or count is not
// looked at, unless its comment says otherwise.
type Bounds struct {
	Again    int           // pages recognised a second time; negative: any number
	Takeover time.Duration // from a calm kill to the first page of its jobs on the other server
	Tries    int           // of one submission
	Foreign  bool          // documents hold more than the numbers of their pages: their text is not looked at
}

// Tally is what happened in one round, or in several.
type Tally struct {
	Kills       int
	Protected   int // jobs that were acknowledged as protected
	Unprotected int

	LostProtected   int
	LostUnprotected int
	LostWithDisk    int // unprotected jobs that went with the only disk that had them

	Again     int // pages that came out of an engine a second time
	Begun     int // pages that went in a second time, those that never came out the first time included
	Doubled   int // deliveries that a destination was offered again under the same key
	Takeovers []time.Duration
	Tries     int // most of one submission
}

// Add adds up two tallies.
func (t *Tally) Add(o Tally) {
	t.Kills += o.Kills
	t.Protected += o.Protected
	t.Unprotected += o.Unprotected
	t.LostProtected += o.LostProtected
	t.LostUnprotected += o.LostUnprotected
	t.LostWithDisk += o.LostWithDisk
	t.Again += o.Again
	t.Begun += o.Begun
	t.Doubled += o.Doubled
	t.Takeovers = append(t.Takeovers, o.Takeovers...)
	t.Tries = max(t.Tries, o.Tries)
}

// Judge counts what happened and names whatever breaks a promise.
func Judge(r Round, b Bounds) (Tally, []string) {
	j := &judgement{round: r, bounds: b, arrived: map[int][]Arrival{}, listed: map[int][]Listed{}}
	for _, a := range r.Arrivals {
		j.arrived[a.Job] = append(j.arrived[a.Job], a)
	}
	for _, list := range r.Lists {
		for _, l := range list {
			j.listed[l.Job] = append(j.listed[l.Job], l)
		}
	}
	j.tally.Kills = len(r.Kills)
	j.jobs()
	j.strangers()
	j.lists()
	j.pages()
	j.takeovers()
	for _, why := range r.Refused {
		j.find("a submission was refused: %s", why)
	}
	return j.tally, j.found
}

type judgement struct {
	round   Round
	bounds  Bounds
	arrived map[int][]Arrival
	listed  map[int][]Listed
	tally   Tally
	found   []string
}

func (j *judgement) find(format string, a ...any) {
	j.found = append(j.found, fmt.Sprintf(format, a...))
}

// jobs looks at each acknowledged job.
func (j *judgement) jobs() {
	for _, a := range j.round.Answers {
		if a.Protected {
			j.tally.Protected++
		} else {
			j.tally.Unprotected++
		}
		j.tally.Tries = max(j.tally.Tries, a.Tries)
		if j.bounds.Tries > 0 && a.Tries > j.bounds.Tries {
			j.find("job %d took %d tries, at most %d are allowed", a.Job, a.Tries, j.bounds.Tries)
		}
		j.job(a)
	}
}

func (j *judgement) job(a Answer) {
	arrived := j.arrived[a.Job]
	if len(arrived) == 0 {
		j.lost(a)
		return
	}
	j.tally.Doubled += len(arrived) - 1
	keys := map[string]bool{}
	for _, d := range arrived {
		keys[d.Key] = true
		if want := wanted(a); d.Text != want && !j.bounds.Foreign {
			j.find("job %d (%s) was delivered with the text %q, not %q", a.Job, a.ID, d.Text, want)
		}
	}
	if len(keys) > 1 {
		j.find("job %d (%s) was delivered %d times under different keys: %s", a.Job, a.ID, len(keys), strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
	}
	if !j.ended(a) {
		j.find("job %d (%s) was delivered, but no server lists it as completed: %v", a.Job, a.ID, j.listed[a.Job])
	}
}

// ended reports whether a server lists the job as completed. Without lists nothing is held against it.
func (j *judgement) ended(a Answer) bool {
	return len(j.round.Lists) == 0 || slices.ContainsFunc(j.listed[a.Job], func(l Listed) bool { return l.State == "completed" })
}

// wanted is the text of a document: the numbers of its pages in order.
func wanted(a Answer) string {
	var pages []string
	for n := range a.Pages {
		pages = append(pages, scan.Page{Job: a.Job, Page: n + 1}.String())
	}
	return strings.Join(pages, " ")
}

func (j *judgement) lost(a Answer) {
	where := "no server knows it"
	if l := j.listed[a.Job]; len(l) > 0 {
		where = fmt.Sprintf("listed as %s %s", l[0].State, l[0].Why)
	}
	switch {
	case j.round.wentWithDisk(a):
		j.tally.LostWithDisk++
		return
	case a.Protected:
		j.tally.LostProtected++
	default:
		j.tally.LostUnprotected++
	}
	j.find("job %d (%s), acknowledged by %s at %s, protected %t, never arrived: %s",
		a.Job, a.ID, a.Server, a.At.Format(clock), a.Protected, where)
}

const clock = "15:04:05.000"

// strangers are deliveries of jobs that nobody was told of: a submission that was cut off
// before its answer may well be done, but then it is one of this round.
func (j *judgement) strangers() {
	for _, a := range j.round.Arrivals {
		if a.Job == 0 {
			j.find("a document of no job arrived: %s under %q", a.ID, a.Key)
		}
	}
}

// lists wants both servers to tell the same of every job.
func (j *judgement) lists() {
	if len(j.round.Lists) != 2 {
		return
	}
	servers := slices.Sorted(maps.Keys(j.round.Lists))
	here, there := byID(j.round.Lists[servers[0]]), byID(j.round.Lists[servers[1]])
	for _, id := range slices.Sorted(maps.Keys(here)) {
		if there[id] != here[id] {
			j.find("job %s is %q on %s and %q on %s", id, here[id], servers[0], there[id], servers[1])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(there)) {
		if here[id] == "" {
			j.find("job %s is %q on %s and not listed on %s", id, there[id], servers[1], servers[0])
		}
	}
}

func byID(list []Listed) map[string]string {
	out := map[string]string{}
	for _, l := range list {
		out[l.ID] = l.State
	}
	return out
}

// pages counts what the engines did more than once.
func (j *judgement) pages() {
	begun, done := map[scan.Page]int{}, map[scan.Page]int{}
	for _, r := range j.round.Readings {
		if r.Done {
			done[r.Page]++
		} else {
			begun[r.Page]++
		}
	}
	for _, n := range begun {
		j.tally.Begun += n - 1
	}
	for _, n := range done {
		j.tally.Again += n - 1
	}
	if j.bounds.Again >= 0 && j.tally.Again > j.bounds.Again {
		j.find("%d pages were recognised a second time, at most %d may be", j.tally.Again, j.bounds.Again)
	}
}

// takeovers measures from each kill to the first page of the dead server's jobs that the
// other one begins, where there was such a page and the server stayed away for long enough.
func (j *judgement) takeovers() {
	by := map[int]string{} // server by job
	for _, a := range j.round.Answers {
		by[a.Job] = a.Server
	}
	for _, k := range j.round.Kills {
		first, waiting := j.firstReplayed(k, by)
		if !first.IsZero() {
			j.tally.Takeovers = append(j.tally.Takeovers, first.Sub(k.At))
		}
		if !k.Calm || !waiting || j.bounds.Takeover == 0 || !k.Other.IsZero() {
			continue
		}
		if due := k.At.Add(j.bounds.Takeover); (first.IsZero() || first.After(due)) && (k.Back.IsZero() || k.Back.After(due)) {
			j.find("%s was killed at %s; its first page began elsewhere %s, at most %v are allowed",
				k.Server, k.At.Format(clock), after(first, k.At), j.bounds.Takeover)
		}
	}
}

func after(first, kill time.Time) string {
	if first.IsZero() {
		return "never"
	}
	return "after " + first.Sub(kill).Round(time.Millisecond).String()
}

// firstReplayed is when the other server began a page of the killed one's jobs; waiting
// says whether there was any such page to begin.
func (j *judgement) firstReplayed(k Kill, by map[int]string) (first time.Time, waiting bool) {
	done := map[scan.Page]bool{}
	taken := map[int]bool{}
	for _, a := range j.round.Answers {
		taken[a.Job] = !a.At.After(k.At) && by[a.Job] == k.Server
	}
	for _, r := range j.round.Readings {
		switch {
		case !taken[r.Page.Job]:
		case r.Done && !r.At.After(k.At):
			done[r.Page] = true
		case r.At.After(k.At) && !done[r.Page]:
			waiting = true
			if !r.Done && r.Server != k.Server && (k.Back.IsZero() || r.At.Before(k.Back)) {
				return r.At, true
			}
		}
	}
	return time.Time{}, waiting
}
