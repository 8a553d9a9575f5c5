package pair

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// jobs is how a server stands with the jobs of one server.
type jobs struct {
	active   bool
	since    time.Duration // activated
	blind    bool          // it was while the peer was not heard, or could write nothing
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
	s.jobs[n] = jobs{active: true, since: s.w.now, blind: s.w.blind(s) || s.peer().disk.full}
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
