package node

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/internal/ports"
)

// ground is a way with real disks, and TLS on the loopback.
type ground struct {
	t      testing.TB
	dir    string
	id     *identity.Identity
	addr   string
	other  *ground
	client *link.Client
	stop   func()
}

// newRealPair makes two servers as they are in the field, neither of which runs.
func newRealPair(t testing.TB) (a, b *site) {
	t.Helper()
	a, b = newSite(t, "a", pair.Primary), newSite(t, "b", pair.Secondary)
	a.other, b.other = b, a
	ga, gb := newGround(t, "a"), newGround(t, "b")
	ga.other, gb.other = gb, ga
	a.way, b.way = ga, gb
	return a, b
}

func newGround(t testing.TB, name string) *ground {
	t.Helper()
	g := &ground{t: t, dir: t.TempDir()}
	id, err := identity.Open(filepath.Join(g.dir, "server"), name, false)
	if err != nil {
		t.Fatal(err)
	}
	g.id, g.addr = id, ports.Keep(t)
	return g
}

func (g *ground) ownDir() string { return filepath.Join(g.dir, "journal") }

func (g *ground) ownConfig(s *site) journal.Config {
	return journal.Config{Dir: g.ownDir(), Writer: s.id, Reserve: -1}
}

func (g *ground) mount(s *site) {
	g.t.Helper()
	own, salvage, err := OpenJournal(g.t.Context(), g.ownConfig(s))
	if err != nil {
		g.t.Fatal(err)
	}
	kept, err := OpenCopy(g.t.Context(), journal.Config{Dir: filepath.Join(g.dir, "copy"), Reserve: -1})
	if err != nil {
		g.t.Fatal(err)
	}
	blobs, err := blob.Open(filepath.Join(g.dir, "blobs"), blob.Config{Reserve: -1})
	if err != nil {
		g.t.Fatal(err)
	}
	s.own, s.copy, s.blobs, s.salvage = own, kept, blobs, salvage
}

func (g *ground) peer(s *site) Peer {
	g.client = link.NewClient(link.ClientConfig{
		Self: g.id.Cert, Pin: g.other.id.Fingerprint, Addresses: []string{g.other.addr}, Run: uint64(s.run),
	})
	return g.client
}

func (g *ground) serve(n *Node) {
	g.t.Helper()
	l, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	server := link.NewServer(link.ServerConfig{Self: g.id.Cert})
	server.Pin(g.other.id.Fingerprint, n.Handler())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	g.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			g.t.Errorf("the link's server: %v", err)
		}
	}
}

func (g *ground) leave(s *site) {
	g.stop()
	g.client.Close()
	for what, close := range map[string]func() error{"journal": s.own.Close, "copy": s.copy.(*journal.Copy).Close, "blobs": s.blobs.Close} {
		if err := close(); err != nil {
			g.t.Errorf("close the %s: %v", what, err)
		}
	}
}

// The whole way with real disks and TLS: pair, ship, protect, kill, take over, come
// back, lose a disk, maintenance.
func TestTwoServersOnRealDisksOverTLS(t *testing.T) {
	t.Parallel()
	a, b := newRealPair(t)
	a.boot()
	b.boot()
	arePair(t, a, b)
	ref := a.put(strings.Repeat("a scan ", 50_000))
	a.node.Offer(ref)
	a.line.Stop(pair.OwnJobs)
	if !a.accept("left", ref) {
		t.Error("the job is not protected")
	}
	if !b.blobs.Has(ref) {
		t.Error("the job is protected, its scan is not there")
	}
	a.kill()
	eventually(t, "b has done a's job", func() bool { return slices.Contains(b.line.done(), "left") })
	b.accept("of-b", b.put("another scan"))
	a.boot()
	agree(t, a, b, "left", "of-b")
	arePair(t, a, b)
	if !a.accept("next") || !slices.Contains(a.line.done(), "next") {
		t.Error("a does not work on its jobs after the hand-back")
	}

	a.kill()
	for _, dir := range []string{"journal", "copy", "blobs"} {
		if err := os.RemoveAll(filepath.Join(a.way.(*ground).dir, dir)); err != nil {
			t.Fatal(err)
		}
	}
	a.boot()
	agree(t, a, b, "left", "of-b", "next")
	arePair(t, a, b)

	a.line.Stop(pair.OwnJobs)
	a.accept("handed-over")
	if why := a.node.Do(t.Context(), pair.MaintenanceOn); why != nil {
		t.Fatal(why)
	}
	eventually(t, "b has done the job", func() bool { return slices.Contains(b.line.done(), "handed-over") })
	if why := a.node.Do(t.Context(), pair.MaintenanceOff); why != nil {
		t.Fatal(why)
	}
	agree(t, a, b, "handed-over")
}

// block is a file of a journal on disk.
func block(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "$G", "streams", "JOURNAL", "msgs", "*.blk"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no block in %s: %v", dir, err)
	}
	return files[0]
}

// flip changes one byte in a file, around the text.
func flip(t *testing.T, path, text string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(raw), text)
	if at < 0 {
		t.Fatalf("%q is not in %s", text, path)
	}
	raw[at] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A flipped byte: the journal is set aside and restored; what only it had comes back.
