package store

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// checkName wants the path of a file below a plug-in's folder that means the same
// on every system and cannot lead out of the folder.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("file name %.100q has characters that cannot be printed", name)
	case strings.ContainsAny(name, `\:`):
		return fmt.Errorf("file name %.100q has a backslash or a colon", name)
	case path.IsAbs(name):
		return fmt.Errorf("file name %.100q is absolute", name)
	case !fs.ValidPath(name) || name == ".":
		return fmt.Errorf("file name %.100q leads out of the folder, or is no plain path", name)
	case len(name) > 200 || strings.Count(name, "/") > 10:
		return fmt.Errorf("file name %.100q… is too long", name)
	}
	return nil
}

// nameSet notices names that some file systems take for the same, and files that
// are folders too.
type nameSet map[string]bool // folded path to whether it is a file

func (s nameSet) add(name string) error {
	folded := fold(name)
	if _, there := s[folded]; there {
		return fmt.Errorf("file name %.100q is there twice, or differs only in upper and lower case", name)
	}
	for dir := path.Dir(folded); dir != "."; dir = path.Dir(dir) {
		if s[dir] {
			return fmt.Errorf("file name %.100q lies below another file", name)
		}
		s[dir] = false
	}
	s[folded] = true
	return nil
}

func fold(name string) string { return strings.ToLower(strings.ToUpper(norm.NFC.String(name))) }
