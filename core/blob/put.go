package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/durable"
	"golang.org/x/sys/unix"
)

const (
	copyBuffer = 256 << 10
	checkEvery = 8 << 20 // bytes written between two looks at the free space
)

// Put stores what r gives and returns its ref and size. More than limit bytes are
// refused with core.CodeOverLimit; limit 0 means none. An error of r comes back
// as it is; when the disk does not take the bytes it is a *core.Failure with
// core.CodeDataDown. What is there already is not stored twice.
func (s *Store) Put(ctx context.Context, r io.Reader, limit int64) (core.Ref, int64, error) {
	f, err := os.CreateTemp(s.scratch(), "put-")
	if err != nil {
		return "", 0, core.DataDown("store a file", err)
	}
	defer os.Remove(f.Name()) // is gone already when all went well
	defer f.Close()
	ref, size, err := s.copy(ctx, f, r, limit)
	if err != nil {
		return "", 0, err
	}
	return ref, size, s.keep(f, f.Name(), ref, size)
}

// copy copies r to f within the limit and the reserve, and hashes it.
func (s *Store) copy(ctx context.Context, f *os.File, r io.Reader, limit int64) (core.Ref, int64, error) {
	hash := sha256.New()
	buf := make([]byte, copyBuffer)
	var size, checked int64
	for {
		if err := ctx.Err(); err != nil {
			return "", 0, err
		}
		n, rerr := r.Read(buf)
		size += int64(n)
		if limit > 0 && size > limit {
			return "", 0, core.Refuse(core.CodeOverLimit, "split the document, or raise the limit of bytes in the profile",
				"the file is larger than %d bytes, the limit of this job", limit)
		}
		if n > 0 && (checked == 0 || size > checked+checkEvery) {
			if err := s.checkSpace(int64(n)); err != nil {
				return "", 0, err
			}
			checked = size
		}
		hash.Write(buf[:n])
		if _, err := f.Write(buf[:n]); err != nil {
			return "", 0, core.DataDown("store a file", err)
		}
		if errors.Is(rerr, io.EOF) {
			return refOf(hash.Sum(nil)), size, nil
		}
		if rerr != nil {
			return "", 0, fmt.Errorf("store a file: after %d bytes: %w", size, rerr)
		}
	}
}

func refOf(sum []byte) core.Ref { return core.Ref(hex.EncodeToString(sum)) }

// Adopt makes a finished file a blob and returns its ref and size. On the store's
// own filesystem, see Temp, the file is moved, else copied; it is gone from path
// afterwards, also when Adopt fails half-way. Whoever wrote it must have closed it.
// Anything but a regular file with one name is refused.
func (s *Store) Adopt(ctx context.Context, path string) (core.Ref, int64, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", 0, fmt.Errorf("adopt file: %w", err)
	}
	defer f.Close()
	info, err := ownFile(f)
	if err != nil {
		return "", 0, fmt.Errorf("adopt %s: %w", path, err)
	}
	moved, err := s.moveIn(path, info)
	if errors.Is(err, unix.EXDEV) {
		ref, size, err := s.Put(ctx, f, 0)
		if err == nil {
			err = os.Remove(path)
		}
		return ref, size, err
	}
	if err != nil {
		return "", 0, fmt.Errorf("adopt %s: %w", path, err)
	}
	defer os.Remove(moved) // is gone already when all went well
	hash := sha256.New()
	size, err := io.CopyBuffer(hash, ctxReader{ctx, f}, make([]byte, copyBuffer))
	if err != nil {
		return "", 0, fmt.Errorf("adopt %s: %w", path, err)
	}
	ref := refOf(hash.Sum(nil))
	return ref, size, s.keep(f, moved, ref, size)
}

// ownFile refuses what is not a regular file with one name.
func ownFile(f *os.File) (fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("it is no regular file but %s", info.Mode().Type())
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink != 1 {
		return nil, fmt.Errorf("it has %d names", st.Nlink)
	}
	return info, nil
}

