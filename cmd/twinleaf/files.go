package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core"
)

// localFile is a file of this machine, which is opened again for each try; standard
// input is kept in a temporary file until done is called.
func localFile(ctx context.Context, p string, stdin io.Reader) (f client.File, done func() error, err error) {
	if p == "-" {
		return spooled(ctx, stdin)
	}
	if err := checkInputs([]string{p}); err != nil {
		return client.File{}, nil, err
	}
	info, err := os.Stat(p)
	if err != nil {
		return client.File{}, nil, unreadable(p, err)
	}
	if !info.Mode().IsRegular() { // a pipe could not be opened again
		return client.File{}, nil, usage("name a file", "%s is no file", p)
	}
	open := func() (io.ReadCloser, error) { return os.Open(p) }
	one, err := open()
	if err != nil {
		return client.File{}, nil, unreadable(p, err)
	}
	if err := one.Close(); err != nil {
		return client.File{}, nil, unreadable(p, err)
	}
	if info.Size() == 0 {
		return client.File{}, nil, fmt.Errorf("%s: %w", p, emptyScan())
	}
	return client.File{Name: filepath.Base(p), Size: info.Size(), Open: open}, func() error { return nil }, nil
}

// emptyScan refuses an input without a byte in it.
func emptyScan() error {
	return core.Refuse(core.CodeNotAScan, "scan it again", "the file is empty")
}

func unreadable(p string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return usage("is the name right?", "there is no file %s", p)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user\nhint: see ls -l %s", p, p)
	}
	return fmt.Errorf("%s cannot be read: %w", p, err)
}

// spooled keeps standard input in a temporary file.
func spooled(ctx context.Context, stdin io.Reader) (client.File, func() error, error) {
	f, done, err := client.Spool(ctx, "stdin", stdin)
	if err == nil && f.Size == 0 {
		return client.File{}, nil, errors.Join(fmt.Errorf("standard input: %w", emptyScan()), done())
	}
	return f, done, err
}

// unwritableError is a file that cannot be made, in its folder or at all.
type unwritableError struct {
	place string
	cause error
}

func (e *unwritableError) Error() string {
	help := "let this user write there"
	if errors.Is(e.cause, syscall.ENOSPC) || errors.Is(e.cause, syscall.EDQUOT) {
		help = "make room there"
	}
	return e.problem() + "\nhint: choose another place for the output, or " + help
}

// problem is the error without the hint.
func (e *unwritableError) problem() string {
	return fmt.Sprintf("cannot write into %s: %s", e.place, e.cause)
}

func (e *unwritableError) Unwrap() error { return e.cause }

// unwritable leaves out the names of temporary files, which say nothing to people.
func unwritable(place string, err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	return &unwritableError{place, err}
}

// tryOutput makes sure that an output can be written, before the work that makes it.
func tryOutput(to string) error {
	if to == "" || to == "-" {
		return nil
	}
	if info, err := os.Stat(to); err == nil && !info.Mode().IsRegular() {
		return nil // is written to as it is
	}
	dir := filepath.Dir(to)
	near := dir // the folder that is there; writeWhole makes those below it
	for near != filepath.Dir(near) {
		if _, err := os.Stat(near); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		near = filepath.Dir(near)
	}
	tmp, err := os.CreateTemp(near, ".twinleaf-*")
	if err != nil {
		return unwritable(dir, err)
	}
	return errors.Join(tmp.Close(), os.Remove(tmp.Name()))
}

// isFolder reports whether a path names a folder, by what is there or by its slash.
func isFolder(p string) bool {
	if p == "" || p == "-" {
		return false
	}
	if strings.HasSuffix(p, string(filepath.Separator)) {
		return true
	}
	info, err := os.Stat(p)
	return err == nil && info.IsDir()
}

// writeWhole writes r to a file that appears under its name only when it is whole.
// What is there and is no file (/dev/null, a pipe) is written to as it is.
func writeWhole(to string, r io.Reader, stdout io.Writer) error {
	if to == "-" {
		_, err := io.Copy(stdout, r)
		return err
	}
	if info, err := os.Stat(to); err == nil && !info.Mode().IsRegular() {
		return writeInto(to, r)
	}
	dir := filepath.Dir(to)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return unwritable(dir, err)
	}
	tmp, err := os.CreateTemp(dir, ".twinleaf-*")
	if err != nil {
		return unwritable(dir, err)
	}
	_, err = io.Copy(intoFolder{tmp, dir}, r)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		if err = os.Rename(tmp.Name(), to); err != nil {
			err = unwritable(dir, err)
		}
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error is the one that counts
		return aboutOutput(to, err)
	}
	return nil
}

// intoFolder tells the errors of the folder that is written into from those of the
// source that is read.
type intoFolder struct {
	w   io.Writer
	dir string
}

func (f intoFolder) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		err = unwritable(f.dir, err)
	}
	return n, err
}

// aboutOutput says which output an error is about, unless it says so itself.
func aboutOutput(to string, err error) error {
	if errors.As(err, new(*unwritableError)) {
		return err
	}
	return fmt.Errorf("write %s: %w", to, err)
}

func writeInto(to string, r io.Reader) error {
	f, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return unwritable(to, err)
	}
	_, err = io.Copy(intoFolder{f, to}, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return aboutOutput(to, err)
	}
	return nil
}
