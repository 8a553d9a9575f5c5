package sandbox

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Resolve finds a program by its plain name in the folders of path, a list as in
// the variable PATH.
func Resolve(name, path string) (string, error) {
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return "", fmt.Errorf("%q is not the plain name of a program", name)
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		full := filepath.Join(dir, name)
		if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return full, nil
		}
	}
	return "", fmt.Errorf("the program %s is not installed (looked in %s)", name, path)
}

// maxInterpreters bounds how far scripts are followed to what runs them.
const maxInterpreters = 3

// runnable are the files that may be executed for s: its program, those of Exec,
// and what the kernel loads to run them.
func (s Spec) runnable() []string {
	var all []string
	for _, path := range append([]string{s.Path}, s.Exec...) {
		all = append(all, s.withInterpreters(path, maxInterpreters)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// withInterpreters is a program with what runs it. What cannot be read has none.
func (s Spec) withInterpreters(path string, depth int) []string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	all := []string{path}
	f, err := os.Open(path)
	if err != nil || depth == 0 {
		return all
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := io.ReadFull(f, head) // a short file has a short head
	head = head[:n]
	if line, ok := bytes.CutPrefix(head, []byte("#!")); ok {
		for _, next := range s.scriptInterpreters(line) {
			all = append(all, s.withInterpreters(next, depth-1)...)
		}
		return all
	}
	if loader := loaderOf(f); loader != "" {
		all = append(all, s.withInterpreters(loader, depth-1)...)
	}
	return all
}

// scriptInterpreters reads what follows #!, also of the form /usr/bin/env NAME.
func (s Spec) scriptInterpreters(line []byte) []string {
	line, _, _ = bytes.Cut(line, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 || !filepath.IsAbs(words[0]) {
		return nil
	}
	found := words[:1]
	if filepath.Base(words[0]) == "env" {
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "-") || strings.Contains(word, "=") {
				continue
			}
			if full, err := Resolve(word, s.env("PATH")); err == nil {
				found = append(found, full)
			}
			break
		}
	}
	return found
}

// loaderOf is the dynamic loader that an ELF program names; empty if none.
func loaderOf(f io.ReaderAt) string {
	e, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	for _, p := range e.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > 4096 {
			continue
		}
		name, err := io.ReadAll(p.Open())
		if loader := string(bytes.TrimRight(name, "\x00")); err == nil && filepath.IsAbs(loader) {
			return loader
		}
	}
	return ""
}
