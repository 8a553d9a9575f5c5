package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// packID is a language pack with the hash of its content. While its file is the same,
// the hash is not computed again.
type packID struct {
	File   string `json:"file"` // see identity
	SHA256 string `json:"sha256"`
}

// maxPacks bounds the language packs that are looked at: there are some 160 with scripts.
const maxPacks = 500

// packsIn hashes the language packs in a folder, by language. Those that help with the
// layout are among them.
func packsIn(dir string, last map[string]packID) (map[string]packID, error) {
	files, err := packFiles(dir)
	if err != nil {
		return nil, err
	}
	if len(files) > maxPacks {
		return nil, fmt.Errorf("%d in %s, at most %d are possible", len(files), dir, maxPacks)
	}
	packs := map[string]packID{}
	for _, path := range files {
		name := nameOfPack(dir, path)
		id, err := packOfFile(path, last[name])
		if err != nil {
			return nil, err
		}
		packs[name] = id
	}
	return packs, nil
}

// packFiles are the paths of the language packs in a folder.
func packFiles(dir string) ([]string, error) {
	var files []string
	for _, pattern := range []string{"*.traineddata", "script/*.traineddata"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	return files, nil
}

// nameOfPack is what the pack at a path in a folder is called, e.g. eng or script/Latin.
func nameOfPack(dir, path string) string {
	return strings.TrimPrefix(strings.TrimSuffix(path, ".traineddata"), strings.TrimSuffix(dir, "/")+"/")
}

// filesOf changes when a language pack in a folder is replaced or written to. One may
// load others, so it is about all of them.
func filesOf(dir string) string {
	files, _ := packFiles(dir) // a folder that cannot be listed has no packs to load
	var b strings.Builder
	for _, path := range files[:min(len(files), maxPacks)] {
		id, _ := identity(path) // one that is gone is no part of it
		fmt.Fprintln(&b, path, id)
	}
	return b.String()
}

func packOfFile(path string, last packID) (packID, error) {
	id, err := identity(path)
	if err != nil || id == last.File {
		return last, err
	}
	f, err := os.Open(path)
	if err != nil {
		return packID{}, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return packID{}, err
	}
	return packID{id, hex.EncodeToString(h.Sum(nil))}, nil
}

// identity changes when the file at a path is replaced or written to.
func identity(path string) (string, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return "", &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return fmt.Sprintf("%d %d %d %d.%09d %d.%09d", s.Dev, s.Ino, s.Size, s.Mtim.Sec, s.Mtim.Nsec, s.Ctim.Sec, s.Ctim.Nsec), nil
}

// mapped are the identities of the program and of all libraries that the process has
// loaded. Where the system does not tell, there are fewer.
func mapped() []string {
	var all []string
	for _, path := range mappedPaths() {
		if id, err := identity(path); err == nil {
			all = append(all, path+" "+id)
		}
	}
	return all
}

// mappedPaths are their paths, in order.
func mappedPaths() []string {
	paths := map[string]bool{"/proc/self/exe": true}
	if f, err := os.Open("/proc/self/maps"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if _, path, ok := strings.Cut(lines.Text(), "/"); ok && strings.Contains(path, ".so") {
				paths["/"+path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(paths))
}
