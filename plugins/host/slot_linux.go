package host

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A slot is the folders of one process: in holds the inputs of the current call,
// out takes its outputs, tmp is scratch. All are emptied after each call.
type slot struct {
	dir, in, out, tmp string
	n                 int // inputs placed in the current call
}

func newSlot(dir string) (*slot, error) {
	s := &slot{dir: dir, in: filepath.Join(dir, "in"), out: filepath.Join(dir, "out"), tmp: filepath.Join(dir, "tmp")}
	for _, d := range []string{s.in, s.out, s.tmp} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("slot of a plug-in: %w", err)
		}
	}
	return s, nil
}

var plainExt = regexp.MustCompile(`^\.[A-Za-z0-9]{1,8}$`)

// place puts a file into in, by a hard link where that is possible, and gives its
// path there. The name is ours; of the file's own only a plain extension is kept.
func (s *slot) place(path, name string) (string, error) {
	s.n++
	to := filepath.Join(s.in, strconv.Itoa(s.n))
	if ext := filepath.Ext(name); plainExt.MatchString(ext) {
		to += ext
	}
	if err := linkOrCopy(path, to); err != nil {
		return "", fmt.Errorf("give %s to the plug-in: %w", path, err)
	}
	return to, nil
}

// write puts bytes into in as a file.
func (s *slot) write(data []byte, name string) (string, error) {
	s.n++
	to := filepath.Join(s.in, strconv.Itoa(s.n)+"-"+name)
	return to, os.WriteFile(to, data, 0o600)
}

// clear empties the folders.
func (s *slot) clear() error {
	s.n = 0
	var errs []error
	for _, d := range []string{s.in, s.out, s.tmp} {
		entries, err := os.ReadDir(d)
		errs = append(errs, err)
		for _, e := range entries {
			errs = append(errs, os.RemoveAll(filepath.Join(d, e.Name())))
		}
	}
	return errors.Join(errs...)
}

func (s *slot) remove() error { return os.RemoveAll(s.dir) }

func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return copyTo(in, to)
}

func copyTo(in io.Reader, to string) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// take moves an output from out to the file to. The plug-in may be hostile and
// still running: only a plain file of at most limit bytes with no other name
// is taken, by the descriptor that was checked, and a file that someone may still
// write to is copied.
func (s *slot) take(path, to string, limit int64) error {
	name := filepath.Base(path)
	if filepath.Dir(path) != s.out || name == "." || name == ".." {
		return fmt.Errorf("output %s is outside the output folder", quote(path))
	}
	root, err := os.OpenRoot(s.out)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("output %s: %w", quote(name), plainly(err))
	}
	defer f.Close()
	if err := checkOutput(f, limit); err != nil {
		return fmt.Errorf("output %s %w", quote(name), err)
	}
	return moveOpen(f, limit, root, name, to)
}

func plainly(err error) error {
	if errors.Is(err, unix.ELOOP) {
		return errors.New("is a link")
	}
	return err
}

func checkOutput(f *os.File, limit int64) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return errors.New("is not a plain file")
	case st.Nlink != 1:
		return fmt.Errorf("has %d names, not one", st.Nlink)
	case st.Size > limit:
		return fmt.Errorf("has %d bytes, more than %d", st.Size, limit)
	}
	return nil
}

// moveOpen gives the open file f the name to and takes its name in root away.
func moveOpen(f *os.File, limit int64, root *os.Root, name, to string) error {
	self := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	if err := unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, to, unix.AT_SYMLINK_FOLLOW); err != nil {
		return copyTo(io.LimitReader(f, limit), to) // another file system
	}
	if err := root.Remove(name); err != nil {
		return err
	}
	if !beingWritten(f) {
		return f.Chmod(0o600)
	}
	if err := os.Remove(to); err != nil {
		return err
	}
	return copyTo(io.LimitReader(f, limit), to)
}

// beingWritten reports whether anyone has f open for writing. The kernel grants a
// read lease only when nobody has.
func beingWritten(f *os.File) bool {
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return true
	}
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	return false
}

// baseName is the name under which a file of an answer goes on: the plug-in's word
// for it where that is a plain name, else the name that it has on disk.
func baseName(name, path string) string {
	if name == "" || name == "." || name == ".." || len(name) > 200 || strings.ContainsAny(name, "/\\\x00") || printable(name) != name {
		return filepath.Base(path)
	}
	return name
}
