package pair

import (
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

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
		s.step(Accepted{Job: id})
		ack(at)
	})
}
