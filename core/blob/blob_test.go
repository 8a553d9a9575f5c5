package blob

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"golang.org/x/sys/unix"
)

func open(t *testing.T, cfg Config) *Store {
	t.Helper()
	return openAt(t, t.TempDir(), cfg)
}

func openAt(t *testing.T, dir string, cfg Config) *Store {
	t.Helper()
	s, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func refFor(content string) core.Ref {
	return core.Ref(fmt.Sprintf("%x", sha256.Sum256([]byte(content))))
}

func put(t *testing.T, s *Store, content string) core.Ref {
	t.Helper()
	ref, size, err := s.Put(t.Context(), strings.NewReader(content), 0)
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	if ref != refFor(content) || size != int64(len(content)) {
		t.Fatalf("Put = %s, %d; want %s, %d", ref, size, refFor(content), len(content))
	}
	return ref
}

func wantContent(t *testing.T, s *Store, ref core.Ref, want string) {
	t.Helper()
	f, err := s.Open(ref)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || string(got) != want {
		t.Errorf("blob %s holds %q, %v; want %q", ref, got, err, want)
	}
	if err := s.Verify(t.Context(), ref); err != nil {
		t.Error(err)
	}
}

// leftovers gives what lies in the scratch folder.
func leftovers(t *testing.T, s *Store) []string {
	t.Helper()
	files, err := os.ReadDir(s.scratch())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	return names
}

func wantClean(t *testing.T, s *Store) {
	t.Helper()
	if left := leftovers(t, s); len(left) > 0 {
		t.Errorf("left in the scratch folder: %v", left)
	}
}

func wantStats(t *testing.T, s *Store, n int, size int64) {
	t.Helper()
	gotN, gotSize, err := s.Stats(t.Context())
	if err != nil || gotN != n || gotSize != size {
		t.Errorf("Stats = %d, %d, %v; want %d, %d", gotN, gotSize, err, n, size)
	}
}

func TestPutIsReadBack(t *testing.T) {
	for _, cfg := range []Config{{}, {NoSync: true}} {
		s := open(t, cfg)
		for _, content := range []string{"", "a scan", strings.Repeat("x", 3*copyBuffer+7)} {
			ref := put(t, s, content)
			wantContent(t, s, ref, content)
			if put(t, s, content) != ref {
				t.Error("the same content has another ref")
			}
			path, err := s.Path(ref)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != 0o444 || !filepath.IsAbs(path) {
				t.Errorf("%s has mode %v, %v; want 0444", path, info.Mode(), err)
			}
		}
		wantStats(t, s, 3, 6+3*copyBuffer+7)
		wantClean(t, s)
	}
}

func TestBlobsAreThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	ref := put(t, openAt(t, dir, Config{}), "a scan")
	wantContent(t, openAt(t, dir, Config{}), ref, "a scan")
}

func TestPutOverTheLimitIsRefused(t *testing.T) {
	s := open(t, Config{})
	if _, _, err := s.Put(t.Context(), strings.NewReader("12345"), 5); err != nil {
		t.Errorf("5 bytes with limit 5: %v", err)
	}
	_, _, err := s.Put(t.Context(), strings.NewReader("123456"), 5)
	if f := core.AsFailure(err); err == nil || f.Code != core.CodeOverLimit || !f.Permanent || f.Remedy == "" {
		t.Errorf("6 bytes with limit 5: %+v, want a permanent failure %s with a remedy", f, core.CodeOverLimit)
	}
	wantStats(t, s, 1, 5)
	wantClean(t, s)
}

