// Package durable puts files on disk so that a power cut finds the old or the new one,
// whole.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Write replaces the file at path, in a folder that is there. The file is whole at every
// moment, and on disk when Write returns. An error leaves what was there before.
func Write(path string, data []byte, mode os.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return Sync(dir)
}

// Sync brings to disk what a folder lists, or what a file holds.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
