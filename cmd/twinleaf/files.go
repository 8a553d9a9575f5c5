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

	"github.com/twinleaf-scan/twinleaf/console/client"
)

// localFile is a file of this machine, which is opened again for each try; standard
// input is kept in a temporary file until done is called.
func localFile(ctx context.Context, p string, stdin io.Reader) (f client.File, done func() error, err error) {
	if p == "-" {
		return client.Spool(ctx, "stdin", stdin)
	}
	info, err := os.Stat(p)
	if err != nil {
		return client.File{}, nil, unreadable(p, err)
	}
	if !info.Mode().IsRegular() {
		return client.File{}, nil, usage("name a file", "%s is no file", p)
	}
	open := func() (io.ReadCloser, error) { return os.Open(p) }
	return client.File{Name: filepath.Base(p), Size: info.Size(), Open: open}, func() error { return nil }, nil
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
		return fmt.Errorf("make the folder %s: %w", dir, err)
	}
	tmp, err := os.CreateTemp(dir, ".twinleaf-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	_, err = io.Copy(tmp, r)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), to)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // the first error is the one that counts
		return fmt.Errorf("write %s: %w", to, err)
	}
	return nil
}

func writeInto(to string, r io.Reader) error {
	f, err := os.OpenFile(to, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	_, err = io.Copy(f, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", to, err)
	}
	return nil
}