// moveIn moves path into the scratch folder and makes sure that it was the file
// that info describes.
func (s *Store) moveIn(path string, info fs.FileInfo) (string, error) {
	dir, err := os.MkdirTemp(s.scratch(), "adopt-")
	if err != nil {
		return "", core.DataDown("store a file", err)
	}
	defer os.Remove(dir) // empty again: the file goes one up under the folder's name
	inside := filepath.Join(dir, "file")
	if err := os.Rename(path, inside); err != nil {
		return "", err
	}
	got, err := os.Lstat(inside)
	if err == nil && !os.SameFile(got, info) {
		err = errors.New("it was exchanged for another while it was adopted")
	}
	moved := dir + ".file"
	if err == nil {
		err = os.Rename(inside, moved)
	}
	if err != nil {
		os.RemoveAll(inside)
		return "", err
	}
	return moved, nil
}

// keep brings the finished file f, which lies at path in the scratch folder, to
// its place and to the disk.
func (s *Store) keep(f *os.File, path string, ref core.Ref, size int64) error {
	if err := s.settle(f, path, ref, size); err != nil {
		return core.DataDown(fmt.Sprintf("store blob %s", ref), err)
	}
	return nil
}

func (s *Store) settle(f *os.File, path string, ref core.Ref, size int64) error {
	s.placing.RLock()
	defer s.placing.RUnlock()
	place := s.place(ref)
	if done, err := s.again(place, size); done || err != nil {
		return err
	}
	if err := f.Chmod(0o444); err != nil {
		return err
	}
	// The disk takes what the file holds and where it will lie at the same time.
	made := make(chan error, 1)
	go func() { made <- s.makeDir(filepath.Dir(place)) }()
	err := s.syncFile(f)
	if err := errors.Join(err, <-made); err != nil {
		return err
	}
	// The time says when it was last put, which Sweep goes by.
	now := s.cfg.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		return err
	}
	if err := os.Rename(path, place); err != nil {
		return err
	}
	return s.syncDir(filepath.Dir(place))
}

// anySize is the size of a blob for who does not know it.
const anySize = -1

// again reports whether the blob is in its place already, and if so makes it as
// young and as durable as if it had just been put.
func (s *Store) again(place string, size int64) (bool, error) {
	info, err := os.Lstat(place)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || size != anySize && info.Size() != size {
		s.cfg.Logger.Warn("blob had a wrong size and is replaced", "path", place, "size", info.Size(), "want", size)
		return false, nil
	}
	now := s.cfg.Now()
	if err := os.Chtimes(place, now, now); err != nil {
		return false, err
	}
	// Whoever put it first may not have come to this yet.
	return true, s.syncDir(filepath.Dir(place))
}

// Renew reports whether there is a blob of that name, and makes it as young and as
// durable as if it had just been put: it stays for whoever relies on that answer.
func (s *Store) Renew(ref core.Ref) (bool, error) {
	if !valid(ref) {
		return false, fmt.Errorf("blob %q: %w", ref, ErrBadRef)
	}
	s.placing.RLock()
	defer s.placing.RUnlock()
	there, err := s.again(s.place(ref), anySize)
	if err != nil {
		return false, core.DataDown(fmt.Sprintf("renew blob %s", ref), err)
	}
	return there, nil
}

// makeDir makes a fan-out folder durably.
func (s *Store) makeDir(dir string) error {
	s.making.Lock()
	defer s.making.Unlock()
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) { // Open made no folders, or somebody has cleared them away
		if err = os.MkdirAll(dir, 0o700); err == nil {
			err = s.syncDir(s.dir)
		}
	}
	if err != nil {
		return err
	}
	return s.syncDir(filepath.Dir(dir))
}

func (s *Store) syncFile(f *os.File) error {
	if s.cfg.NoSync {
		return nil
	}
	return f.Sync()
}

func (s *Store) syncDir(dir string) error {
	if s.cfg.NoSync {
		return nil
	}
	return durable.Sync(dir)
}

// ctxReader ends when its context does.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// checkSpace refuses to write more when that would eat into the reserve.
func (s *Store) checkSpace(more int64) error {
	if s.cfg.Refuse != nil {
		if err := s.cfg.Refuse(); err != nil {
			return core.DataDown("store a file", err)
		}
	}
	if s.cfg.Reserve < 0 {
		return nil
	}
	free, err := s.cfg.free(s.dir)
	if err != nil {
		return core.DataDown("store a file", err)
	}
	if free-more < s.cfg.Reserve {
		return core.DataDown("store a file", fmt.Errorf("%s has %d MiB free and %d MiB are held in reserve", s.dir, free>>20, s.cfg.Reserve>>20))
	}
	return nil
}

// freeSpace gives the bytes that are left on the disk of dir for this user.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
