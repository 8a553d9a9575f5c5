package bench

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/internal/shared"
)

// Entry is one file of a page set, as its MANIFEST.tsv describes it.
type Entry struct {
	Path     string  // below the folder, e.g. odd/fax.tif
	Kind     string  // folder: scans-with-truth, mfd, odd, hostile; truth for texts
	Lang     string  // as the engine names it, e.g. eng+deu; empty: unknown
	Truth    string  // path of the true text; empty: none
	Flags    string  // how to score, see package score
	CER, WER float64 // of the bare engine
	BagWER   float64 // the same without regard to the order of words
	Recall   float64
	Measure  string // what counts, in words
	Expected string // what a good server does
}

// DataDir finds the folder of test files. It wraps fs.ErrNotExist if there is none
// with a MANIFEST.tsv.
func DataDir() (string, error) {
	dir, err := shared.Dir()
	if err != nil {
		return "", err
	}
	_, err = os.Stat(filepath.Join(dir, "MANIFEST.tsv"))
	return dir, err
}

// Pick gives the entries of dir's manifest whose paths have one of names in them; all where
// there are no names. Where dir is empty it is DataDir; the folder that was taken comes back.
func Pick(dir string, names []string) (string, []Entry, error) {
	if dir == "" {
		var err error
		if dir, err = DataDir(); err != nil {
			return "", nil, err
		}
	}
	entries, err := ReadManifest(dir)
	if err != nil || len(names) == 0 {
		return dir, entries, err
	}
	return dir, slices.DeleteFunc(entries, func(e Entry) bool {
		return !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(e.Path, n) })
	}), nil
}

// ReadManifest reads dir's MANIFEST.tsv. Columns are found by name; those of
// which nothing is known hold "-".
func ReadManifest(dir string) ([]Entry, error) {
	f, err := os.Open(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		return nil, fmt.Errorf("read the list of test files: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read the list of test files: %w", err)
	}
	if len(rows) == 0 {
		return nil, errors.New("read the list of test files: it is empty")
	}
	var out []Entry
	for i, row := range rows[1:] {
		e, err := entry(rows[0], row)
		if err != nil {
			return nil, fmt.Errorf("read the list of test files: line %d: %w", i+2, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func entry(columns, row []string) (Entry, error) {
	cell := map[string]string{}
	for i, name := range columns {
		if row[i] != "-" {
			cell[name] = row[i]
		}
	}
	var errs []error
	number := func(name string) float64 {
		if cell[name] == "" {
			return 0
		}
		x, err := strconv.ParseFloat(cell[name], 64)
		errs = append(errs, err)
		return x
	}
	e := Entry{
		Path: cell["path"], Kind: cell["kind"], Lang: cell["lang"], Truth: cell["truth"], Flags: cell["score_flags"],
		CER: number("cer"), WER: number("wer"), BagWER: number("wer_order_insensitive"), Recall: number("word_recall"),
		Measure: cell["measure"], Expected: cell["expected"],
	}
	if e.Path == "" || strings.Contains(e.Path, "..") {
		errs = append(errs, fmt.Errorf("path %q is none", e.Path))
	}
	return e, errors.Join(errs...)
}
