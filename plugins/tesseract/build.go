package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// librariesKey is the variable by which a host has the engine of a folder of its own
// loaded instead of the distribution's.
const librariesKey = "LD_LIBRARY_PATH"

// What a fingerprint calls the builds of the engine. Both have the same version and read
// the same text, but not with the same confidence.
const (
	buildSystem = "the distribution's"
	buildNative = "native, sha256 " // and the beginning of the digest
)

// buildOf says which build of the engine this process has loaded, with the digest of its
// library where that is not the distribution's. last is what the last fingerprint kept.
func buildOf(last packID) (string, packID, error) {
	path := loadedFrom(filepath.SplitList(os.Getenv(librariesKey)), mappedPaths())
	if path == "" {
		return buildSystem, packID{}, nil
	}
	id, err := packOfFile(path, last)
	if err != nil {
		return "", packID{}, err
	}
	return buildNative + id.SHA256[:16], id, nil
}

// loadedFrom is the engine's library among those that are loaded, if it lies in one of the
// folders; else empty.
func loadedFrom(folders, loaded []string) string {
	for _, path := range loaded {
		if strings.HasPrefix(filepath.Base(path), "libtesseract.so") && slices.Contains(folders, filepath.Dir(path)) {
			return path
		}
	}
	return ""
}
