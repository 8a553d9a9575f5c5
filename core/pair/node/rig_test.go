package node

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// eventually waits until something is so. In a synctest bubble it takes no time.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); !so(); <-tick.C {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("it is never so that %s", what)
		}
	}
}

// heldCopy is what a test needs of a copy: journal.Copy and journal.MemoryCopy.
type heldCopy interface {
	Copy
	Read(context.Context, journal.Seq) iter.Seq2[journal.Entry, error]
}

// site is one server of the pair under test. Journals, copy and blobs outlast its runs.
type site struct {
	t     testing.TB
	id    string
	role  pair.Role
	other *site
	wire  *wire // to the other

	own   ownLog
	copy  heldCopy
	blobs *blob.Store

	run     int
	node    *Node
	line    *line
	way     way
	salvage string
	lazy    bool // its jobs stay open
	cancel  context.CancelFunc
	ended   chan error
	lines   *lines
	mu      sync.Mutex // guards the fields below
	health  pair.Health
	verdict pair.Verdicts
}

// way is how a server reaches its peer and is reached, and where its disks are.
type way interface {
	mount(*site)     // opens the disks
	peer(*site) Peer // of the next run
	serve(*Node)     // lets the peer in
	leave(*site)     // lets nobody in any more, and closes the disks
}

// newPair makes two servers in memory, neither of which runs.
func newPair(t testing.TB) (a, b *site) {
	t.Helper()
	a, b = newSite(t, "a", pair.Primary), newSite(t, "b", pair.Secondary)
	a.other, b.other = b, a
	a.wire, b.wire = &wire{from: a, to: b}, &wire{from: b, to: a}
	for _, s := range []*site{a, b} {
		s.way = s.wire
		s.wipe()
	}
	return a, b
}

// wire is a way: its disks are always there.
func (w *wire) mount(*site)     {}
func (w *wire) peer(*site) Peer { return w }
func (w *wire) serve(n *Node)   { w.other().lets(n) }
func (w *wire) leave(*site)     { w.other().lets(nil) }

func newSite(t testing.TB, id string, role pair.Role) *site {
	s := &site{t: t, id: id, role: role, health: pair.Health{Web: true, Data: true}, lines: &lines{}}
	s.verdict = pair.Verdicts{Role: role, Parity: pair.ParitySame}
	t.Cleanup(s.kill)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s logged:\n%s", id, s.lines)
		}
	})
	return s
}

// wipe gives the server empty disks.
func (s *site) wipe() {
	s.t.Helper()
	s.own = journal.NewMemory(journal.Config{Writer: s.id})
	s.copy = journal.NewMemoryCopy(journal.Config{})
	blobs, err := blob.Open(s.t.TempDir(), blob.Config{Reserve: -1})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = blobs.Close() })
	s.blobs = blobs
}

// boot starts the server from its disks.
func (s *site) boot() {
	s.t.Helper()
	s.run++
	s.way.mount(s)
	s.line = newLine(s.t, s.id, s.other.id, s.own, s.blobs, time.Now)
	s.line.lazy = s.lazy
	cfg := Config{
		Pair:    pair.Config{Self: s.id, Peer: s.other.id, Pair: "p", Role: s.role, Run: uint64(s.run)},
		Link:    s.way.peer(s),
		Salvage: s.salvage,
		Journal: s.own, Copy: s.copy, Blobs: s.blobs, Work: s.line,
		Verdicts: func() pair.Verdicts { s.mu.Lock(); defer s.mu.Unlock(); return s.verdict },
		Health:   func() pair.Health { s.mu.Lock(); defer s.mu.Unlock(); return s.health },
		Log:      slog.New(slog.NewTextHandler(s.lines, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	s.node = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.ended = cancel, make(chan error, 1)
	s.way.serve(s.node)
	go func(n *Node, ended chan error) { ended <- n.Run(ctx) }(s.node, s.ended)
}

// kill ends the run without a word to the other.
func (s *site) kill() {
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.cancel = nil
	if err := <-s.ended; err != nil && !errors.Is(err, ErrStale) {
		s.t.Errorf("%s: Run: %v", s.id, err)
	}
	s.way.leave(s)
}

// feels changes how the services of the server are.
func (s *site) feels(h pair.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = h
}

// accept takes a job and reports whether it is protected.
func (s *site) accept(id string, inputs ...core.Ref) bool {
	s.t.Helper()
	seq, err := s.line.submit(s.t.Context(), id, inputs...)
	if err != nil {
		s.t.Fatalf("%s does not take %s: %v", s.id, id, err)
	}
	s.node.Accepted(core.JobID(id), "")
	return s.node.Protect(s.t.Context(), seq)
}

// put stores a blob.
func (s *site) put(content string) core.Ref {
	s.t.Helper()
	ref, _, err := s.blobs.Put(s.t.Context(), strings.NewReader(content), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return ref
}

func (s *site) works() bool { return s.node.Status().Phase == pair.Working }

// wellLinked reports whether both work, each on its own jobs, and protect each other.
func wellLinked(a, b *site) bool {
	for _, s := range []*site{a, b} {
		st := s.node.Status()
		if st.Phase != pair.Working || st.Stand != pair.Standby || !st.Linked || !st.UnprotectedSince.IsZero() || st.Lag > 0 {
			return false
		}
	}
	return true
}

// arePair waits until they are well linked, and have begun to work: a status tells what is
// meant a moment before.
func arePair(t testing.TB, a, b *site) {
	t.Helper()
	eventually(t, "they are a pair", func() bool {
		return wellLinked(a, b) && a.line.worksOn(pair.OwnJobs) && b.line.worksOn(pair.OwnJobs)
	})
}

// lazily starts both, so that all jobs stay open.
func lazily(t testing.TB) (a, b *site) {
	t.Helper()
	a, b = newPair(t)
	a.lazy, b.lazy = true, true
	a.boot()
	b.boot()
	arePair(t, a, b)
	return a, b
}

// together starts both and waits until they are a pair.
func together(t testing.TB) (a, b *site) {
	t.Helper()
	a, b = newPair(t)
	a.boot()
	b.boot()
	arePair(t, a, b)
	return a, b
}

// agree waits until both know the same, and of all the jobs.
func agree(t testing.TB, a, b *site, jobs ...string) {
	t.Helper()
	eventually(t, "both know the same", func() bool { return wellLinked(a, b) && a.line.digest() == b.line.digest() })
	for _, s := range []*site{a, b} {
		for _, id := range jobs {
			if !s.line.knows(id) {
				t.Errorf("%s does not know %s", s.id, id)
			}
		}
	}
}

// lines are what a server logged.
type lines struct {
	mu sync.Mutex // guards the field below
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
