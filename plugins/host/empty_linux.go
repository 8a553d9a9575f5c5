package host

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxLeft is how much a process may leave in its folders and still be kept.
const maxLeft = 50_000

// removeTree removes a folder with all that is in it, of programs that have ended.
func removeTree(dir string) error {
	err := empty(dir, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return errors.Join(err, os.Remove(dir))
}

// empty removes what lies in a folder, which its owner may have made to be hard to remove:
// nested so deep that going down takes a descriptor for each of 100,000 folders, closed so
// that nobody can look inside, or filled again all the time. It holds three descriptors
// whatever it finds: what lies deeper is moved up before it is removed. most bounds the
// names that are removed; 0: all are. The folders are never left, and no link is followed.
func empty(dir string, most int) error {
	top, err := folderAt(unix.AT_FDCWD, dir)
	if errors.Is(err, unix.EACCES) && open700(unix.AT_FDCWD, dir) == nil {
		top, err = folderAt(unix.AT_FDCWD, dir)
	}
	if err != nil {
		return fmt.Errorf("empty %s: %w", dir, err)
	}
	defer top.Close()
	e := emptier{top: top, most: most}
	for {
		left, err := e.pass(top)
		if err != nil {
			return fmt.Errorf("empty %s: %w", dir, err)
		}
		if left == 0 {
			return nil
		}
	}
}

type emptier struct {
	top  *os.File
	most int // 0: no bound
	n    int // names so far
}

// pass tries once to remove all that is in a folder, and tells how many names it met. It
// fails when not even one of them went away or higher.
func (e *emptier) pass(dir *os.File) (met int, err error) {
	if _, err := dir.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	var errs []error
	for {
		names, err := dir.Readdirnames(walkBatch)
		for _, name := range names {
			met++
			if e.n++; e.most > 0 && e.n > e.most {
				return met, fmt.Errorf("more than %d files and folders", e.most)
			}
			if err := e.remove(dir, name); err != nil && len(errs) < walkBatch {
				errs = append(errs, fmt.Errorf("%s: %w", quote(name), err))
			}
		}
		if err != nil && err != io.EOF {
			return met, err
		}
		if len(names) == 0 {
			break
		}
	}
	if met > 0 && len(errs) == min(met, walkBatch) {
		return met, errors.Join(errs[:min(len(errs), 5)]...)
	}
	return met, nil
}

// remove takes one name out of a folder: it removes it or, if that is a folder with
// something in it, empties that or moves it up.
func (e *emptier) remove(dir *os.File, name string) error {
	at := int(dir.Fd())
	err := unix.Unlinkat(at, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	asFolder := unix.Unlinkat(at, name, unix.AT_REMOVEDIR)
	switch {
	case asFolder == nil || asFolder == unix.ENOENT:
		return nil
	case asFolder == unix.ENOTDIR:
		return err
	case asFolder != unix.ENOTEMPTY && asFolder != unix.EEXIST:
		return asFolder
	}
	if err := open700(at, name); err != nil {
		return err
	}
	if dir != e.top {
		return unix.Renameat2(at, name, int(e.top.Fd()), rand.Text(), unix.RENAME_NOREPLACE)
	}
	below, err := folderAt(at, name)
	if err != nil {
		return err
	}
	defer below.Close()
	if _, err := e.pass(below); err != nil {
		return err
	}
	return ignore(unix.Unlinkat(at, name, unix.AT_REMOVEDIR), unix.ENOTEMPTY, unix.ENOENT) // the next pass sees it
}

// folderAt opens a folder below another, and nothing else.
func folderAt(at int, name string) (*os.File, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// open700 lets us into a folder that is ours. One of another user is open to root anyway.
func open700(at int, name string) error {
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return ignore(unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), 0o700), unix.EPERM)
}

func ignore(err error, harmless ...error) error {
	for _, h := range harmless {
		if errors.Is(err, h) {
			return nil
		}
	}
	return err
}
