// Package native finds libraries that were built for the processor of this very machine
// and says whether they may take the place of the distribution's. The host loads one into
// the process of a plug-in that comes with the server; the plug-in's program stays the
// same.
//
// "make native-engine" makes one for the OCR engine. A prefix holds the folder lib, which
// goes before the system's libraries, and build.json, which says what is in it:
//
//	PREFIX/build.json
//	PREFIX/lib/libtesseract.so.5
package native

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Folder is the folder of all prefixes; it lies beside the plug-in folder.
const Folder = "native"

// BuildFile is the description in a prefix.
const BuildFile = "build.json"

// Format is the number of the description's format that this version reads.
const Format = 1

// Bounds of what is read.
const (
	maxBuild   = 64 << 10
	maxLibrary = 256 << 20
)

// ErrNone is returned by [Open] for a prefix that is not there.
var ErrNone = errors.New("no library was built for this processor")

// Build describes a library.
type Build struct {
	Format    int      `json:"format"`
	Library   string   `json:"library"`   // file in lib, which is also its SONAME: libtesseract.so.5
	SHA256    string   `json:"sha256"`    // of it
	Source    string   `json:"source"`    // package and version: tesseract 5.3.0-2
	Compiler  string   `json:"compiler"`  // for people
	Flags     string   `json:"flags"`     // for people
	Processor string   `json:"processor"` // for people: what it was built for
	Needs     []string `json:"needs"`     // what the processor must be able to do, in the kernel's words: avx2

	Replaces       string `json:"replaces"`       // the distribution's library, of the same source
	ReplacesSHA256 string `json:"replacesSHA256"` // of it; another one there is newer than this
}

// Library is one that may be used here.
type Library struct {
	Prefix string
	Build  Build

	file identity
}

// Beside is the prefix of the plug-in with a name, for a plug-in folder.
func Beside(plugins, name string) string {
	return filepath.Join(filepath.Dir(filepath.Clean(plugins)), Folder, name)
}

// Open reads a prefix and decides whether its library fits this machine. The error is
// ErrNone where there is no prefix, and otherwise says for the operator why the library
// is to be left aside.
func Open(prefix string) (*Library, error) {
	raw, err := read(filepath.Join(prefix, BuildFile))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(prefix); errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNone
		}
	}
	if err != nil {
		return nil, err
	}
	b, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(prefix, BuildFile), err)
	}
	if err := b.fits(); err != nil {
		return nil, err
	}
	l := &Library{Prefix: prefix, Build: b}
	if l.file, err = look(l.path()); err != nil {
		return nil, err
	}
	if err := matches(l.path(), b.SHA256); err != nil {
		return nil, fmt.Errorf("%w; build it again", err)
	}
	return l, nil
}

// Lib is the folder that goes before the system's libraries.
func (l *Library) Lib() string { return filepath.Join(l.Prefix, "lib") }

func (l *Library) path() string { return filepath.Join(l.Lib(), l.Build.Library) }

// Unchanged reports whether the library is still the file that Open looked at: nil, or
// what has become of it.
func (l *Library) Unchanged() error {
	now, err := look(l.path())
	if err != nil {
		return err
	}
	if now != l.file {
		return fmt.Errorf("%s has been replaced", l.path())
	}
	return nil
}

func decode(raw []byte) (Build, error) {
	var b Build
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&b); err != nil {
		return b, err
	}
	switch {
	case b.Format != Format:
		return b, fmt.Errorf("it has format %d, this version reads %d", b.Format, Format)
	case b.Library == "" || filepath.Base(b.Library) != b.Library || strings.HasPrefix(b.Library, "."):
		return b, fmt.Errorf("%q is no file name of a library", b.Library)
	case len(b.Needs) == 0:
		return b, errors.New("it does not say what the processor must be able to do")
	case !filepath.IsAbs(b.Replaces):
		return b, errors.New("it does not say which library it stands for")
	}
	return b, nil
}

// fits holds a description against this machine.
func (b Build) fits() error {
	have, err := processor()
	if err != nil {
		return err
	}
	if lacks := lacking(b.Needs, have); len(lacks) > 0 {
		return fmt.Errorf("it was built for another processor (%s); this one lacks %s", b.Processor, strings.Join(lacks, " "))
	}
	if err := matches(b.Replaces, b.ReplacesSHA256); err != nil {
		return fmt.Errorf("the distribution's library has changed since it was built of %s (%w); build it again", b.Source, err)
	}
	return nil
}

// maxNamed bounds how many missing abilities are told.
const maxNamed = 5

func lacking(needs, have []string) []string {
	var lacks []string
	for _, n := range needs {
		if !slices.Contains(have, n) && len(lacks) < maxNamed {
			lacks = append(lacks, n)
		}
	}
	return lacks
}

// processor is what the first processor is able to do, as the kernel tells it.
func processor() ([]string, error) {
	raw, err := read("/proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	return abilities(string(raw)), nil
}

func abilities(cpuinfo string) []string {
	for line := range strings.Lines(cpuinfo) {
		key, value, _ := strings.Cut(line, ":")
		if key = strings.TrimSpace(key); key == "flags" || key == "Features" {
			return strings.Fields(value)
		}
	}
	return nil
}

// read gives the beginning of a file, which for a description is all of it.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBuild))
}

// matches holds the content of a file against a digest.
func matches(path, sum string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, io.LimitReader(f, maxLibrary+1)); err != nil || n > maxLibrary {
		return errors.Join(fmt.Errorf("%s cannot be read as a library", path), err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("%s is not the file that was described", path)
	}
	return nil
}

// identity tells a file from another one that takes its place.
type identity struct {
	dev, ino, size, mtime, ctime int64
}

func look(path string) (identity, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return identity{}, fmt.Errorf("%s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return identity{}, fmt.Errorf("%s is no file", path)
	}
	return identity{int64(st.Dev), int64(st.Ino), st.Size, st.Mtim.Nano(), st.Ctim.Nano()}, nil
}