func TestADamagedJournalIsRestoredAndItsEndTakenBack(t *testing.T) {
	t.Parallel()
	a, b := newRealPair(t)
	a.boot()
	b.boot()
	eventually(t, "they are a pair", func() bool { return wellLinked(a, b) })
	a.accept("damaged")
	a.accept("whole")
	agree(t, a, b, "whole")
	b.kill()
	a.accept("only-here")
	a.kill()
	dir := a.way.(*ground).ownDir()
	flip(t, block(t, dir), "damaged")
	b.boot()
	a.boot()
	if a.salvage == "" {
		t.Fatal("the damaged journal was not set aside")
	}
	agree(t, a, b, "damaged", "whole", "only-here")
	eventually(t, "the salvage is marked as taken back", func() bool { return !a.node.salvage.pending() })
	left, _ := named(dir, asideLeft)
	done, _ := named(dir, asideDone)
	if len(left) != 0 || len(done) != 1 {
		t.Errorf("folders to be taken back %v, taken back %v", left, done)
	}
	a.kill()
	a.boot()
	if a.salvage != "" {
		t.Errorf("%s is to be taken back again", a.salvage)
	}
	agree(t, a, b, "damaged", "whole", "only-here")
}

// There is nobody to restore it from: what is intact comes back all the same, before
// anything is worked on.
func TestADamagedJournalComesBackWithoutThePeer(t *testing.T) {
	t.Parallel()
	a, b := newRealPair(t)
	a.boot()
	b.boot()
	eventually(t, "they are a pair", func() bool { return wellLinked(a, b) })
	a.accept("one")
	a.accept("damaged")
	a.accept("three")
	agree(t, a, b, "three")
	a.kill()
	b.kill()
	flip(t, block(t, a.way.(*ground).ownDir()), "damaged")
	a.boot()
	eventually(t, "a works alone", func() bool { return a.line.worksOn(pair.OwnJobs) })
	if !a.line.knows("one") || !a.line.knows("three") || a.node.salvage.pending() {
		t.Error("a works without what is intact of its journal")
	}
	a.accept("alone")
	b.boot()
	agree(t, a, b, "one", "damaged", "three", "alone")
}

// A damaged copy is shipped anew.
func TestADamagedCopyIsShippedAnew(t *testing.T) {
	t.Parallel()
	a, b := newRealPair(t)
	a.boot()
	b.boot()
	eventually(t, "they are a pair", func() bool { return wellLinked(a, b) })
	a.accept("damaged")
	agree(t, a, b, "damaged")
	b.kill()
	flip(t, block(t, filepath.Join(b.way.(*ground).dir, "copy", "current")), "damaged")
	b.boot()
	agree(t, a, b, "damaged")
	eventually(t, "b has discarded the damaged copy", func() bool {
		names, err := b.copy.Asides()
		return err == nil && len(names) == 0
	})
}

// A journal from an old backup: Run ends, the journal is set aside and restored.
func TestAnOldBackupOfTheJournalIsSetAsideAndRestored(t *testing.T) {
	t.Parallel()
	a, b := newRealPair(t)
	a.boot()
	b.boot()
	eventually(t, "they are a pair", func() bool { return wellLinked(a, b) })
	a.accept("one")
	agree(t, a, b, "one")
	a.kill()
	dir := a.way.(*ground).ownDir()
	old := filepath.Join(t.TempDir(), "backup")
	if err := os.CopyFS(old, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	a.boot()
	a.accept("two")
	a.line.snapshot(t, a.node.CompactLimit)
	a.accept("three")
	eventually(t, "the copy is compacted", func() bool { first, _ := b.copy.Bounds(); return first > 1 })
	agree(t, a, b, "three")
	a.kill()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	b.kill()
	a.boot()
	eventually(t, "a works alone", func() bool { return a.line.worksOn(pair.OwnJobs) })
	for _, id := range []string{"p", "q", "r", "s"} { // past where the copy begins
		a.accept(id)
	}
	b.boot()
	if err := <-a.ended; !errors.Is(err, ErrStale) {
		t.Fatalf("Run says %v", err)
	}
	a.ended <- nil
	a.kill()
	if err := SetAside(a.way.(*ground).ownConfig(a)); err != nil {
		t.Fatal(err)
	}
	a.boot()
	agree(t, a, b, "one", "two", "three", "p", "q", "r", "s")
	eventually(t, "the old one is taken back", func() bool { return !a.node.salvage.pending() })
}

// What journal.Recover left beside is not taken for something to take back.
func TestOnlyWhatWasSetAsideForThePairIsTakenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := journal.Config{Dir: dir, Writer: "a", Reserve: -1}
	if err := os.Mkdir(filepath.Join(dir, "damaged-20260101T000000Z-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	j, salvage, err := OpenJournal(t.Context(), cfg)
	if err != nil || salvage != "" {
		t.Fatalf("salvage %q, %v", salvage, err)
	}
	if _, err := j.Append(t.Context(), core.Event{At: time.Unix(1, 0).UTC(), Body: core.HandedBack{Epoch: 1, Of: "b"}}); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := SetAside(cfg); err != nil {
		t.Fatal(err)
	}
	// A crash in the middle of SetAside: the note is there, the folder has its first name.
	left, err := named(dir, asideLeft)
	if err != nil || len(left) != 1 {
		t.Fatalf("set aside: %v, %v", left, err)
	}
	if err := rename(filepath.Join(dir, left[0]), asideLeft, asideDamaged); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, asideNote), []byte("damaged-20260101T000000Z-1"), 0o600); err != nil {
		t.Fatal(err)
	}
	j, salvage, err = OpenJournal(t.Context(), cfg)
	if err != nil || filepath.Base(salvage) != left[0] {
		t.Errorf("salvage %q, %v; want %q", salvage, err, left[0])
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}
