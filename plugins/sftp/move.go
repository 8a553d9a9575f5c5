package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Move is one request of three. The rename of SFTP version 3 may not replace a file,
// and OpenSSH keeps to that (its posix-rename does replace, and is of no use here).
// Other servers replace all the same; those that can link are asked to link, which
// never replaces, and to remove the old name. The rest is asked to rename, after a
// look, which leaves a moment for two documents of one name to meet.
func (f *files) Move(ctx context.Context, from, to string) error {
	if _, can := f.sftp.HasExtension("hardlink@openssh.com"); can && !f.keeps {
		return f.link(ctx, from, to)
	}
	if _, err := f.Stat(ctx, to); err == nil {
		return fmt.Errorf("rename to %s: %w", f.at(to), fs.ErrExist)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.moved(ctx, to, f.sftp.Rename(f.at(from), f.at(to)))
}

// moved says what an error of a move to a name means; version 3 has no word for a name
// that is taken.
func (f *files) moved(ctx context.Context, to string, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, there := f.Stat(ctx, to); there == nil {
		err = fs.ErrExist
	}
	return fmt.Errorf("move to %s: %w", f.at(to), err)
}

// link is a move in two steps. After a crash between them both names are there, which
// the content tells from a name that somebody else took; unless a reader has taken
// the file away by then: the one case in which a document comes twice.
func (f *files) link(ctx context.Context, from, to string) error {
	err := f.moved(ctx, to, f.sftp.Link(f.at(from), f.at(to)))
	if errors.Is(err, fs.ErrExist) {
		same, sameErr := f.same(from, to)
		if sameErr != nil || !same {
			return errors.Join(err, sameErr)
		}
		err = nil
	}
	if err != nil {
		return err
	}
	return f.sftp.Remove(f.at(from))
}

// same reports whether two files have the same content. A missing one has none.
func (f *files) same(a, b string) (bool, error) {
	var sums [2][sha256.Size]byte
	var sizes [2]int64
	for i, name := range []string{a, b} {
		info, err := f.sftp.Lstat(f.at(name))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		sizes[i] = info.Size()
	}
	if sizes[0] != sizes[1] {
		return false, nil
	}
	for i, name := range []string{a, b} {
		in, err := f.sftp.Open(f.at(name))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, io.LimitReader(in, sizes[i]))
		if err := errors.Join(err, in.Close()); err != nil {
			return false, err
		}
		sum.Sum(sums[i][:0])
	}
	return sums[0] == sums[1], nil
}
