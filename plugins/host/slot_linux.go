package host

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

// A slot is the folders of one process: in holds the inputs of the current call,
// out takes its outputs, tmp is scratch. All are emptied after each call.
type slot struct {
	dir, in, out, tmp string
	n                 int  // inputs placed in the current call
	uid               int  // that the process runs as
	links             bool // the process cannot change an input, so it may be the file itself
	copies            bool // the process could go on changing an output under its new name
}

func newSlot(dir string) (*slot, error) {
	s := &slot{uid: os.Geteuid(), dir: dir, in: filepath.Join(dir, "in"), out: filepath.Join(dir, "out"), tmp: filepath.Join(dir, "tmp")}
	for _, d := range []string{s.in, s.out, s.tmp} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("slot of a plug-in: %w", err)
		}
	}
	return s, nil
}

// give makes the folders fit for a process that is confined by spec. stranger says
// that its program did not come with the server.
func (s *slot) give(spec sandbox.Spec, stranger bool) error {
	s.uid = spec.UID
	s.links = spec.Level >= sandbox.Full
	s.copies = stranger && s.uid == os.Geteuid()
	if s.uid == os.Geteuid() {
		return nil
	}
	// The way to the slot; the folders above are the host's to open.
	errs := []error{os.Chmod(filepath.Dir(s.dir), 0o711), os.Chmod(s.dir, 0o711)}
	// Inputs belong to the host: the process may read them by its group.
	errs = append(errs, os.Chown(s.in, -1, spec.GID), os.Chmod(s.in, 0o750))
	errs = append(errs, os.Chown(s.out, spec.UID, spec.GID), os.Chown(s.tmp, spec.UID, spec.GID))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("slot of a plug-in: %w", err)
	}
	return nil
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
	if err := s.placeAs(path, to); err != nil {
		return "", fmt.Errorf("give %s to the plug-in: %w", path, err)
	}
	return to, nil
}

func (s *slot) placeAs(path, to string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	readable := s.uid == os.Geteuid() || info.Mode().Perm()&0o004 != 0
	if s.links && readable && os.Link(path, to) == nil {
		return nil
	}
	return copyTo(in, to, 0o444)
}

// write puts bytes into in as a file.
func (s *slot) write(data []byte, name string) (string, error) {
	s.n++
	to := filepath.Join(s.in, strconv.Itoa(s.n)+"-"+name)
	return to, copyTo(bytes.NewReader(data), to, 0o444)
}

// clear empties the folders. It gives up on a process that left too much: whoever did is
// ended, and its folders removed afterwards.
func (s *slot) clear() error {
	s.n = 0
	var errs []error
	for _, d := range []string{s.in, s.out, s.tmp} {
		errs = append(errs, empty(d, maxLeft))
	}
	return errors.Join(errs...)
}

// remove removes all, when the process has ended.
func (s *slot) remove() error { return removeTree(s.dir) }

func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return copyTo(in, to, 0o600)
}

// copyTo makes a new file. File systems that can share the bytes of two files do.
func copyTo(in io.Reader, to string, mode os.FileMode) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Chmod(mode), out.Close())
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
	if s.copies {
		return copyTo(io.LimitReader(f, limit), to, 0o600)
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
	case st.Size-st.Blocks*512 > maxHoles && holes(f, st.Size) > maxHoles:
		return fmt.Errorf("has %d bytes, and nearly all of them are holes: a file is written, not declared", st.Size)
	}
	return nil
}

// maxHoles is how much of an output may be holes, which cost its plug-in nothing and
// whoever copies it a disk.
const maxHoles = 64 << 20

// holes are the bytes of f that were never written, as far as it is looked. Where the
// file system compresses, they are fewer than it looks from the disk's use.
func holes(f *os.File, size int64) int64 {
	const most = 1000 // holes, after which it has been looked far enough
	var total, at int64
	for range most {
		hole, err := unix.Seek(int(f.Fd()), at, unix.SEEK_HOLE)
		if err != nil || hole >= size {
			break
		}
		at, err = unix.Seek(int(f.Fd()), hole, unix.SEEK_DATA)
		if err != nil { // none after it
			at = size
		}
		total += at - hole
	}
	_, _ = f.Seek(0, io.SeekStart)
	return total
}

// moveOpen gives the open file f the name to, takes its name in root away, and makes it
// ours. From then on no other user can open it again, so whoever may still write to it
// has it open now.
func moveOpen(f *os.File, limit int64, root *os.Root, name, to string) error {
	self := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	if err := unix.Linkat(unix.AT_FDCWD, self, unix.AT_FDCWD, to, unix.AT_SYMLINK_FOLLOW); err != nil {
		return copyTo(io.LimitReader(f, limit), to, 0o600) // another file system
	}
	if err := root.Remove(name); err != nil {
		return err
	}
	if err := errors.Join(f.Chown(os.Geteuid(), os.Getegid()), f.Chmod(0o600)); err != nil {
		return err
	}
	if !beingWritten(f) {
		return nil
	}
	if err := os.Remove(to); err != nil {
		return err
	}
	return copyTo(io.LimitReader(f, limit), to, 0o600)
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
	if name == "" || name == "." || name == ".." || len(name) > 200 || strings.ContainsAny(name, "/\\\x00\n\t") || printable(name) != name {
		return filepath.Base(path)
	}
	return name
}
