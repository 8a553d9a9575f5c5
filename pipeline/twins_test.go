package pipeline

import (
	"context"
	"slices"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// twins are two pipelines of a pair. What one writes comes to the other when a test says so.
type twins struct {
	a, b *rig
	t    *testing.T
	fed  map[*rig]journal.Seq // up to where the other has folded its journal
}

// newTwins makes servers A and B. Nothing is worked on yet.
func newTwins(t *testing.T, cfg Config, pages int) *twins {
	t.Helper()
	w := &twins{t: t, fed: map[*rig]journal.Seq{}}
	cfg.Server, cfg.Peer = "A", "B"
	w.a = newRig(t, cfg, pages)
	cfg.Server, cfg.Peer = "B", "A"
	w.b = newRig(t, cfg, pages)
	w.sync()
	return w
}

// sync feeds each with what the other wrote since the last time.
func (w *twins) sync() {
	w.t.Helper()
	for _, err := range []error{w.feed(w.a, w.b), w.feed(w.b, w.a)} {
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// feed ships what is new from one to the other, blobs first.
func (w *twins) feed(from, to *rig) error {
	entries := w.news(from)
	for _, e := range entries {
		for _, ref := range core.BodyRefs(e.Event.Body) {
			w.carry(from, to, ref)
		}
	}
	for _, list := range [][]journal.Entry{entries, nil} { // there are no more then
		if err := to.FoldPeer(w.t.Context(), list); err != nil {
			return err
		}
	}
	if len(entries) > 0 {
		w.fed[from] = entries[len(entries)-1].Seq
	}
	return nil
}

// news are the entries that the other has not folded yet.
func (w *twins) news(from *rig) []journal.Entry {
	w.t.Helper()
	first, _ := from.log.Bounds()
	return w.entries(from, max(first, w.fed[from]+1))
}

func (w *twins) entries(of *rig, from journal.Seq) (list []journal.Entry) {
	w.t.Helper()
	for e, err := range of.log.Read(w.t.Context(), from) {
		if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// carry gives a blob to the other server, if it is a real one.
func (w *twins) carry(from, to *rig, ref core.Ref) {
	w.t.Helper()
	f, err := from.blobs.Open(ref)
	if err != nil {
		return
	}
	defer f.Close()
	if _, _, err := to.blobs.Put(w.t.Context(), f, 0); err != nil {
		w.t.Fatal(err)
	}
}

// forget makes the other begin anew with the journal, as after its restart.
func (w *twins) forget(of *rig) { w.fed[of] = 0 }

func (w *twins) end() {
	_, _ = w.a.end(), w.b.end()
}

// sameState fails the test unless both have folded to the same state.
func (w *twins) sameState() {
	w.t.Helper()
	a, _ := w.a.Digest()
	b, _ := w.b.Digest()
	if a != b {
		w.a.Look(func(s *core.State) { w.t.Log(s) })
		w.b.Look(func(s *core.State) { w.t.Log(s) })
		w.t.Fatal("the states differ")
	}
}

// Restore gives frames to the journal underneath, in the same mood.
func (l *moodyLog) Restore(ctx context.Context, frames [][]byte) (journal.Seq, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mood != nil {
		if take, err := l.mood(nil); !take {
			return 0, err
		}
	}
	return l.Log.(Restorer).Restore(ctx, frames)
}

// frames are all that a journal has.
func (r *rig) frames() [][]byte {
	r.t.Helper()
	m := r.log.Log.(*journal.Memory)
	first, last := m.Bounds()
	var all [][]byte
	for from := first; from <= last; from = first + journal.Seq(len(all)) {
		some, err := m.Frames(r.t.Context(), from, journal.MaxFrames)
		if err != nil {
			r.t.Fatal(err)
		}
		all = slices.Concat(all, some)
	}
	return all
}

// lose makes the pipeline one with an empty journal, as after a wiped disk.
func (r *rig) lose() {
	r.t.Helper()
	_ = r.end()
	r.log = &moodyLog{Log: journal.NewMemory(journal.Config{Writer: r.cfg.Server})}
	r.start()
}

func (w *twins) state(r *rig, id core.JobID) core.JobState {
	w.t.Helper()
	v, err := r.Job(id)
	if err != nil {
		w.t.Fatal(err)
	}
	return v.State
}