func TestBrokenSourceLeavesNothing(t *testing.T) {
	s := open(t, Config{})
	broken := errors.New("client went away")
	_, _, err := s.Put(t.Context(), io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), 0)
	if !errors.Is(err, broken) {
		t.Errorf("Put = %v, want the source's error", err)
	}
	if f := core.AsFailure(err); f.Code == core.CodeDataDown {
		t.Error("the source's error is taken for the store's")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.Put(ctx, strings.NewReader("x"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v, want context.Canceled", err)
	}
	wantStats(t, s, 0, 0)
	wantClean(t, s)
}

func TestBadRefsAreRefused(t *testing.T) {
	s := open(t, Config{})
	good := string(put(t, s, "x"))
	for _, ref := range []string{"", "../x", "..", "/etc/passwd", good[:63], good + "0", strings.ToUpper(good), strings.Repeat("g", 64), good[:60] + "/../"} {
		if path, err := s.Path(core.Ref(ref)); !errors.Is(err, ErrBadRef) {
			t.Errorf("Path(%q) = %q, %v; want ErrBadRef", ref, path, err)
		}
		if _, err := s.Open(core.Ref(ref)); !errors.Is(err, ErrBadRef) {
			t.Errorf("Open(%q): %v, want ErrBadRef", ref, err)
		}
		if err := s.Verify(t.Context(), core.Ref(ref)); !errors.Is(err, ErrBadRef) {
			t.Errorf("Verify(%q): %v, want ErrBadRef", ref, err)
		}
		if s.Has(core.Ref(ref)) {
			t.Errorf("Has(%q)", ref)
		}
	}
	absent := refFor("never put")
	if _, err := s.Open(absent); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of an absent blob: %v, want fs.ErrNotExist", err)
	}
	if s.Has(absent) || !s.Has(core.Ref(good)) {
		t.Error("Has mistakes absent for present")
	}
}

func TestConcurrentPutsOfTheSameContentGiveOneBlob(t *testing.T) {
	s := open(t, Config{})
	content := strings.Repeat("page ", 50_000)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			ref, _, err := s.Put(t.Context(), strings.NewReader(content), 0)
			if err != nil || ref != refFor(content) {
				t.Errorf("Put = %s, %v", ref, err)
			}
			if err := s.Verify(t.Context(), ref); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantStats(t, s, 1, int64(len(content)))
	wantClean(t, s)
}

func TestBlobOfWrongSizeIsReplaced(t *testing.T) {
	s := open(t, Config{})
	ref := put(t, s, "a scan")
	path, err := s.Path(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 3); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), ref); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Verify of a truncated blob: %v, want ErrCorrupt", err)
	}
	put(t, s, "a scan")
	wantContent(t, s, ref, "a scan")
}

func TestChangedBlobIsFound(t *testing.T) {
	s := open(t, Config{})
	ref := put(t, s, "a scan")
	path, _ := s.Path(ref)
	if err := os.WriteFile(path, []byte("a scam"), 0); err != nil {
		t.Skipf("cannot write over a read-only file: %v", err)
	}
	if err := s.Verify(t.Context(), ref); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Verify: %v, want ErrCorrupt", err)
	}
}

func TestAdoptedFileIsGoneFromItsPlace(t *testing.T) {
	s := open(t, Config{})
	scratch, remove, err := s.Temp()
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"moved": scratch, "moved or copied": t.TempDir(), "copied": otherFilesystem(t)} {
		if dir == "" {
			continue
		}
		path := filepath.Join(dir, "page.jpg")
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		ref, size, err := s.Adopt(t.Context(), path)
		if err != nil || ref != refFor(name) || size != int64(len(name)) {
			t.Errorf("%s: Adopt = %s, %d, %v", name, ref, size, err)
			continue
		}
		wantContent(t, s, ref, name)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the file is still there: %v", name, err)
		}
	}
	remove()
	wantClean(t, s)
}

