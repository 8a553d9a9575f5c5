package watch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/core"
)

// server is what a watcher hands files to, in memory.
type server struct {
	blobs  map[core.Ref][]byte
	subs   []core.Submission
	byKey  map[string]core.JobID
	views  map[core.JobID]core.JobView
	submit func(core.Submission) error // before the job is made
	after  func()                      // after it is durable
}

func newServer() *server {
	return &server{blobs: map[core.Ref][]byte{}, byKey: map[string]core.JobID{}, views: map[core.JobID]core.JobView{}}
}

func (s *server) Put(_ context.Context, r io.Reader) (core.Ref, int64, error) {
	data, err := io.ReadAll(r)
	sum := sha256.Sum256(data)
	ref := core.Ref(hex.EncodeToString(sum[:]))
	s.blobs[ref] = data
	return ref, int64(len(data)), err
}

type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

func (s *server) Open(ref core.Ref) (io.ReadSeekCloser, error) {
	return closer{bytes.NewReader(s.blobs[ref])}, nil
}

func (s *server) Submit(_ context.Context, sub core.Submission) (core.Accepted, error) {
	if s.submit != nil {
		if err := s.submit(sub); err != nil {
			return core.Accepted{}, err
		}
	}
	id, known := s.byKey[sub.Key]
	if !known {
		s.subs = append(s.subs, sub)
		id = core.JobID("a-" + string(rune('0'+len(s.subs))))
		s.byKey[sub.Key] = id
		s.views[id] = core.JobView{ID: id, State: core.Queued}
	}
	if s.after != nil {
		s.after()
	}
	return core.Accepted{ID: id, State: core.Queued, Duplicate: known}, nil
}

func (s *server) Job(_ context.Context, id core.JobID) (core.JobView, bool, error) {
	v, ok := s.views[id]
	return v, ok, nil
}

// folder is a watched folder whose clock the test turns.
type folder struct {
	t   *testing.T
	dir string
	srv *server
	w   *Watcher
	now time.Time
}

func newFolder(t *testing.T, c Config) *folder {
	t.Helper()
	f := &folder{t: t, dir: t.TempDir(), srv: newServer(), now: time.Unix(1e9, 0)}
	c.Dir = f.dir
	f.start(c)
	return f
}

// start begins a new watcher on the folder, as after a crash.
func (f *folder) start(c Config) {
	f.t.Helper()
	c.Dir = f.dir
	w, err := New(c, Parts{Submit: f.srv, Blobs: f.srv, Jobs: f.srv})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { w.root.Close() })
	w.resume()
	f.w = w
}

// polls looks n times, a second apart.
func (f *folder) polls(n int) {
	for range n {
		f.now = f.now.Add(time.Second)
		f.w.poll(context.Background(), f.now)
	}
}

func (f *folder) write(name string, data []byte) {
	f.t.Helper()
	p := filepath.Join(f.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, data, 0o644)); err != nil {
		f.t.Fatal(err)
	}
}

// files lists what lies in the folder, without the watcher's empty folders.
func (f *folder) files() []string {
	var list []string
	filepath.Walk(f.dir, func(p string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			rel, _ := filepath.Rel(f.dir, p)
			list = append(list, rel)
		}
		return nil
	})
	return list
}

