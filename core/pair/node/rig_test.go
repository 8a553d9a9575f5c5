package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
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

// lazily starts both, so that all jobs stay open.
func lazily(t testing.TB) (a, b *site) {
	t.Helper()
	a, b = newPair(t)
	a.lazy, b.lazy = true, true
	a.boot()
	b.boot()
	eventually(t, "they are a pair", func() bool { return wellLinked(a, b) })
	return a, b
}

// together starts both and waits until they are a pair.
func together(t testing.TB) (a, b *site) {
	t.Helper()
	a, b = newPair(t)
	a.boot()
	b.boot()
	eventually(t, "they are a pair", func() bool { return wellLinked(a, b) })
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

// wire is a link in memory: it calls the other's handler. It can be cut and slow.
type wire struct {
	from, to *site

	mu     sync.Mutex // guards the fields below
	node   *Node      // that answers; nil: nobody does, and the caller knows at once
	cut    bool       // what is said is not heard, without a word
	slow   time.Duration
	calls  []string                // of journals and blobs, in order
	broken func(what string) error // makes a call fail
}

// other is the wire in the other direction.
func (w *wire) other() *wire { return w.to.wire }

func (w *wire) lets(n *Node) { w.change(func() { w.node = n }) }

func (w *wire) change(how func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	how()
}

// silence cuts what is said on this wire, or mends it.
func (w *wire) silence(cut bool) { w.change(func() { w.cut = cut }) }

func (w *wire) heard() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.calls)
}

// reach gives the handler when the way to it is there.
func (w *wire) reach(ctx context.Context, what string) (link.Handler, error) {
	w.mu.Lock()
	n, slow, fail := w.node, w.slow, w.broken
	if what != "" {
		w.calls = append(w.calls, what)
	}
	w.mu.Unlock()
	if n == nil {
		return nil, fmt.Errorf("connection refused: %w", link.ErrUnreachable)
	}
	if err := w.pass(ctx, slow); err != nil {
		return nil, err
	}
	if fail != nil {
		if err := fail(what); err != nil {
			return nil, err
		}
	}
	return n.Handler(), nil
}

// pass carries something one way.
func (w *wire) pass(ctx context.Context, slow time.Duration) error {
	w.mu.Lock()
	cut := w.cut
	w.mu.Unlock()
	if cut {
		<-ctx.Done()
		return fmt.Errorf("nothing comes: %w: %w", link.ErrUnreachable, ctx.Err())
	}
	if slow > 0 && !pause(ctx, slow) {
		return ctx.Err()
	}
	return ctx.Err()
}

// call asks about journals.
func call[T any](ctx context.Context, w *wire, what string, ask func(link.Handler) (T, error)) (T, error) {
	var none T
	h, err := w.reach(ctx, what)
	if err != nil {
		return none, err
	}
	if !h.Hears(uint64(w.from.run)) {
		return none, link.ErrUnheard
	}
	answer, failed := ask(h)
	if err := w.other().pass(ctx, 0); err != nil {
		return none, err
	}
	return answer, failed
}

func (w *wire) Send(ctx context.Context, m pair.Message) error {
	h, err := w.reach(ctx, "")
	if err == nil {
		h.Receive(m)
		err = w.other().pass(ctx, 0)
	}
	return err
}

func (w *wire) Copied(ctx context.Context) (link.Copied, error) {
	return call(ctx, w, "copied", func(h link.Handler) (link.Copied, error) { return h.Copied(ctx) })
}

func (w *wire) HashAt(ctx context.Context, seq journal.Seq) (journal.Hash, error) {
	return call(ctx, w, "hash", func(h link.Handler) (journal.Hash, error) { return h.HashAt(ctx, seq) })
}

func (w *wire) Ship(ctx context.Context, frames [][]byte) (link.Copied, error) {
	return call(ctx, w, fmt.Sprintf("ship %d", len(frames)), func(h link.Handler) (link.Copied, error) { return h.Ship(ctx, frames) })
}

func (w *wire) Lost(ctx context.Context, from journal.Seq) ([][]byte, error) {
	return call(ctx, w, fmt.Sprintf("lost %d", from), func(h link.Handler) ([][]byte, error) { return h.Lost(ctx, from) })
}

func (w *wire) SetAside(ctx context.Context, end pair.End) error {
	_, err := call(ctx, w, "set aside", func(h link.Handler) (bool, error) { return true, h.SetAside(ctx, end) })
	return err
}

func (w *wire) Aside(ctx context.Context, name string) iter.Seq2[[]byte, error] {
	seq, err := call(ctx, w, "aside", func(h link.Handler) (iter.Seq2[[]byte, error], error) { return h.Aside(ctx, name), nil })
	if err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	return seq
}

func (w *wire) Discard(ctx context.Context, name string) error {
	_, err := call(ctx, w, "discard", func(h link.Handler) (bool, error) { return true, h.Discard(ctx, name) })
	return err
}

func (w *wire) Compact(ctx context.Context, before journal.Seq) error {
	_, err := call(ctx, w, "compact", func(h link.Handler) (bool, error) { return true, h.Compact(ctx, before) })
	return err
}

func (w *wire) Lacks(ctx context.Context, refs []core.Ref) ([]core.Ref, error) {
	h, err := w.reach(ctx, "lacks")
	if err != nil {
		return nil, err
	}
	return h.Lacks(ctx, refs)
}

func (w *wire) PutBlob(ctx context.Context, ref core.Ref, r io.Reader, size int64) error {
	h, err := w.reach(ctx, "put")
	if err != nil {
		return err
	}
	return h.PutBlob(ctx, ref, r, size)
}

func (w *wire) Blob(ctx context.Context, ref core.Ref) (io.ReadCloser, error) {
	h, err := w.reach(ctx, "blob")
	if err != nil {
		return nil, err
	}
	return h.Blob(ctx, ref)
}