// otherFilesystem gives a folder on another filesystem than the temporary one, or "".
func otherFilesystem(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "blob-test-")
	if err != nil {
		t.Logf("no second filesystem: %v", err)
		return ""
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestAdoptTakesOnlyPlainFiles(t *testing.T) {
	s := open(t, Config{})
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(path string) error{
		"symbolic link":  func(p string) error { return os.Symlink(plain, p) },
		"hard link":      func(p string) error { return os.Link(plain, p) },
		"folder":         func(p string) error { return os.Mkdir(p, 0o700) },
		"pipe":           func(p string) error { return unix.Mkfifo(p, 0o600) },
		"nothing at all": func(string) error { return nil },
	} {
		path := filepath.Join(dir, name)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		if ref, _, err := s.Adopt(t.Context(), path); err == nil {
			t.Errorf("Adopt of a %s = %s, want an error", name, ref)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(plain); err != nil {
		t.Errorf("the file that links led to: %v", err)
	}
	wantStats(t, s, 0, 0)
	wantClean(t, s)
}

func TestAStoreOfOneProcessAloneIsRefusedToOthers(t *testing.T) {
	dir := t.TempDir()
	first := openAt(t, dir, Config{Exclusive: true})
	scratch, _, err := first.Temp()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Config{Exclusive: true}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("a second one: got %v, want %v with the folder", err, ErrInUse)
	}
	if _, err := os.Stat(scratch); err != nil {
		t.Errorf("the first one's scratch folder: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	wantClean(t, openAt(t, dir, Config{Exclusive: true}))
}

func TestCrashLeftoversAreSweptAtTheStart(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Config{})
	ref := put(t, s, "a scan")
	scratch, _, err := s.Temp()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(scratch, "half a page"), filepath.Join(s.scratch(), "put-123")} {
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := openAt(t, dir, Config{}) // while the first is alive its scratch is left alone
	if left := leftovers(t, other); len(left) != 2 {
		t.Errorf("the scratch of a living store was cleared: %v is left", left)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, dir, Config{})
	wantClean(t, s)
	wantContent(t, s, ref, "a scan")
}

func TestSweepTakesOnlyWhatIsOldAndUnwanted(t *testing.T) {
	now := time.Date(2024, 1, 2, 3, 0, 0, 0, time.UTC)
	s := open(t, Config{Now: func() time.Time { return now }})
	wanted, unwanted, again := put(t, s, "wanted"), put(t, s, "unwanted"), put(t, s, "put again")
	now = now.Add(time.Hour)
	young := put(t, s, "young")
	put(t, s, "put again")
	stray := filepath.Join(s.dir, "README")
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n, size, err := s.Sweep(t.Context(), func(r core.Ref) bool { return r == wanted }, now.Add(-time.Minute))
	if err != nil || n != 1 || size != int64(len("unwanted")) {
		t.Errorf("Sweep = %d, %d, %v; want 1, 8", n, size, err)
	}
	for ref, want := range map[core.Ref]bool{wanted: true, unwanted: false, again: true, young: true} {
		if s.Has(ref) != want {
			t.Errorf("Has(%s) = %v, want %v", ref, s.Has(ref), want)
		}
	}
	if _, err := os.Stat(stray); err != nil {
		t.Errorf("a file that is no blob: %v", err)
	}
}

func TestDropTakesWhatIsNamedAndOld(t *testing.T) {
	now := time.Date(2024, 1, 2, 3, 0, 0, 0, time.UTC)
	s := open(t, Config{Now: func() time.Time { return now }})
	named, other, again := put(t, s, "named"), put(t, s, "other"), put(t, s, "put again")
	now = now.Add(time.Hour)
	put(t, s, "put again")
	absent := core.Ref(strings.Repeat("0", 64))
	n, size, err := s.Drop(t.Context(), []core.Ref{absent, "no ref", again, named}, now.Add(-time.Minute))
	if err != nil || n != 1 || size != int64(len("named")) {
		t.Errorf("Drop = %d, %d, %v; want 1, 5", n, size, err)
	}
	for ref, want := range map[core.Ref]bool{named: false, other: true, again: true} {
		if s.Has(ref) != want {
			t.Errorf("Has(%s) = %v, want %v", ref, s.Has(ref), want)
		}
	}
}

func TestSweepAgainstPutsLosesNothing(t *testing.T) {
	s := open(t, Config{NoSync: true})
	var wg sync.WaitGroup
	start := time.Now()
	stop := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, _, err := s.Sweep(t.Context(), func(core.Ref) bool { return false }, start); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for round := range 200 {
		content := fmt.Sprint(round % 3)
		ref := put(t, s, content)
		if !s.Has(ref) {
			t.Fatalf("round %d: blob was swept though it was put after the sweep's limit", round)
		}
		old := start.Add(-time.Hour)
		if err := os.Chtimes(s.place(ref), old, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestFullDiskIsDataDownUntilThereIsRoom(t *testing.T) {
	free := int64(100 << 20)
	s := open(t, Config{Reserve: 90 << 20, free: func(string) (int64, error) { return free, nil }})
	put(t, s, "fits")
	free = 80 << 20
	_, _, err := s.Put(t.Context(), strings.NewReader("does not"), 0)
	if f := core.AsFailure(err); err == nil || f.Code != core.CodeDataDown || f.Permanent || f.Remedy == "" {
		t.Errorf("Put on a full disk: %+v, want %s with a remedy", f, core.CodeDataDown)
	}
	wantClean(t, s)
	free = 100 << 20
	put(t, s, "does not")
}

func TestFullDiskWhileCopyingIsDataDown(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mounting a small filesystem needs root: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	s := openAt(t, dir, Config{Reserve: -1})
	ref := put(t, s, "fits")
	_, _, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 2<<20)), 0)
	if f := core.AsFailure(err); f.Code != core.CodeDataDown || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Put of more than fits: %v, want %s because of ENOSPC", err, core.CodeDataDown)
	}
	wantClean(t, s)
	wantContent(t, s, ref, "fits")
	put(t, s, strings.Repeat("x", 500<<10))
}

func BenchmarkPut(b *testing.B) {
	for _, size := range []int{50 << 10, 1 << 20, 10 << 20} {
		for _, noSync := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dKiB/NoSync=%v", size>>10, noSync), func(b *testing.B) {
				s, err := Open(b.TempDir(), Config{NoSync: noSync})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				buf := make([]byte, size)
				b.SetBytes(int64(size))
				n := uint64(0)
				for b.Loop() {
					n++
					buf[0], buf[1], buf[2] = byte(n), byte(n>>8), byte(n>>16)
					if _, _, err := s.Put(b.Context(), bytes.NewReader(buf), 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func TestARenewedBlobIsNotSwept(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	s := open(t, Config{Now: func() time.Time { return now }})
	ref := put(t, s, "a scan")
	now = now.Add(3 * time.Hour)
	if there, err := s.Renew(ref); !there || err != nil {
		t.Errorf("Renew = %v, %v", there, err)
	}
	if n, _, err := s.Sweep(t.Context(), func(core.Ref) bool { return false }, now.Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("%d blobs were swept, %v", n, err)
	}
	wantContent(t, s, ref, "a scan")
	if there, err := s.Renew(refFor("never put")); there || err != nil {
		t.Errorf("Renew of an absent blob = %v, %v", there, err)
	}
	if _, err := s.Renew("../x"); !errors.Is(err, ErrBadRef) {
		t.Errorf("Renew of no name: %v", err)
	}
}

// The first level of folders is there from the start, so that a blob waits for no more
// than its own folder and itself.
func TestFoldersAreThereBeforeTheFirstBlob(t *testing.T) {
	folders := func(cfg Config) int {
		dir := t.TempDir()
		s, err := Open(dir, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		all, err := filepath.Glob(filepath.Join(dir, "[0-9a-f][0-9a-f]"))
		if err != nil {
			t.Fatal(err)
		}
		ref, _, err := s.Put(t.Context(), strings.NewReader("x"), 0)
		if err != nil || !s.Has(ref) {
			t.Errorf("a blob of a store with %d folders: %v", len(all), err)
		}
		return len(all)
	}
	if n := folders(Config{Reserve: -1}); n != 256 {
		t.Errorf("%d folders, want 256", n)
	}
	if n := folders(Config{Reserve: -1, NoSync: true}); n != 0 {
		t.Errorf("%d folders where nothing is to last, want none", n)
	}
}
