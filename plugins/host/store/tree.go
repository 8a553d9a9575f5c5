package store

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"time"

	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/sys/unix"
)

// identity tells a file's content from another's without reading it: nobody can
// change the content and keep all of it, the time of the change least of all.
type identity struct {
	dev, ino     uint64
	size         int64
	mode         uint32
	mtime, ctime unix.Timespec
}

func identityOf(f *os.File) (identity, error) {
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return identity{}, &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return identity{uint64(s.Dev), s.Ino, s.Size, s.Mode, s.Mtim, s.Ctim}, nil
}

// tree is the files of a folder by path, and its folders: one that was exchanged for
// another and back is not the same either.
type tree map[string]identity

func (id identity) folder() bool { return id.mode&unix.S_IFMT == unix.S_IFDIR }

// settled is how old a change must be for the file's times to tell it from a later
// one: the clock of file systems is a coarse one.
const settled = 2 * time.Second

// settled reports whether the last change of all files is old enough.
func (t tree) settled(now time.Time) bool {
	for _, id := range t {
		if now.Sub(time.Unix(id.ctime.Unix())) < settled {
			return false
		}
	}
	return true
}

func (t tree) equal(o tree) bool { return maps.Equal(t, o) }

// look finds all files below root, or the named ones alone, and refuses what is
// neither a plain file nor a folder.
func look(root *os.Root, only ...string) (tree, error) {
	names, err := only, error(nil)
	if len(only) == 0 {
		names, err = walk(root)
	}
	if err != nil {
		return nil, err
	}
	t := tree{}
	for _, name := range names {
		f, id, err := open(root, name)
		if err != nil {
			return nil, err
		}
		_ = f.Close() // it was only looked at
		t[name] = id
	}
	return t, nil
}

func walk(root *os.Root) ([]string, error) {
	var names []string
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !d.IsDir() && !d.Type().IsRegular():
			return fmt.Errorf("%s is no plain file", path.Join(root.Name(), name))
		case len(names) >= maxFiles:
			return fmt.Errorf("more than %d files in %s", maxFiles, root.Name())
		}
		names = append(names, name)
		return nil
	})
	return names, err
}

// open opens a file or folder that is no link, and does not wait for a pipe.
func open(root *os.Root, name string) (*os.File, identity, error) {
	info, err := root.Lstat(name)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		err = fmt.Errorf("%s is a link; put the file itself there", path.Join(root.Name(), name))
	}
	if err != nil {
		return nil, identity{}, err
	}
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, identity{}, err
	}
	id, err := identityOf(f)
	if err == nil && !id.folder() && id.mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%s is no plain file", path.Join(root.Name(), name))
	}
	if err != nil {
		_ = f.Close() // it was only looked at
		return nil, id, err
	}
	return f, id, nil
}

// digest is the h1 digest of exactly the files of t. One that is another than t
// says, before or after it was read, is an error.
func (t tree) digest(root *os.Root) (string, error) {
	var files []string
	for name, id := range t {
		if !id.folder() {
			files = append(files, name)
		}
	}
	return dirhash.Hash1(files, func(name string) (io.ReadCloser, error) {
		f, id, err := open(root, name)
		if err == nil && id != t[name] {
			err = fmt.Errorf("%s changed while it was looked at", path.Join(root.Name(), name))
			_ = f.Close() // nothing was written
		}
		return f, err
	})
}

// digestOf is the h1 digest of a folder and the files that it was made of.
func digestOf(dir string, only ...string) (string, tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", nil, err
	}
	defer root.Close()
	before, err := look(root, only...)
	if err != nil {
		return "", nil, err
	}
	h1, err := before.digest(root)
	if err != nil {
		return "", nil, err
	}
	after, err := look(root, only...)
	if err == nil && !after.equal(before) {
		err = fmt.Errorf("%s changed while it was looked at", dir)
	}
	return h1, after, err
}

// FileDigest is the h1 digest of a folder with one file, whose SHA-256 is known.
func FileDigest(name, sum string) string {
	summary := sha256.Sum256(fmt.Appendf(nil, "%s  %s\n", sum, name))
	return "h1:" + base64.StdEncoding.EncodeToString(summary[:])
}
