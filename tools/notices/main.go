// Command notices writes THIRD_PARTY_NOTICES.md: the licence of every module that
// is linked into Twinleaf's programs, as found in the module itself.
//
//	go run ./tools/notices > THIRD_PARTY_NOTICES.md
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

// module is what `go list -deps` says of one.
type module struct {
	Path    string
	Version string
	Dir     string
	Main    bool
}

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer) error {
	modules, err := linked()
	if err != nil {
		return err
	}
	fmt.Fprint(w, header)
	texts := make([]string, len(modules))
	for i, m := range modules {
		if texts[i], err = licence(m.Dir); err != nil {
			return fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", m.Path, m.Version, kind(texts[i]))
	}
	fmt.Fprint(w, programs)
	for i, m := range modules {
		if k := kind(texts[i]); k != "Apache-2.0" { // Apache-2.0 stands in LICENSE
			fmt.Fprintf(w, "\n## %s\n\n```\n%s\n```\n", m.Path, strings.TrimSpace(texts[i]))
		}
	}
	return nil
}

const header = `# Notices

Twinleaf is licensed under the Apache License 2.0 (LICENSE). Its programs contain the Go modules below; the texts of
licences other than Apache-2.0 follow. Written by ` + "`make notices`" + `.

| module | version | licence |
|---|---|---|
`

const programs = `
The plug-ins link Debian's Tesseract and Leptonica (Apache-2.0 and BSD-2-Clause), libtiff and libjpeg-turbo (BSD-like licences of their own), jemalloc (BSD-2-Clause) and ZBar (LGPL-2.1 or later), and run
Poppler (GPL-2 or later) and qpdf (Apache-2.0) as programs of their own. None of these is distributed with Twinleaf.
`

// linked lists the modules of all packages that the programs are built from.
func linked() ([]module, error) {
	out, err := exec.Command("go", "list", "-deps", "-json=Module", "./cmd/...", "./plugins/...").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	seen := map[string]module{}
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p struct{ Module *module }
		if err := dec.Decode(&p); err != nil {
			return nil, err
		}
		if p.Module != nil && !p.Module.Main {
			seen[p.Module.Path] = *p.Module
		}
	}
	modules := make([]module, 0, len(seen))
	for _, m := range seen {
		modules = append(modules, m)
	}
	sort.Slice(modules, func(i, j int) bool { return modules[i].Path < modules[j].Path })
	return modules, nil
}

// licence is the text of the first licence file in dir or, for a module below
// its repository's root, above it.
func licence(dir string) (string, error) {
	for range 3 {
		for _, pattern := range []string{"LICENSE*", "LICENCE*", "COPYING*", "License*"} {
			found, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				return "", err
			}
			if len(found) > 0 {
				b, err := os.ReadFile(found[0])
				return string(b), err
			}
		}
		dir = filepath.Dir(dir)
	}
	return "", errors.New("no licence file")
}

// kind names a licence by its characteristic words.
func kind(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	for _, k := range []struct{ has, name string }{
		{"Apache License", "Apache-2.0"},
		{"Mozilla Public License", "MPL-2.0"},
		{"Neither the name", "BSD-3-Clause"},
		{"Redistribution and use in source and binary forms", "BSD-2-Clause"},
		{"Permission is hereby granted, free of charge", "MIT"},
		{"Permission to use, copy, modify, and/or distribute", "ISC"},
		{"Permission to use, copy, modify, and distribute", "ISC"},
		{"Creative Commons", "CC0-1.0"},
	} {
		if strings.Contains(words, k.has) {
			return k.name
		}
	}
	return "see its text"
}
