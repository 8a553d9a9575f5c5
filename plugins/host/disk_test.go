package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestDiskUseCountsWhatLiesThereAndWhatHasNoName(t *testing.T) {
	s, err := newSlot(t.TempDir())
	must(t, err)
	write := func(bytes int, parts ...string) *os.File {
		t.Helper()
		path := filepath.Join(append([]string{s.out}, parts...)...)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		f, err := os.Create(path)
		must(t, err)
		t.Cleanup(func() { f.Close() })
		_, err = f.Write([]byte(strings.Repeat("x", bytes)))
		must(t, err)
		return f
	}
	most := use{files: 100, bytes: 1 << 30}
	write(1<<20, "a")
	write(1<<20, "folder", "b")
	if got := s.diskUse(os.Getpid(), most, true); got.files != 3 || got.bytes < 2<<20 || got.bytes > 3<<20 {
		t.Errorf("two files of 1 MB, one in a folder: %+v", got)
	}
	must(t, os.Remove(write(1<<20, "gone").Name()))
	if got := s.diskUse(os.Getpid(), most, true); got.files != 4 || got.bytes < 3<<20 {
		t.Errorf("and one without a name: %+v", got)
	}
	must(t, os.Truncate(write(0, "hole").Name(), 1<<40))
	if got := s.diskUse(os.Getpid(), most, true); got.files != 5 || got.bytes > 4<<20 {
		t.Errorf("and a hole of 1 TB: %+v", got)
	}
	must(t, os.Symlink("/", filepath.Join(s.out, "root")))
	if got := s.diskUse(os.Getpid(), most, true); got.files != 6 {
		t.Errorf("and a link to /: %+v", got)
	}
	for n := range 200 {
		write(0, "many", strconv.Itoa(n)).Close()
	}
	if got := s.diskUse(os.Getpid(), most, true); !got.over(most) || got.files > 100+walkBatch {
		t.Errorf("more than there may be: %+v", got)
	}
	deep := s.tmp
	for range walkDepth + 2 {
		deep = filepath.Join(deep, "d")
	}
	must(t, os.MkdirAll(deep, 0o700))
	must(t, os.RemoveAll(filepath.Join(s.out, "many")))
	if got := s.diskUse(os.Getpid(), most, true); !got.over(most) {
		t.Errorf("deeper than honest: %+v", got)
	}
}

// The folders belong to a plug-in, which may swap what the watch was about to look at.
func TestTheWatchOverTheDiskWaitsForNothingAndFollowsNothing(t *testing.T) {
	s, err := newSlot(t.TempDir())
	must(t, err)
	most := use{files: 10, bytes: 1 << 20}
	pipe, link := filepath.Join(s.out, "pipe"), filepath.Join(s.out, "link")
	must(t, unix.Mkfifo(pipe, 0o600))
	must(t, os.Symlink("/usr", link))
	within(t, 5*time.Second, "a look at a pipe and a link in the place of folders", func() {
		for _, path := range []string{pipe, link} {
			var u use
			if u.below(path, most, 0); u != (use{}) {
				t.Errorf("%s: %+v", path, u)
			}
		}
	})
}

func TestAClosedFolderHidesNothing(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can look into every folder")
	}
	for _, mode := range []os.FileMode{0, 0o300, 0o100} {
		s, err := newSlot(t.TempDir())
		must(t, err)
		closed := filepath.Join(s.out, "closed")
		must(t, os.Mkdir(closed, 0o700))
		must(t, os.WriteFile(filepath.Join(closed, "big"), make([]byte, 2<<20), 0o600))
		must(t, os.Chmod(closed, mode))
		t.Cleanup(func() { must(t, os.Chmod(closed, 0o700)) })
		most := use{files: 10, bytes: 1 << 20}
		if got := s.diskUse(os.Getpid(), most, true); !got.over(most) {
			t.Errorf("2 MB in a folder of mode %o are not seen", mode)
		}
	}
}

func TestHolesOfAnOutputAreFound(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	must(t, err)
	defer f.Close()
	_, err = f.WriteString("begin")
	must(t, err)
	must(t, checkOutput(f, 1<<40))
	must(t, f.Truncate(maxHoles/2))
	must(t, checkOutput(f, 1<<40)) // a small hole is nobody's harm
	_, err = f.WriteAt([]byte("end"), 4*maxHoles)
	must(t, err)
	if err := checkOutput(f, 1<<40); err == nil || !strings.Contains(err.Error(), "holes") {
		t.Errorf("a file of 256 MB with 8 bytes: %v", err)
	}
	if at, err := f.Seek(0, 1); err != nil || at != 0 {
		t.Errorf("it is read from %d, %v, want from its beginning", at, err)
	}
}
