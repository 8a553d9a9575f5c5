package main

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// renameNew renames a file unless the new name is taken (os.ErrExist). File
// systems that cannot do that in one step get a link and a removal instead: a
// crash just between the two, followed by a reader who takes the file away, is
// the one case in which a document comes twice.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return pathError("rename", from, err)
	}
	if err := os.Link(from, to); err != nil && !sameFile(from, to) {
		return err
	}
	return os.Remove(from)
}

func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: op, Path: path, Err: err}
}

func sameFile(a, b string) bool {
	x, errX := os.Lstat(a)
	y, errY := os.Lstat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// lockPoll is how often a lock that another holds is tried again.
const lockPoll = 20 * time.Millisecond

// lock keeps two deliveries into one folder apart, also of two servers. On a file
// system without locks there is none.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil || ignoreUnsupported(err) == nil || errors.Is(err, unix.ENOLCK) {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(pathError("lock", path, err), f.Close())
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		}
	}
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}

// explain says what a person can do about an error. All of them are temporary: the
// document is good, the destination is not.
func explain(err error, dir string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	remedy := "look at the folder " + dir + "; the delivery is tried again by itself"
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		remedy = "make room in " + dir
	case errors.Is(err, unix.EROFS):
		remedy = dir + " is read-only; mount it for writing"
	case errors.Is(err, os.ErrPermission):
		remedy = "let the server's user write to " + dir
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		remedy = "make the folder " + dir + ", or mount the share that it is on"
	}
	return &sdk.Error{Code: "destination", Detail: "deliver into " + dir + ": " + err.Error(), Remedy: remedy, Temporary: true}
}
