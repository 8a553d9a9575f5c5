package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// set is the pages that are read in one go.
type set struct {
	Name     string
	Lang     string
	What     string
	Rounds   int // how often each program reads it
	Laid     int // how often its list of pages is laid in a row
	Document int // pages of a document; 0: all pages are one
	Pages    []page
}

// page is one line of the recipe.
type page struct {
	File   string // below the folder of test files, or testdata/…
	Number int    // 1-based page of the file; 0: it has one
	Turn   int    // degrees clockwise
	DPI    int    // where the file has none, or at which a PDF is drawn; 0: as it says
}

// The bounds of a recipe.
const (
	maxSets   = 20
	maxPages  = 5000 // of a set, as it is laid
	maxRounds = 20
	maxDPI    = 2400
)

// readRecipe reads the page sets. The form is described in bench/sets.tsv itself.
func readRecipe(r io.Reader) ([]*set, error) {
	var sets []*set
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var err error
		switch cells := strings.Split(line, "\t"); {
		case cells[0] == "set" && len(cells) == 7:
			sets, err = addSet(sets, cells[1:])
		case cells[0] == "page" && len(cells) == 5:
			err = addPage(sets, cells[1:])
		default:
			err = fmt.Errorf("%q is neither a set with 6 cells nor a page with 4", cells[0])
		}
		if err != nil {
			return nil, fmt.Errorf("page sets: line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("page sets: %w", err)
	}
	for _, s := range sets {
		if all := len(s.Pages) * s.Laid; all == 0 || all > maxPages {
			return nil, fmt.Errorf("page sets: %s has %d pages, not 1 to %d", s.Name, all, maxPages)
		}
	}
	return sets, nil
}

func addSet(sets []*set, cells []string) ([]*set, error) {
	rounds, err1 := number(cells[2], 1, maxRounds)
	laid, err2 := number(cells[3], 1, maxPages)
	document, err3 := number(cells[4], 0, maxPages)
	s := &set{Name: cells[0], Lang: cells[1], Rounds: rounds, Laid: laid, Document: document, What: cells[5]}
	switch err := errors.Join(err1, err2, err3); {
	case err != nil:
		return nil, err
	case !plain(s.Name) || find(sets, s.Name) != nil:
		return nil, fmt.Errorf("a set is called by one new word, not %q", s.Name)
	case len(sets) == maxSets:
		return nil, fmt.Errorf("more than %d sets", maxSets)
	}
	return append(sets, s), nil
}

func addPage(sets []*set, cells []string) error {
	s := find(sets, cells[0])
	if s == nil {
		return fmt.Errorf("no set %q before this line", cells[0])
	}
	file, part, several := strings.Cut(cells[1], "#")
	p := page{File: file}
	var errs [3]error
	if several {
		p.Number, errs[0] = number(part, 1, maxPages)
	}
	p.Turn, errs[1] = number(cells[2], 0, 270)
	p.DPI, errs[2] = number(cells[3], 0, maxDPI)
	switch err := errors.Join(errs[:]...); {
	case err != nil:
		return err
	case isPDF(file) && (p.Number == 0 || p.DPI == 0):
		return fmt.Errorf("%q is a PDF: say which page of it, and at how many dpi it is drawn", file)
	case p.Turn%90 != 0:
		return fmt.Errorf("a page is turned by 0, 90, 180 or 270 degrees, not %d", p.Turn)
	case !filepath.IsLocal(file):
		return fmt.Errorf("%q is no file below the folder", file)
	}
	s.Pages = append(s.Pages, p)
	return nil
}

func isPDF(file string) bool { return strings.EqualFold(filepath.Ext(file), ".pdf") }

func number(cell string, least, most int) (int, error) {
	n, err := strconv.Atoi(cell)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%q is no number from %d to %d", cell, least, most)
	}
	return n, nil
}

func plain(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' })
}

func find(sets []*set, name string) *set {
	at := slices.IndexFunc(sets, func(s *set) bool { return s.Name == name })
	if at < 0 {
		return nil
	}
	return sets[at]
}

// choose keeps the sets with some names, all where none is given.
func choose(sets []*set, names []string) ([]*set, error) {
	for _, name := range names {
		if find(sets, name) == nil {
			return nil, fmt.Errorf("there is no page set %q", name)
		}
	}
	if len(names) == 0 {
		return sets, nil
	}
	return slices.DeleteFunc(slices.Clone(sets), func(s *set) bool { return !slices.Contains(names, s.Name) }), nil
}

// folders are where the files of a recipe lie.
type folders struct {
	data string // the test files; empty: there are none
	repo string // this repository
	why  error  // why there are no test files
}

// locate is the path of a page's file.
func (f folders) locate(p page) (string, error) {
	base, rest := f.data, p.File
	if strings.HasPrefix(rest, "testdata/") {
		base = f.repo
	} else if f.data == "" {
		return "", fmt.Errorf("%s is one of the test files that are no part of the project: %w", rest, f.why)
	}
	path := filepath.Join(base, filepath.FromSlash(rest))
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("there is no file %s\nhint: bench/sets.tsv names it; set TWINLEAF_DATA to the folder of test files", path)
	}
	return path, nil
}

// check finds all files of a set before anything is measured.
func (f folders) check(s *set) error {
	for _, p := range s.Pages {
		if _, err := f.locate(p); err != nil {
			return fmt.Errorf("page set %s: %w", s.Name, err)
		}
	}
	return nil
}
