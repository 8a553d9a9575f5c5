package store

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// Contents are the files of a plug-in that is to be packed.
type Contents struct {
	Program string            // path in the archive
	Files   map[string]string // path in the archive to path on disk, the program's too
}

// Gather collects what shall go into an archive: either one folder, all of which
// goes in and in which program lies, or a program and files and folders that go
// beside it under their own names. Hidden files and what Python has compiled stay
// out. In a folder with one executable, that is the program if none is named.
func Gather(paths []string, program string) (Contents, error) {
	c := Contents{Program: program, Files: map[string]string{}}
	info, err := os.Stat(paths[0])
	if err != nil {
		return c, err
	}
	if info.IsDir() && len(paths) == 1 {
		if err := c.addFolder(paths[0], ""); err != nil {
			return c, err
		}
		if program == "" {
			c.Program, err = c.onlyExecutable()
		}
		return c, errorsFirst(err, c.check())
	}
	if program == "" {
		c.Program = filepath.Base(paths[0])
	}
	for _, p := range paths {
		if err := c.add(p); err != nil {
			return c, err
		}
	}
	return c, c.check()
}

func (c Contents) add(p string) error {
	info, err := os.Stat(p)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return c.addFolder(p, filepath.Base(p)+"/")
	}
	return c.put(filepath.Base(p), p)
}

func (c Contents) addFolder(dir, prefix string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || p == dir:
			return err
		case strings.HasPrefix(d.Name(), ".") || d.Name() == "__pycache__":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return c.put(prefix+filepath.ToSlash(rel), p)
	})
}

func (c Contents) put(name, file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no file", file)
	case c.Files[name] != "":
		return fmt.Errorf("%s and %s would have one name, %s", c.Files[name], file, name)
	case len(c.Files) >= maxFiles-1:
		return fmt.Errorf("more than %d files", maxFiles)
	}
	if name != ManifestFile { // it is written anew
		c.Files[name] = file
	}
	return nil
}

// ErrProgram is that it is not clear, or not true, which file is the program.
var ErrProgram = errors.New("which file is the program?")

func (c Contents) onlyExecutable() (string, error) {
	var found []string
	for name, file := range c.Files {
		if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o111 != 0 && !strings.Contains(name, "/") {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	if len(found) != 1 {
		return "", fmt.Errorf("%w There are %d executable ones: %s", ErrProgram, len(found), strings.Join(found, " "))
	}
	return found[0], nil
}

func (c Contents) check() error {
	names := nameSet{}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		if err := errorsFirst(checkName(name), names.add(name)); err != nil {
			return err
		}
	}
	info, err := os.Stat(c.Files[c.Program])
	switch {
	case c.Files[c.Program] == "":
		return fmt.Errorf("%w There is no file %s", ErrProgram, c.Program)
	case err != nil:
		return err
	case info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%w %s is not executable", ErrProgram, c.Files[c.Program])
	}
	return nil
}

// Platform is what the program runs on: every one if it is a script, else this one.
func (c Contents) Platform() string {
	f, err := os.Open(c.Files[c.Program])
	if err != nil {
		return Platform()
	}
	defer f.Close()
	head := make([]byte, 2)
	if _, err := io.ReadFull(f, head); err == nil && string(head) == "#!" {
		return AnyPlatform
	}
	return Platform()
}

// Pack writes the archive of a plug-in into a folder and names it in the checksums
// there, which it signs if a secret key is given. The program is tried from a copy of
// exactly what is packed. The same files give the same archive.
func Pack(ctx context.Context, c Contents, dir, secret string, describe Describer) (archive string, e Entry, err error) {
	stage, err := os.MkdirTemp("", "twinleaf-pack-")
	if err != nil {
		return "", e, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if err := errors.Join(c.copyTo(stage), os.Chmod(stage, 0o755)); err != nil { // the program may run as another user
		return "", e, err
	}
	m, err := describe(ctx, filepath.Join(stage, filepath.FromSlash(c.Program)))
	if err != nil {
		return "", e, fmt.Errorf("try the program: %w", err)
	}
	if e, err = EntryOf(m, c.Program); err != nil {
		return "", e, err
	}
	raw, err := json.MarshalIndent(packed{c.Program, m}, "", "  ")
	if err != nil {
		return "", e, err
	}
	if err := os.WriteFile(filepath.Join(stage, ManifestFile), append(raw, '\n'), 0o644); err != nil {
		return "", e, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", e, err
	}
	archive = filepath.Join(dir, ArchiveName(e.Name, e.Version, c.Platform()))
	if err := zipFolder(stage, archive); err != nil {
		return "", e, fmt.Errorf("write %s: %w", archive, err)
	}
	return archive, e, sum(archive, secret)
}

func (c Contents) copyTo(dir string) error {
	for name, file := range c.Files {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode().Perm()&0o111 != 0 {
			mode = 0o755
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile(file, to, mode); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string, mode fs.FileMode) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}

// zipEpoch is the time of every packed file: the oldest that a zip can tell.
var zipEpoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// zipFolder writes all files of a folder in the order of their names.
func zipFolder(dir, archive string) error {
	w, err := os.CreateTemp(filepath.Dir(archive), ".new-*")
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	names, err := dirhash.DirFiles(dir, "")
	slices.Sort(names)
	for _, name := range names {
		err = errors.Join(err, zipFile(z, dir, name))
	}
	err = errors.Join(err, z.Close(), w.Chmod(0o644), w.Sync(), w.Close())
	if err == nil {
		err = os.Rename(w.Name(), archive)
	}
	if err != nil {
		_ = os.Remove(w.Name()) // the first error counts
	}
	return err
}

func zipFile(z *zip.Writer, dir, name string) error {
	r, err := os.Open(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	h := &zip.FileHeader{Name: path.Clean(name), Method: zip.Deflate, Modified: zipEpoch}
	h.SetMode(info.Mode().Perm())
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// sum names an archive in the checksums beside it, and signs them if there is a key.
func sum(archive, secret string) error {
	dir, name := filepath.Dir(archive), filepath.Base(archive)
	s, signed := newSums(), filepath.Join(dir, SignatureFile)
	text, err := os.ReadFile(filepath.Join(dir, SumsFile))
	if err == nil {
		s, err = ParseSums(text)
	}
	if ignoreAbsent(err) != nil {
		return err
	}
	if s.Archives[name], err = sumOf(archive); err != nil {
		return err
	}
	if s.H1[name], err = dirhash.HashZip(archive, dirhash.Hash1); err != nil {
		return err
	}
	if err := durable.Write(filepath.Join(dir, SumsFile), s.Bytes(), 0o644); err != nil {
		return err
	}
	if secret == "" {
		return ignoreAbsent(os.Remove(signed)) // it would be of other checksums
	}
	note, err := Sign(s.Bytes(), secret)
	if err != nil {
		return err
	}
	return durable.Write(signed, note, 0o644)
}