func (f *folder) wantFiles(want ...string) {
	f.t.Helper()
	got := slices.DeleteFunc(f.files(), func(s string) bool { return strings.HasPrefix(s, jobsDir) })
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func (f *folder) wantJobs(names ...string) {
	f.t.Helper()
	var got []string
	for _, s := range f.srv.subs {
		got = append(got, s.Files[0].Name)
	}
	if !slices.Equal(got, names) {
		f.t.Errorf("jobs: got %q, want %q", got, names)
	}
}

func TestWholeFileBecomesOneJob(t *testing.T) {
	f := newFolder(t, Config{Profile: "fax", Destination: "archive"})
	scan := samples(t)["g4-two-pages.tif"]
	f.write("scan.tif", scan)
	f.polls(1)
	f.wantJobs()
	f.polls(3)
	f.wantJobs("scan.tif")
	f.wantFiles()
	s := f.srv.subs[0]
	if s.Profile != "fax" || !slices.Equal(s.Destinations, []string{"archive"}) || !bytes.Equal(f.srv.blobs[s.Files[0].Ref], scan) || s.Key == "" {
		t.Errorf("got submission %+v, want profile fax, destination archive, a key and the scan's bytes", s)
	}
	if want := (core.Origin{Device: true}); s.Origin != want {
		t.Errorf("it came as %+v, want as from a device: %+v", s.Origin, want)
	}
}

func TestSubfolderIsTheProfile(t *testing.T) {
	f := newFolder(t, Config{})
	f.write("invoices/a.png", samples(t)["gray.png"])
	f.polls(2)
	f.wantJobs("a.png")
	if got := f.srv.subs[0].Profile; got != "invoices" {
		t.Errorf("profile: got %q, want invoices", got)
	}
}

// A scanner that writes slowly, with pauses, is waited for whatever it writes.
func TestFileWrittenSlowlyIsTakenOnceItIsWhole(t *testing.T) {
	for name, scan := range samples(t) {
		f := newFolder(t, Config{})
		for _, part := range []int{4, 3, 2} {
			f.write(name, scan[:len(scan)-len(scan)/part])
			f.polls(20)
			f.wantJobs()
			f.wantFiles(name)
		}
		f.write(name, scan)
		f.polls(4)
		f.wantJobs(name)
		f.wantFiles()
	}
}

func TestFilesOnTheirWayAreLeftAlone(t *testing.T) {
	f := newFolder(t, Config{})
	scan := samples(t)["gray.png"]
	names := []string{".hidden.png", "a.part", "b.TMP", "~c.png", "d.png~", "e.filepart", "Thumbs.db", ".sub/f.png", "failed/g.png", "done/h.png"}
	for _, n := range names {
		f.write(n, scan)
	}
	if err := syscall.Mkfifo(filepath.Join(f.dir, "pipe.png"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(f.dir, "link.png")); err != nil {
		t.Fatal(err)
	}
	f.polls(1000)
	f.wantJobs()
	f.wantFiles(append(names, "pipe.png", "link.png")...)
}

func TestRefusedFilesLieInFailedWithAReason(t *testing.T) {
	png := samples(t)["gray.png"]
	cases := []struct {
		name  string
		data  []byte
		polls int
		want  string
	}{
		{"letter.docx", []byte("PK\x03\x04 not a scan"), 40, "code:  not-a-scan"},
		{"cut.png", png[:len(png)-5], 700, "code:  damaged\ncause: the file ends before the PNG"},
		{"empty.pdf", nil, 700, "cause: the file is empty"},
	}
	for _, c := range cases {
		f := newFolder(t, Config{})
		f.write(c.name, c.data)
		f.polls(15)
		f.wantFiles(c.name)
		f.polls(c.polls)
		f.wantJobs()
		f.wantFiles("failed/"+c.name, "failed/"+c.name+".txt")
		if got, _ := os.ReadFile(filepath.Join(f.dir, "failed", c.name+".txt")); !strings.Contains(string(got), c.want) {
			t.Errorf("%s: note says %q, want %q in it", c.name, got, c.want)
		}
	}
}

func TestRefusalsOfOneNameDoNotOverwriteEachOther(t *testing.T) {
	f := newFolder(t, Config{})
	for range 3 {
		f.write("x.doc", []byte("no scan"))
		f.polls(40)
	}
	f.wantFiles("failed/x.doc", "failed/x.doc.txt", "failed/x-2.doc", "failed/x-2.doc.txt", "failed/x-3.doc", "failed/x-3.doc.txt")
}

// longNames are names that file systems just take, with no room for a number or ".txt".
func longNames() []string {
	return []string{
		strings.Repeat("n", 247) + ".pnm",
		strings.Repeat("n", 250) + ".pnm",
		strings.Repeat("n", 251) + ".pnm",
		strings.Repeat("ü", 125) + "a.pnm",
		"Dr. " + strings.Repeat("n", 251),
	}
}

// wantPairs checks that want files lie in failed, each with a note that says name,
// and nothing else lies anywhere.
func (f *folder) wantPairs(name string, want int) {
	f.t.Helper()
	all := slices.DeleteFunc(f.files(), func(s string) bool { return strings.HasPrefix(s, jobsDir) })
	pairs := 0
	for _, n := range all {
		note, _ := os.ReadFile(filepath.Join(f.dir, n+".txt"))
		if strings.HasPrefix(n, failedDir+"/") && utf8.ValidString(n) && strings.HasPrefix(string(note), name+" was not taken.") {
			pairs++
		}
	}
	if pairs != want || len(all) != 2*want {
		f.t.Errorf("%.9s… of %d bytes: %d of %d files lie in failed with a note, want %d of %d", name, len(name), pairs, len(all), want, 2*want)
	}
}

func TestLongNamesAreRefusedWithANoteToo(t *testing.T) {
	for _, name := range longNames() {
		f := newFolder(t, Config{})
		for range 3 {
			f.write(name, []byte("no scan"))
			f.polls(40)
		}
		f.wantPairs(name, 3)

		f = newFolder(t, Config{})
		f.srv.submit = func(core.Submission) error { return core.Refuse(core.CodeDamaged, "scan again", "no") }
		for range 3 {
			f.write(name, []byte("P5 1 1 255\na"))
			f.polls(3)
		}
		f.wantPairs(name, 3)

		f = newFolder(t, Config{})
		for range 3 {
			f.write(name, []byte("P5 1 1 255\na"))
			f.polls(3)
		}
		for id := range f.srv.views {
			f.srv.views[id] = core.JobView{ID: id, State: core.Failed, Error: &core.Failure{Code: core.CodeDamaged}}
		}
		f.polls(1)
		f.wantPairs(name, 3)
	}
}

func TestLongNamesAreKept(t *testing.T) {
	for _, name := range longNames() {
		f := newFolder(t, Config{Keep: true})
		for range 2 {
			f.write(name, []byte("P5 1 1 255\na"))
			f.polls(3)
		}
		f.wantJobs(name, name)
		if kept, _ := os.ReadDir(filepath.Join(f.dir, doneDir)); len(kept) != 2 {
			t.Errorf("%d bytes: got %d files in done, want two", len(name), len(kept))
		}
		if left, _ := os.ReadDir(filepath.Join(f.dir, claimedDir)); len(left) != 0 {
			t.Errorf("%d bytes: left behind in .claimed: %v", len(name), left)
		}
	}
}

// What cannot be put away, as on a full disk, stays claimed until it can.
func TestRefusedFileIsNotForgottenWhereItCannotBePutAway(t *testing.T) {
	f := newFolder(t, Config{})
	f.srv.submit = func(core.Submission) error { return core.Refuse(core.CodeDamaged, "scan again", "no") }
	failed := filepath.Join(f.dir, failedDir)
	if err := errors.Join(os.Remove(failed), os.WriteFile(failed, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	f.write("a.png", samples(t)["gray.png"])
	f.write("b.doc", []byte("no scan"))
	f.polls(100)
	if got := f.files(); len(got) != 3 || !strings.HasPrefix(got[0], claimedDir) || got[1] != "b.doc" {
		t.Fatalf("the folder holds %q, want a.png, claimed, and b.doc", got)
	}
	if err := os.Remove(failed); err != nil {
		t.Fatal(err)
	}
	f.polls(64)
	f.wantFiles("failed/a.png", "failed/a.png.txt", "failed/b.doc", "failed/b.doc.txt")
}

// In failed lie the files of all subfolders; their notes say where to put them back.
func TestNoteSaysWhichSubfolderAFileCameFrom(t *testing.T) {
	const want = "\nfrom:  the subfolder invoices, that of its profile\n"
	f := newFolder(t, Config{})
	f.srv.submit = func(s core.Submission) error {
		if s.Files[0].Name == "taken.png" {
			return nil
		}
		return core.Refuse(core.CodeDamaged, "scan again", "no")
	}
	scan := samples(t)["gray.png"]
	f.write("invoices/letter.doc", []byte("no scan"))
	f.write("invoices/refused.png", scan)
	f.write("invoices/taken.png", scan)
	f.write("top.png", scan)
	f.polls(40)
	f.wantJobs("taken.png")
	f.start(Config{})
	f.srv.views["a-1"] = core.JobView{ID: "a-1", State: core.Failed, Error: &core.Failure{Code: core.CodeDamaged}}
	f.polls(1)
	for _, name := range []string{"letter.doc", "refused.png", "taken.png", "top.png"} {
		note, err := os.ReadFile(filepath.Join(f.dir, failedDir, name+".txt"))
		if got := strings.Contains(string(note), want); err != nil || got != (name != "top.png") {
			t.Errorf("%s: note says %q, %v; %q in it: %v", name, note, err, want, got)
		}
	}
}

func TestSubmissionThatIsRefusedForGoodGoesToFailed(t *testing.T) {
	f := newFolder(t, Config{})
	f.srv.submit = func(s core.Submission) error {
		return core.Refuse(core.CodeUnknown, "known profiles: default", "there is no profile %q", s.Profile)
	}
	f.write("fotos/a.png", samples(t)["gray.png"])
	f.polls(3)
	f.wantFiles("failed/a.png", "failed/a.png.txt")
	note, _ := os.ReadFile(filepath.Join(f.dir, "failed/a.png.txt"))
	if want := "hint:  known profiles: default"; !strings.Contains(string(note), want) {
		t.Errorf("note says %q, want %q in it", note, want)
	}
}

// A sparse file of any size takes no room where it lies; its bytes would.
func TestOversizedFileIsRefusedUnread(t *testing.T) {
	f := newFolder(t, Config{MaxBytes: 1000})
	f.write("big.tif", append([]byte("II*\x00\x08\x00\x00\x00"), make([]byte, 5000)...)) // an empty list of pages
	f.write("note.png", samples(t)["gray.png"][:400])
	f.polls(4)
	f.wantFiles("failed/big.tif", "failed/big.tif.txt", "note.png")
	if len(f.srv.blobs) != 0 {
		t.Errorf("%d files were copied, want none", len(f.srv.blobs))
	}
	note, _ := os.ReadFile(filepath.Join(f.dir, "failed/big.tif.txt"))
	if want := "code:  over-limit\ncause: the file has 5008 bytes, the limit is 1000"; !strings.Contains(string(note), want) {
		t.Errorf("note says %q, want %q in it", note, want)
	}
}

// While the server takes no jobs the file waits, claimed, and is handed over later.
func TestClaimedFileOutlastsADataOutage(t *testing.T) {
	f := newFolder(t, Config{})
	down := true
	f.srv.submit = func(core.Submission) error {
		if down {
			return &core.Failure{Code: core.CodeDataDown, Detail: "the disk is full"}
		}
		return nil
	}
	f.write("a.png", samples(t)["gray.png"])
	f.polls(100)
	f.wantJobs()
	if got := f.files(); len(got) != 1 || !strings.HasPrefix(got[0], claimedDir) {
		t.Fatalf("the folder holds %q, want the file, claimed", got)
	}
	down = false
	f.polls(61)
	f.wantJobs("a.png")
	f.wantFiles()
}

// crash stands for the end of the process at that point.
type crash struct{}

func TestCrashBetweenSubmitAndRemoveMakesNoSecondJob(t *testing.T) {
	for _, point := range []string{"before", "after"} {
		f := newFolder(t, Config{})
		f.write("a.png", samples(t)["gray.png"])
		if point == "before" {
			f.srv.submit = func(core.Submission) error { panic(crash{}) }
		} else {
			f.srv.after = func() { panic(crash{}) }
		}
		func() {
			defer func() {
				if recover() != (crash{}) {
					t.Errorf("%s: the crash did not happen", point)
				}
			}()
			f.polls(3)
		}()
		f.srv.submit, f.srv.after = nil, nil
		f.start(Config{})
		f.polls(1)
		f.wantJobs("a.png")
		f.wantFiles()
		if left, _ := os.ReadDir(filepath.Join(f.dir, claimedDir)); len(left) != 0 {
			t.Errorf("%s: left behind in .claimed: %v", point, left)
		}
	}
}

func TestSameScanDroppedAgainIsANewJob(t *testing.T) {
	f := newFolder(t, Config{})
	for range 2 {
		f.write("a.png", samples(t)["gray.png"])
		f.polls(3)
	}
	f.wantJobs("a.png", "a.png")
}

func TestTwoNamesOfOneFileAreTwoJobs(t *testing.T) {
	f := newFolder(t, Config{})
	f.write("a.png", samples(t)["gray.png"])
	if err := os.Link(filepath.Join(f.dir, "a.png"), filepath.Join(f.dir, "b.png")); err != nil {
		t.Fatal(err)
	}
	f.polls(3)
	f.wantJobs("a.png", "b.png")
}

func TestKeptFilesLieInDone(t *testing.T) {
	f := newFolder(t, Config{Keep: true})
	for range 2 {
		f.write("a.png", samples(t)["gray.png"])
		f.polls(3)
	}
	f.wantFiles("done/a.png", "done/a-2.png")
}

func TestJobRefusedLaterGivesItsFileBack(t *testing.T) {
	f := newFolder(t, Config{})
	scan := samples(t)["gray.png"]
	f.write("a.png", scan)
	f.polls(3)
	f.wantFiles()
	f.start(Config{}) // the note outlasts a restart
	f.srv.views["a-1"] = core.JobView{ID: "a-1", State: core.Failed, Error: &core.Failure{Code: core.CodeDamaged, Detail: "the picture cannot be decoded", Remedy: "scan again"}}
	f.polls(2)
	f.wantFiles("failed/a.png", "failed/a.png.txt")
	got, _ := os.ReadFile(filepath.Join(f.dir, "failed/a.png"))
	note, _ := os.ReadFile(filepath.Join(f.dir, "failed/a.png.txt"))
	if want := "code:  damaged\ncause: the picture cannot be decoded\nhint:  scan again\njob:   a-1\n"; !bytes.Equal(got, scan) || !strings.Contains(string(note), want) {
		t.Errorf("got %d bytes and %q; want the scan and %q", len(got), note, want)
	}
	if left, _ := os.ReadDir(filepath.Join(f.dir, jobsDir)); len(left) != 0 {
		t.Errorf("left behind in .jobs: %v", left)
	}
}

// torn is blobs that break off while they are read back.
type torn struct{ *server }

func (b torn) Open(core.Ref) (io.ReadSeekCloser, error) { return tornBlob{}, nil }

type tornBlob struct{ io.Seeker }

func (tornBlob) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }
func (tornBlob) Close() error             { return nil }

func TestFileThatCannotBeGivenBackLeavesNothingHalf(t *testing.T) {
	f := newFolder(t, Config{})
	f.write("a.png", samples(t)["gray.png"])
	f.polls(3)
	f.srv.views["a-1"] = core.JobView{ID: "a-1", State: core.Failed, Error: &core.Failure{Code: core.CodeDamaged}}
	f.w.parts.Blobs = torn{f.srv}
	f.polls(3)
	f.wantFiles()
	f.w.parts.Blobs = f.srv
	f.polls(1)
	f.wantFiles("failed/a.png", "failed/a.png.txt")
}

func TestJobThatEndsWellLeavesNothing(t *testing.T) {
	f := newFolder(t, Config{})
	f.write("a.png", samples(t)["gray.png"])
	f.polls(3)
	f.srv.views["a-1"] = core.JobView{State: core.Completed}
	f.polls(1)
	if got := f.files(); len(got) != 0 {
		t.Errorf("the folder holds %q, want nothing", got)
	}
}

// A share that was away is another folder when it is back.
func TestFolderThatWentAwayIsTakenUpAgain(t *testing.T) {
	f := newFolder(t, Config{})
	scan := samples(t)["gray.png"]
	f.srv.submit = func(core.Submission) error { return errors.New("no room") }
	f.write("claimed.png", scan)
	f.polls(3)
	away := f.dir + "-away"
	if err := os.Rename(f.dir, away); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(away) })
	f.polls(70)
	f.wantJobs()
	f.srv.submit = nil
	f.write("new.png", scan)
	f.polls(3)
	f.wantJobs("new.png")
	if err := errors.Join(os.RemoveAll(f.dir), os.Rename(away, f.dir)); err != nil {
		t.Fatal(err)
	}
	f.polls(3)
	f.wantJobs("new.png", "claimed.png")
	f.wantFiles()
}

func TestMissingFolderIsExplained(t *testing.T) {
	_, err := New(Config{Dir: filepath.Join(t.TempDir(), "none")}, Parts{})
	if err == nil || !strings.Contains(err.Error(), "hint: make the folder") {
		t.Errorf("got %v, want an error with a hint", err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	f := newFolder(t, Config{Interval: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.w.Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestFolderThatCannotBeWatchedIsKnownBefore(t *testing.T) {
	top := t.TempDir()
	if err := Check(top); err != nil {
		t.Errorf("a good folder: got %v", err)
	}
	if left, err := os.ReadDir(top); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v; want nothing", left, err)
	}
	if err := os.WriteFile(filepath.Join(top, failedDir), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		top:                                "failed in it is no folder\nhint: ",
		filepath.Join(top, "missing"):      "no such file or directory\nhint: ",
		filepath.Join(top, failedDir, "x"): "not a directory\nhint: ",
	} {
		if err := Check(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", dir, err, want)
		}
	}
	if os.Geteuid() == 0 {
		t.Skip("root may write to all folders")
	}
	closed := filepath.Join(top, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := Check(closed); err == nil || !strings.Contains(err.Error(), "permission denied\nhint: let the server's user write in it") {
		t.Errorf("a closed folder: got %v", err)
	}
}
