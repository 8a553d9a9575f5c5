package core

import (
	"bytes"
	"maps"
	"slices"
	"time"
)

// server is what the fold knows of one server of a pair. All of it is registers.
type server struct {
	Takeovers map[int]*first[string] `json:"takeovers,omitempty"` // of its jobs: the cause, by epoch; the newest keepTakeovers
	Back      int                    `json:"back,omitempty"`      // highest epoch that was handed back
	Mode      *ModeChanged           `json:"mode,omitempty"`      // of the highest Count
}

// keepTakeovers bounds the memory of takeovers of one server.
const keepTakeovers = 64

func (s *State) server(id string) *server {
	v := s.servers[id]
	if v == nil {
		v = &server{}
		s.servers[id] = v
	}
	return v
}

func (v *server) takenOver(at stamp, b TakeoverBegan) {
	if v.Takeovers == nil {
		v.Takeovers = map[int]*first[string]{}
	}
	v.Takeovers[b.Epoch] = earlier(v.Takeovers[b.Epoch], &first[string]{At: at, Val: b.Cause})
	if len(v.Takeovers) > keepTakeovers {
		delete(v.Takeovers, slices.Min(slices.Collect(maps.Keys(v.Takeovers))))
	}
}

// epoch is the highest epoch of a takeover, 0 when there was none.
func (v *server) epoch() int {
	highest := 0
	for n := range v.Takeovers {
		highest = max(highest, n)
	}
	return highest
}

// moded keeps the mode of the highest number; of two of the same number the one that
// is smaller when written down.
func (v *server) moded(b ModeChanged) {
	switch old := v.Mode; {
	case old == nil || b.Count > old.Count:
		v.Mode = &b
	case b.Count == old.Count && bytes.Compare(written(b), written(*old)) < 0:
		v.Mode = &b
	}
}

// TakenOver reports whether the jobs of a server are presently another's: a takeover
// of them began whose epoch was not handed back. The cause is that of the takeover.
func (s *State) TakenOver(of string) (epoch int, cause string, taken bool) {
	v := s.servers[of]
	if v == nil || v.epoch() <= v.Back {
		return 0, "", false
	}
	epoch = v.epoch()
	return epoch, v.Takeovers[epoch].Val, true
}

// Takeover is what is known of one takeover.
type Takeover struct {
	Epoch int
	Cause string
	At    time.Time
	Back  bool // the jobs were handed back
}

// LastTakeover is the last takeover of a server's jobs; not ok: there was none.
func (s *State) LastTakeover(of string) (last Takeover, ok bool) {
	v := s.servers[of]
	if v == nil || len(v.Takeovers) == 0 {
		return last, false
	}
	epoch := v.epoch()
	began := v.Takeovers[epoch]
	return Takeover{Epoch: epoch, Cause: began.Val, At: began.At.time(), Back: v.Back >= epoch}, true
}

// Epoch is the highest epoch of any takeover: the next one has a higher number.
func (s *State) Epoch() int {
	highest := 0
	for _, v := range s.servers {
		highest = max(highest, v.epoch(), v.Back)
	}
	return highest
}

// Mode is the mode into which a server was last put for good, and the number of that
// change; it is empty and 0 when it never was.
func (s *State) Mode(of string) (mode, cause string, count int) {
	if v := s.servers[of]; v != nil && v.Mode != nil {
		return v.Mode.Mode, v.Mode.Cause, v.Mode.Count
	}
	return "", "", 0
}

// view is the job with the epoch under which it is, or at last was, worked on: that
// of the latest takeover of its server that began before it ended.
func (s *State) view(j *job) JobView {
	v := j.view()
	if of := s.servers[v.Server]; of != nil {
		for epoch, began := range of.Takeovers {
			if v.State.Open() || began.At <= j.plan.Finished {
				v.Epoch = max(v.Epoch, epoch)
			}
		}
	}
	return v
}
