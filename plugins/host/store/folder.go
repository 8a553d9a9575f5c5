package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// FolderPins holds the programs of a plain plug-in folder to the lock in it. There
// is none without a lock, and then locked is false.
func FolderPins(dir string) (pins map[string]*Pin, locked bool, err error) {
	l, err := readLock(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, true, err
	}
	pins = map[string]*Pin{}
	for _, e := range l.Active() {
		p := &Pin{Entry: e, dir: dir, only: []string{e.Program}, where: filepath.Join(dir, LockFile)}
		if p.Digest() == "" {
			p.bad = fmt.Errorf("%s has no digest for %s in %s", e, Platform(), p.where)
		}
		pins[e.Program] = p
	}
	return pins, true, nil
}

// LockFolder writes a lock for the programs of a plain plug-in folder, each of which
// is tried.
func LockFolder(ctx context.Context, dir string, describe Describer) (Lock, error) {
	var l Lock
	files, err := os.ReadDir(dir)
	if err != nil {
		return l, fmt.Errorf("plug-in folder: %w", err)
	}
	for _, f := range files {
		if !isProgram(dir, f.Name()) {
			continue
		}
		e, err := lockProgram(ctx, dir, f.Name(), describe)
		if err != nil {
			return l, fmt.Errorf("try %s: %w", f.Name(), err)
		}
		l.Entries = append(l.Entries, e)
	}
	if err := l.check(); err != nil {
		return l, err
	}
	return l, durable.Write(filepath.Join(dir, LockFile), l.Bytes(), 0o644)
}

// isProgram reports whether a file of a plug-in folder is an executable one, or a
// link to such, whose name does not begin with a dot or an underscore.
func isProgram(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 &&
		!strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_")
}

func lockProgram(ctx context.Context, dir, name string, describe Describer) (Entry, error) {
	h1, _, err := digestOf(dir, name)
	if err != nil {
		return Entry{}, err
	}
	m, err := describe(ctx, filepath.Join(dir, name))
	if err != nil {
		return Entry{}, err
	}
	e, err := EntryOf(m, name)
	e.Active = true
	e.Hashes[Platform()] = h1
	return e, err
}
