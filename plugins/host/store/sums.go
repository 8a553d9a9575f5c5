package store

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Names of the files beside the archives of a release.
const (
	SumsFile      = "SHA256SUMS"
	SignatureFile = "SHA256SUMS.sig"
)

// maxSums bounds checksums and signature, in bytes.
const maxSums = 1 << 20

// Sums are the checksums of a release: what sha256sum writes, and in lines that it
// takes for comments the h1 digests of what the archives hold.
type Sums struct {
	Archives map[string]string // file name to SHA-256, hexadecimal
	H1       map[string]string // file name to digest of the unpacked archive
}

func newSums() Sums { return Sums{Archives: map[string]string{}, H1: map[string]string{}} }

// maxFileName bounds the name of an archive, in bytes. The expressions do not: classes of
// letters that are counted make them very large.
const maxFileName = 200

var (
	sumLine = regexp.MustCompile(`^([0-9a-f]{64}) [ *]([^/\\\s\pC]+)$`)
	h1Line  = regexp.MustCompile(`^# (h1:[A-Za-z0-9+/]{43}=) ([^/\\\s\pC]+)$`)
)

// ParseSums reads checksums strictly.
func ParseSums(text []byte) (Sums, error) {
	s := newSums()
	if len(text) > maxSums {
		return s, fmt.Errorf("%s has more than %d bytes", SumsFile, maxSums)
	}
	for i, line := range strings.Split(string(text), "\n") {
		if err := s.take(line); err != nil {
			return s, fmt.Errorf("%s, line %d: %w", SumsFile, i+1, err)
		}
	}
	if len(s.Archives) == 0 {
		return s, fmt.Errorf("%s names no file", SumsFile)
	}
	return s, nil
}

func (s Sums) take(line string) error {
	into, found := s.H1, h1Line.FindStringSubmatch(line)
	if found == nil {
		into, found = s.Archives, sumLine.FindStringSubmatch(line)
	}
	switch {
	case line == "" || found == nil && strings.HasPrefix(line, "#"):
		return nil
	case found == nil:
		return errors.New("want a SHA-256, two spaces and a file name")
	case len(found[2]) > maxFileName:
		return fmt.Errorf("a file name has more than %d bytes", maxFileName)
	case into[found[2]] != "":
		return fmt.Errorf("%s is there twice", found[2])
	}
	into[found[2]] = found[1]
	return nil
}

// Bytes is the text of the checksums: the same for equal ones.
func (s Sums) Bytes() []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.Archives)) {
		fmt.Fprintf(&b, "%s  %s\n", s.Archives[name], name)
		if h1 := s.H1[name]; h1 != "" {
			fmt.Fprintf(&b, "# %s %s\n", h1, name)
		}
	}
	return []byte(b.String())
}

// hashes are the digests of one version by platform.
func (s Sums) hashes(name, version string) map[string]string {
	all := map[string]string{}
	for file, h1 := range s.H1 {
		n, v, platform, err := splitArchiveName(file)
		if err == nil && n == name && v == version && len(all) < maxHashes {
			all[platform] = h1
		}
	}
	return all
}
