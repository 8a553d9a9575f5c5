package store

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// An offer is a plug-in on its way from one store to another: a tar of the signature
// that came with it, if one did (SHA256SUMS.sig), and its archive. The archive is packed
// anew and always the same for the same files.

// Offer opens the installed plug-in whose files have an h1 digest, for another store to
// take with Follow. It is fs.ErrNotExist when no entry of the lock has it. The files are
// held against the digest before.
func (s *Store) Offer(h1 string) (io.ReadCloser, error) {
	l, err := s.Lock()
	if err != nil {
		return nil, err
	}
	for _, e := range l.sorted() {
		for _, platform := range slices.Sorted(maps.Keys(e.Hashes)) {
			if e.Hashes[platform] == h1 {
				r, err := s.offer(e, platform)
				return r, wrapOffer(e, err)
			}
		}
	}
	return nil, fmt.Errorf("no plug-in in the store has the digest %.80q: %w", h1, fs.ErrNotExist)
}

func wrapOffer(e Entry, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("offer %s: %w", e, err)
}

func (s *Store) offer(e Entry, platform string) (r io.ReadCloser, err error) {
	folder, err := s.Folder(e.Hashes[platform])
	if err != nil {
		return nil, err
	}
	have, _, err := digestOf(folder)
	if err == nil && have != e.Hashes[platform] {
		err = fmt.Errorf("its files have changed: they are %s", have)
	}
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "twinleaf-offer-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }() // what is open stays until it is closed
	archive := filepath.Join(tmp, ArchiveName(e.Name, e.Version, platform))
	if err := zipFolder(folder, archive); err != nil {
		return nil, err
	}
	parts := []string{archive}
	if e.Signer != "" {
		parts = []string{s.signedFile(e), archive}
	}
	return bundle(filepath.Join(tmp, "offer"), parts)
}

// bundle writes a tar of files and opens it. The signature, which lies under another
// name in the store, goes first; the archive last.
func bundle(to string, files []string) (*os.File, error) {
	w, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(w)
	for i, file := range files {
		name := filepath.Base(file)
		if i < len(files)-1 {
			name = SignatureFile
		}
		err = errors.Join(err, tarFile(t, file, name))
	}
	err = errors.Join(err, t.Close())
	if err == nil {
		_, err = w.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func tarFile(t *tar.Writer, file, name string) error {
	r, err := os.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: 0o644, ModTime: zipEpoch}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(t, r)
	return err
}

// takeOffer writes what an offer holds into an empty folder: the archive under the name
// that it must have, and beside it the signature.
func takeOffer(r io.Reader, dir, archive string) (Release, error) {
	t := tar.NewReader(r)
	release := Release{Archive: filepath.Join(dir, archive)}
	for {
		h, err := t.Next()
		switch {
		case err == io.EOF:
			return release, errors.New("the offer ends before its archive")
		case err != nil:
			return release, fmt.Errorf("the offer is no tar, or cut off: %w", err)
		case h.Typeflag != tar.TypeReg:
			return release, fmt.Errorf("the offer has %.100q, which is no file", h.Name)
		case h.Name == SignatureFile && release.Signed == nil:
			if release.Signed, err = readUpTo(t, maxSums); err != nil {
				return release, fmt.Errorf("%s of the offer: %w", SignatureFile, err)
			}
		case h.Name == archive:
			return release, saveOffered(t, h.Size, release.Archive)
		default:
			return release, fmt.Errorf("the offer has %.100q; wanted is %s", h.Name, archive)
		}
	}
}

func saveOffered(r io.Reader, size int64, file string) error {
	if size > maxArchive {
		return fmt.Errorf("the archive has %d bytes, more than %d", size, maxArchive)
	}
	w, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r) // as many as the header said, or an error
	return errors.Join(err, w.Close())
}
