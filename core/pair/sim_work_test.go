package pair

import (
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// jobs is how a server stands with the jobs of one server.
type jobs struct {
	active   bool
	since    time.Duration // activated
	blind    bool          // it was while the peer was not heard
	draining bool
}

// flight is work that is under way.
type flight struct {
	task    core.Task
	whose   int
	writing bool // its result
}

const workers = 2

func which(w Whose) int {
	if w == OwnJobs {
		return 0
	}
	return 1
}

// activate begins with the jobs. Both servers may work on the same jobs only while
// one cannot know of the other.
func (s *server) activate(w Whose) {
	n := which(w)
	s.tell("works on %s jobs", w)
	s.jobs[n] = jobs{active: true, since: s.w.now, blind: s.w.blind(s)}
	if n == 1 {
		s.w.acts.takeovers++
	}
	p := s.peer()
	if p.up && p.frozen <= s.w.now && p.jobs[1-n].active && !s.jobs[n].blind {
		s.w.breaks("%s begins with %s jobs while its peer, which it hears, works on them", s.id, w)
	}
	s.work()
}

// drain lets what is under way end, for a while.
func (s *server) drain(w Whose) {
	n := which(w)
	s.tell("drains %s jobs", w)
	s.jobs[n].active, s.jobs[n].draining = false, true
	s.drained(n)
	s.after(DrainTime, func() {
		if !s.jobs[n].draining {
			return
		}
		for key, f := range s.runs {
			if f.whose == n && !f.writing {
				delete(s.runs, key) // interrupted
			}
		}
		s.drained(n)
	})
}

func (s *server) drained(n int) {
	for _, f := range s.runs {
		if f.whose == n {
			return
		}
	}
	if s.jobs[n].draining {
		s.jobs[n].draining = false
		s.step(Drained{[]Whose{OwnJobs, PeerJobs}[n]})
	}
}

// work begins what may be begun.
func (s *server) work() {
	if !s.up || s.disk.full || !s.jobs[0].active && !s.jobs[1].active || len(s.runs) >= workers || s.state.CountOpen() == 0 {
		return
	}
	for t := range s.state.Ready(s.clock()) {
		if len(s.runs) >= workers {
			return
		}
		v, _ := s.state.Job(t.Job)
		n := 1
		if v.Server == s.id {
			n = 0
		}
		if s.jobs[n].active && s.runs[t.Key()] == nil {
			s.begin(t, n)
		}
	}
}

func (s *server) begin(t core.Task, whose int) {
	f := &flight{task: t, whose: whose}
	s.w.pageBegins(s, f)
	s.runs[t.Key()] = f
	s.append(t.Job, core.StageStarted{
		Stage: t.Stage, Page: t.Page, Destination: t.Destination, Round: t.Round, Attempt: t.Attempt,
	}, func(ok bool, _ journal.Seq) {
		if !ok {
			s.landed(f)
			return
		}
		if s.runs[t.Key()] != f {
			return
		}
		s.after(s.takes(t), func() { s.finish(f) })
	})
}

// takes is how long the work lasts.
func (s *server) takes(t core.Task) time.Duration {
	if t.Stage == core.Recognize {
		return s.w.between(20*time.Millisecond, 900*time.Millisecond)
	}
	return s.w.between(time.Millisecond, 60*time.Millisecond)
}

func (s *server) finish(f *flight) {
	if s.runs[f.task.Key()] != f {
		return // interrupted
	}
	r, err := f.task.Complete(s.result(f.task), time.Millisecond)
	if err != nil {
		panic(err)
	}
	f.writing = true
	s.append(f.task.Job, r, func(bool, journal.Seq) { s.landed(f) })
}

func (s *server) landed(f *flight) {
	if s.runs[f.task.Key()] == f {
		delete(s.runs, f.task.Key())
	}
	s.drained(f.whose)
	s.work()
}

// result is what the stage gives; the words differ from server to server.
func (s *server) result(t core.Task) core.Result {
	switch t.Stage {
	case core.Ingest:
		in := core.DocumentIngested{}
		for _, f := range t.Document.Inputs {
			in.Inputs = append(in.Inputs, core.Inspection{Media: "image/tiff", Pages: make([]core.PageInfo, f.Size)})
		}
		return in
	case core.Rasterize:
		return core.PageRasterized{Image: core.PageImage{Image: core.File{Ref: "image"}, Width: 1, Height: 1}}
	case core.Clean:
		return core.PageCleaned{}
	case core.Recognize:
		return core.PageRecognized{Text: core.PageText{Text: core.File{Ref: core.Ref(s.id)}, Words: 5}}
	case core.Assemble:
		return core.DocumentAssembled{Outputs: []core.Output{{Kind: core.OutputPDF, File: core.File{Ref: core.Ref("pdf of " + s.id)}}}}
	}
	key := t.Document.DeliveryKey(t.Destination)
	s.w.dest[key]++ // it takes the first and answers the others alike
	return core.Delivered{Receipt: core.Receipt{Location: key}}
}

// pageBegins holds the beginning of a page against what is on the disks: a page that
// has a result is recognised again only by who could not know of it.
func (w *world) pageBegins(s *server, f *flight) {
	if f.task.Stage != core.Recognize {
		return
	}
	v, _ := s.state.Job(f.task.Job)
	if len(v.Aliases) > 0 {
		return // accepted twice: each had its own
	}
	for _, other := range w.servers {
		at, ok := other.recognized(f.task.Job, f.task.Page)
		if !ok {
			continue
		}
		w.acts.twice++
		mine := s.jobs[f.whose]
		if other == s || !mine.blind && at <= mine.since {
			w.breaks("%s recognises page %d of %s again, which %s did at %.3f s", s.id, f.task.Page, f.task.Job, other.id, at.Seconds())
		}
		return
	}
}

// recognized finds a page's result among what the server itself wrote or was shipped,
// and when it was written.
func (s *server) recognized(job core.JobID, page int) (time.Duration, bool) {
	for _, c := range []chain{s.disk.own, s.disk.copy} {
		for _, e := range c {
			if b, ok := e.event.Body.(core.PageRecognized); ok && e.event.Job == job && b.Page == page {
				return s.w.wrote[e.nth], true
			}
		}
	}
	return 0, false
}

// doc is a document that a client wants to have recognised.
type doc struct {
	key    string
	pages  int
	acked  bool    // the client knows
	given  bool    // the server said so
	claims [2]bool // where a copy has to be: it was seen there, or said to be
	lost   bool    // the disks with it were all wiped: nobody can help
	ids    map[core.JobID]bool
}

// promise is the server's word that the document is safe.
func (d *doc) promise(s *server, protected bool) {
	d.given, d.lost = true, false
	d.claims[s.n] = true
	if protected {
		d.claims[1-s.n] = true
	}
}

// gone takes in that a disk is no more.
func (d *doc) gone(n int) {
	d.claims[n] = false
	if d.given && !d.claims[1-n] {
		d.lost = true
	}
}

func (w *world) doc(key string) *doc {
	for _, d := range w.docs {
		if d.key == key {
			return d
		}
	}
	return nil
}

// wipe takes a disk away.
func (w *world) wipe(s *server) {
	w.say("%s: the disk is wiped", s.id)
	s.crash()
	s.disk = disk{}
	for _, d := range w.docs {
		d.gone(s.n)
	}
}

// client submits documents to the server that it prefers, and to the other when that
// does not take them.
type client struct {
	w     *world
	name  string
	at    int // the server of its session
	todo  []*doc
	tries int
}

func (w *world) newClient(n int) {
	c := &client{w: w, name: fmt.Sprint("client", n)}
	for i := range 1 + w.dice.IntN(3) {
		d := &doc{key: fmt.Sprintf("%s-%d", c.name, i), pages: 1 + w.dice.IntN(3), ids: map[core.JobID]bool{}}
		w.docs = append(w.docs, d)
		c.todo = append(c.todo, d)
	}
	w.after(w.between(0, 12*time.Second), c.next)
}

func (c *client) next() {
	if len(c.todo) == 0 {
		return
	}
	c.submit(c.at, "")
}

// submit tries one server; if it fails the other is next.
func (c *client) submit(at int, failover Cause) {
	w, d, s := c.w, c.todo[0], c.w.servers[at]
	c.tries++
	try, answered := c.tries, false
	fail := func(why Cause) {
		if c.tries != try || answered {
			return
		}
		answered = true
		w.after(w.between(20*time.Millisecond, 400*time.Millisecond), func() { c.submit(1-at, why) })
	}
	w.after(1500*time.Millisecond, func() { fail(Network) })
	if w.net.cutIn[at] > 0 {
		return
	}
	w.after(w.between(time.Millisecond, 20*time.Millisecond), func() {
		if !s.up || !s.web {
			fail(map[bool]Cause{true: Web, false: Network}[s.up])
			return
		}
		s.awake(func() {
			s.take(d, Request{Failover: failover, Bound: c.at == at && at == 1}, func(protected bool, why error) {
				if why == nil {
					d.promise(s, protected)
				}
				w.after(time.Millisecond, func() {
					switch {
					case w.net.cutIn[at] > 0:
					case why != nil && strings.Contains(why.Error(), "maintenance"):
						fail(Maintenance)
					case why != nil:
						fail(Data)
					case c.tries == try && !answered:
						answered = true
						c.acked(d, at, protected)
					}
				})
			})
		})
	})
}

// acked is the client's word that its document is safe.
func (c *client) acked(d *doc, at int, protected bool) {
	c.w.say("%s: acknowledged by %s, protected %v", d.key, c.w.servers[at].id, protected)
	d.acked = true
	if protected {
		c.w.acts.protected++
	} else {
		c.w.acts.unprotected++
	}
	c.at = at
	if c.w.chance(50) {
		c.at = 0 // the session ends
	}
	c.todo = c.todo[1:]
	c.w.after(c.w.between(0, 5*time.Second), c.next)
}

// take is the server's side of a submission.
func (s *server) take(d *doc, r Request, answer func(protected bool, why error)) {
	if r.Failover != "" {
		s.step(ClientCame{r.Failover})
	}
	if why := s.m.Admit(r); why != nil {
		answer(false, why)
		return
	}
	ack := func(at journal.Seq) {
		s.acks.Add(s.clock(), at, s.m.Protects(), func(protected bool) { answer(protected, nil) })
	}
	if v, _, used := s.state.ByKey(d.key, core.Ref(d.key)); used {
		at, own := s.seqs[v.ID]
		if !own {
			answer(false, nil) // the peer wrote it; whether it still has it nobody knows here
			return
		}
		ack(at)
		return
	}
	if s.keys[d.key] {
		return // the same is being written: the client will ask again
	}
	s.keys[d.key] = true
	id := s.w.jobID(s)
	s.append(id, core.JobSubmitted{
		Name: d.key, Profile: "default", Key: d.key, Digest: core.Ref(d.key), Server: s.id, Destinations: []string{"x"},
		Inputs: []core.File{{Name: "scan.tif", Ref: "input", Size: int64(d.pages)}},
	}, func(ok bool, at journal.Seq) {
		delete(s.keys, d.key)
		if !ok {
			answer(false, core.DataDown("write the job", fmt.Errorf("disk full")))
			return
		}
		s.seqs[id] = at
		s.step(Accepted{id})
		ack(at)
	})
}
