package node

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// ownLog is what a test needs of an own journal: journal.Journal and journal.Memory.
type ownLog interface {
	Chain
	journal.Log
	Restore(context.Context, [][]byte) (journal.Seq, error)
}

// line is a small pipeline: a job is done by cancelling it.
type line struct {
	self, peer string
	log        ownLog
	blobs      Blobs
	now        func() time.Time

	full bool // the disk takes nothing
	lazy bool // nothing is ever done

	mu     sync.Mutex // guards the fields below
	state  core.State
	works  map[pair.Whose]bool
	did    []core.JobID // here, in order
	said   []string     // what was said of the jobs
	folded int          // entries of the peer
}

// newLine folds the own journal.
func newLine(t testing.TB, self, peer string, log ownLog, blobs Blobs, now func() time.Time) *line {
	t.Helper()
	l := &line{self: self, peer: peer, log: log, blobs: blobs, now: now, works: map[pair.Whose]bool{}}
	first := true
	for e, err := range log.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if err := l.fold(e, first); err != nil {
			t.Fatal(err)
		}
		first = false
	}
	return l
}

// fold takes an entry in; a snapshot with which a journal begins is merged.
func (l *line) fold(e journal.Entry, begins bool) error {
	s, is := e.Event.Body.(core.Snapshot)
	if !is || !begins {
		l.state.Apply(e.Event)
		return nil
	}
	return l.merge(s)
}

func (l *line) merge(s core.Snapshot) error {
	f, err := l.blobs.Open(s.State)
	if err != nil {
		return err
	}
	defer f.Close()
	state, err := core.DecodeState(f)
	if err == nil {
		l.state.Merge(state)
	}
	return err
}

func (l *line) write(ctx context.Context, events ...core.Event) (journal.Seq, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writeLocked(ctx, events...)
}

func (l *line) writeLocked(ctx context.Context, events ...core.Event) (journal.Seq, error) {
	if l.full {
		return 0, core.DataDown("write to the journal", io.ErrShortWrite)
	}
	seq, err := l.log.Append(ctx, events...)
	if err == nil {
		for _, e := range events {
			l.state.Apply(e)
		}
	}
	return seq, err
}

// submit accepts a job.
func (l *line) submit(ctx context.Context, id string, inputs ...core.Ref) (journal.Seq, error) {
	body := core.JobSubmitted{Name: id, Profile: "default", Server: l.self}
	for i, ref := range inputs {
		body.Inputs = append(body.Inputs, core.File{Name: fmt.Sprintf("%d.tif", i), Ref: ref, Size: 1})
	}
	seq, err := l.write(ctx, core.Event{At: l.at(), Job: core.JobID(id), Body: body})
	l.advance(ctx)
	return seq, err
}

func (l *line) at() time.Time { return l.now().UTC().Round(0) }

// advance does what may be done.
func (l *line) advance(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range slices.Sorted(l.state.Open()) {
		v, _ := l.state.Job(id)
		whose := pair.OwnJobs
		if v.Server == l.peer {
			whose = pair.PeerJobs
		}
		if !l.works[whose] || l.lazy {
			continue
		}
		if _, err := l.writeLocked(ctx, core.Event{At: l.at(), Job: id, Body: core.JobCancelled{Reason: "done by " + l.self}}); err == nil {
			l.did = append(l.did, id)
		}
	}
}

func (l *line) say(format string, a ...any) { l.said = append(l.said, fmt.Sprintf(format, a...)) }

func (l *line) Work(w pair.Whose) {
	l.mu.Lock()
	l.works[w] = true
	l.say("work %s", w)
	l.mu.Unlock()
	l.advance(context.Background())
}

func (l *line) Stop(w pair.Whose) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.works[w] = false
	l.say("stop %s", w)
}

func (l *line) Drain(_ context.Context, w pair.Whose, limit time.Duration) error {
	l.Stop(w)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say("drained %s in %v", w, limit)
	return nil
}

func (l *line) Append(ctx context.Context, b core.Body) error {
	_, err := l.write(ctx, core.Event{At: l.at(), Body: b})
	return err
}

func (l *line) Restore(ctx context.Context, frames [][]byte) (journal.Seq, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, had := l.log.Bounds()
	last, err := l.log.Restore(ctx, frames)
	if err != nil {
		return 0, err
	}
	for i, raw := range frames {
		e, err := journal.ParseFrame(raw)
		if err != nil {
			return 0, err
		}
		if e.Seq > had {
			if err := l.fold(e, had == 0 && i == 0); err != nil {
				return 0, err
			}
		}
	}
	return last, nil
}

func (l *line) Adopt(ctx context.Context, events []core.Event) (journal.Seq, error) {
	if s, is := events[0].Body.(core.Snapshot); is {
		l.mu.Lock()
		defer l.mu.Unlock()
		return 0, l.merge(s)
	}
	return l.write(ctx, events...)
}

func (l *line) FoldPeer(ctx context.Context, entries []journal.Entry) error {
	l.mu.Lock()
	for i, e := range entries {
		if err := l.fold(e, i == 0); err != nil {
			l.mu.Unlock()
			return err
		}
		l.folded++
	}
	l.mu.Unlock()
	l.advance(ctx)
	return nil
}

func (l *line) Look(f func(*core.State)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.state)
}

func (l *line) Needed() map[core.Ref]bool {
	refs := map[core.Ref]bool{}
	l.Look(func(s *core.State) {
		for r := range s.Refs() {
			refs[r] = true
		}
	})
	return refs
}

func (l *line) digest() (d core.Ref) {
	l.Look(func(s *core.State) { d = s.Digest() })
	return d
}

func (l *line) knows(id string) (known bool) {
	l.Look(func(s *core.State) { _, known = s.Job(core.JobID(id)) })
	return known
}

func (l *line) done() []core.JobID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.did)
}

func (l *line) worksOn(w pair.Whose) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.works[w]
}

func (l *line) heard() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.said)
}

func (l *line) fill(full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full = full
}

// snapshot writes the state down and compacts the journal as far as may be.
func (l *line) snapshot(t testing.TB, limit func() journal.Seq) journal.Seq {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var text strings.Builder
	if err := l.state.Encode(&text); err != nil {
		t.Fatal(err)
	}
	ref, _, err := l.blobs.Put(t.Context(), strings.NewReader(text.String()), 0)
	if err != nil {
		t.Fatal(err)
	}
	seq, err := l.writeLocked(t.Context(), core.Event{At: l.at(), Body: core.Snapshot{State: ref, Digest: l.state.Digest()}})
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Unlock()
	eventually(t, "the snapshot may be compacted to", func() bool { return limit() >= seq })
	l.mu.Lock()
	if err := l.log.Compact(t.Context(), seq); err != nil {
		t.Fatal(err)
	}
	return seq
}
