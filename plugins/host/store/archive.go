package store

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// ManifestFile is the name of the manifest in an archive: what the program says
// of itself, and which file is the program.
const ManifestFile = "manifest.json"

// packed is the manifest as it lies in an archive.
type packed struct {
	Program string `json:"program"`
	sdk.Manifest
}

// Archive is an open archive whose list of files and manifest are in order. What
// the files hold is not known before [Archive.Unpack].
type Archive struct {
	Entry    Entry // as the manifest tells; without digest and signer
	Manifest sdk.Manifest
	Platform string

	file  *os.File
	files []*zip.File
}

// OpenArchive opens an archive that may be anybody's. Close closes it.
func OpenArchive(file string) (*Archive, error) {
	a, err := openArchive(file)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", filepath.Base(file), err)
	}
	return a, nil
}

func openArchive(file string) (*Archive, error) {
	name, version, platform, err := splitArchiveName(file)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	a := &Archive{Platform: platform, file: f}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err == nil {
		err = a.read(f, info.Size())
	}
	if err == nil && (a.Entry.Name != name || a.Entry.Version != version) {
		err = fmt.Errorf("its manifest is of %s, its name says %s %s", a.Entry, name, version)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

// Close closes the archive.
func (a *Archive) Close() error { return a.file.Close() }

// read takes the list of files and the manifest from a zip.
func (a *Archive) read(r io.ReaderAt, size int64) error {
	if size > maxArchive {
		return fmt.Errorf("it has %d bytes, more than %d", size, maxArchive)
	}
	ration := newRationed(r, maxDirectory)
	z, err := zip.NewReader(ration, size)
	if errors.Is(err, errLongList) {
		return errLongList
	}
	if err != nil {
		return fmt.Errorf("it is no zip, or a damaged one: %w", err)
	}
	ration.lift()
	if a.files, err = plainFiles(z.File, size); err != nil {
		return err
	}
	return a.readManifest()
}

// plainFiles checks the list of files as a whole and leaves folders out.
func plainFiles(all []*zip.File, packedSize int64) ([]*zip.File, error) {
	if len(all) > maxFiles {
		return nil, fmt.Errorf("it has %d files, more than %d", len(all), maxFiles)
	}
	var files []*zip.File
	var total uint64
	names := nameSet{}
	for _, f := range all {
		folder := strings.HasSuffix(f.Name, "/")
		if err := checkName(strings.TrimSuffix(f.Name, "/")); err != nil {
			return nil, err
		}
		if folder {
			continue
		}
		if err := errorsFirst(checkFile(f), names.add(f.Name)); err != nil {
			return nil, err
		}
		total += min(f.UncompressedSize64, maxUnpacked+1)
		files = append(files, f)
	}
	if total > maxUnpacked || total > freeRatio && total > maxRatio*uint64(packedSize) {
		return nil, fmt.Errorf("it unpacks to %d bytes, more than is allowed for its size", total)
	}
	return files, nil
}

func checkFile(f *zip.File) error {
	switch {
	case !f.Mode().IsRegular():
		return fmt.Errorf("%q is a link, a device or another thing than a file", f.Name)
	case f.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return fmt.Errorf("%q is a set-user-ID or set-group-ID program", f.Name)
	case f.Flags&1 != 0:
		return fmt.Errorf("%q is encrypted", f.Name)
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return fmt.Errorf("%q is compressed by method %d; only deflate is read", f.Name, f.Method)
	}
	return nil
}

func (a *Archive) readManifest() error {
	f := a.find(ManifestFile)
	if f == nil {
		return fmt.Errorf("it has no %s; make archives with \"twinleaf plugin pack\"", ManifestFile)
	}
	if f.UncompressedSize64 > maxManifest {
		return fmt.Errorf("its %s has more than %d bytes", ManifestFile, maxManifest)
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return fmt.Errorf("%s: %w", ManifestFile, err)
	}
	a.Manifest, a.Entry, err = readManifest(raw)
	if err == nil && a.find(a.Entry.Program) == nil {
		err = fmt.Errorf("its program %q is not in it", a.Entry.Program)
	}
	return err
}

// readManifest reads a manifest.json.
func readManifest(raw []byte) (sdk.Manifest, Entry, error) {
	var m packed
	if err := json.Unmarshal(raw, &m); err != nil {
		return m.Manifest, Entry{}, fmt.Errorf("%s: %w", ManifestFile, err)
	}
	if m.Program == "" {
		return m.Manifest, Entry{}, fmt.Errorf("%s does not say which file is the program", ManifestFile)
	}
	e, err := EntryOf(m.Manifest, m.Program)
	if err != nil {
		err = fmt.Errorf("%s: %w", ManifestFile, err)
	}
	return m.Manifest, e, err
}

func (a *Archive) find(name string) *zip.File {
	for _, f := range a.files {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Unpack writes all files into an empty folder, read-only, and gives the folder's h1
// digest.
func (a *Archive) Unpack(dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	for _, f := range a.files {
		mode := fs.FileMode(0o444)
		if f.Name == a.Entry.Program || f.Mode()&0o111 != 0 {
			mode = 0o555
		}
		if err := unpackFile(root, f, mode); err != nil {
			return "", fmt.Errorf("unpack %q of %s: %w", f.Name, a.Entry, err)
		}
	}
	if err := sealFolders(dir); err != nil {
		return "", err
	}
	h1, _, err := digestOf(dir)
	return h1, err
}

func unpackFile(root *os.Root, f *zip.File, mode fs.FileMode) error {
	if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := root.OpenFile(f.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r, int64(f.UncompressedSize64)+1))
	if err == nil && n != int64(f.UncompressedSize64) {
		err = fmt.Errorf("it has another size than the archive says")
	}
	return errors.Join(err, w.Chmod(mode), w.Close())
}

// sealFolders makes folders read-only.
func sealFolders(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(p, 0o555)
	})
}

// syncAll makes all files and folders below dir durable.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return durable.Sync(p)
	})
}

// removeSealed deletes a folder whose folders are read-only.
func removeSealed(dir string) error {
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(p, 0o700)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, os.RemoveAll(dir))
}
