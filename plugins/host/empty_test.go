package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// nest makes folders in each other, deeper than any path reaches.
func nest(t *testing.T, dir string, depth int, mode os.FileMode) {
	t.Helper()
	at, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	for range depth {
		must(t, unix.Mkdirat(at, "d", 0o700))
		next, err := unix.Openat(at, "d", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		must(t, err)
		f, err := unix.Openat(next, "file", unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		must(t, err)
		must(t, unix.Close(f))
		must(t, unix.Fchmod(at, uint32(mode)))
		must(t, unix.Close(at))
		at = next
	}
	must(t, unix.Close(at))
}

// openFiles is how many descriptors this process has.
func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func TestWhatAPluginLeftIsRemovedHoweverItLies(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	must(t, os.Mkdir(outside, 0o700))
	must(t, os.WriteFile(filepath.Join(outside, "kept"), nil, 0o600))
	for name, leave := range map[string]func(dir string){
		"nothing":       func(string) {},
		"folders":       func(dir string) { must(t, os.MkdirAll(filepath.Join(dir, "a", "b", "c"), 0o700)) },
		"a deep nest":   func(dir string) { nest(t, dir, 3000, 0o700) },
		"a closed nest": func(dir string) { nest(t, dir, 70, 0) },
		"a closed top":  func(dir string) { nest(t, dir, 1, 0o700); must(t, os.Chmod(dir, 0)) },
		"write-only":    func(dir string) { nest(t, dir, 5, 0o300) },
		"many": func(dir string) {
			for i := range 3000 {
				must(t, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0))
			}
		},
		"a pipe and links": func(dir string) {
			must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
			must(t, os.Symlink(outside, filepath.Join(dir, "link")))
			must(t, os.Mkdir(filepath.Join(dir, "in"), 0o700))
			must(t, os.Symlink(outside, filepath.Join(dir, "in", "link")))
			must(t, os.Symlink("../../..", filepath.Join(dir, "in", "up")))
		},
	} {
		dir := filepath.Join(t.TempDir(), "slot")
		must(t, os.Mkdir(dir, 0o700))
		leave(dir)
		before := openFiles(t)
		if err := removeTree(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: it is still there: %v", name, err)
		}
		if after := openFiles(t); after > before {
			t.Errorf("%s: %d descriptors before, %d after", name, before, after)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "kept")); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
}

// A nest costs the host descriptors of no number to speak of.
func TestADeepNestDoesNotTakeTheHostsDescriptors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "slot")
	must(t, os.Mkdir(dir, 0o700))
	nest(t, dir, 500, 0o700)
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	low := limit
	low.Cur = uint64(openFiles(t) + 20)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	defer func() { must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)) }()
	must(t, removeTree(dir))
}

func TestWhoLeavesTooMuchIsNotKept(t *testing.T) {
	dir := t.TempDir()
	for i := range 30 {
		must(t, os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), nil, 0o600))
	}
	if err := empty(dir, 20); err == nil || !strings.Contains(err.Error(), "more than 20") {
		t.Errorf("30 files of at most 20: %v", err)
	}
	must(t, empty(dir, 20))
	if err := empty(filepath.Join(dir, "none"), 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
