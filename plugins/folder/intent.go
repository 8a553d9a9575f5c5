package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// privateDir is our folder inside the destination. It lies on the same file
// system, so that a rename is one step.
const privateDir = ".twinleaf"

// intent is what a delivery is about to do, and, once its parts are gone, the
// proof that it has done it.
type intent struct {
	Key   string   `json:"key"`
	Job   string   `json:"job"`
	Files []placed `json:"files"`
}

type placed struct {
	Kind  string `json:"kind"`
	Part  string `json:"part"`  // in the private folder
	Final string `json:"final"` // in the destination
	done  bool
}

// sort puts the PDF last: who waits for it finds the rest.
func (p *intent) sort() {
	slices.SortStableFunc(p.Files, func(a, b placed) int { return weight(a.Kind) - weight(b.Kind) })
}

func weight(kind string) int {
	if kind == "pdf" {
		return 1
	}
	return 0
}

// main is the file that a person looks for.
func (p *intent) main() string { return p.Files[len(p.Files)-1].Final }

// choose gives all files that are not placed yet final names with one stem: the
// document's, or with the job where that is taken.
func (p *intent) choose(name, job string, taken func(string) bool) {
	for n := 0; ; n++ {
		stem := deliver.Stem(name, job, n)
		free := true
		seen := map[string]int{}
		for i := range p.Files {
			f := &p.Files[i]
			if f.done {
				continue
			}
			f.Final = stem + deliver.Suffix(f.Kind)
			if seen[f.Kind]++; seen[f.Kind] > 1 {
				f.Final = fmt.Sprintf("%s-%d%s", stem, seen[f.Kind], deliver.Suffix(f.Kind))
			}
			free = free && !taken(f.Final)
		}
		if free {
			return
		}
	}
}

// write makes the intent durable before it returns.
func (p *intent) write(path string) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// readIntent gives os.ErrNotExist when nothing was intended yet.
func readIntent(path string) (*intent, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var p intent
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("receipt %s: %w", path, err)
	}
	for _, f := range p.Files {
		if !filepath.IsLocal(f.Part) || !filepath.IsLocal(f.Final) || strings.ContainsRune(f.Part+f.Final, filepath.Separator) {
			return nil, fmt.Errorf("receipt %s names %q and %q", path, f.Part, f.Final)
		}
	}
	if len(p.Files) == 0 {
		return nil, fmt.Errorf("receipt %s names no files", path)
	}
	return &p, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(ignoreUnsupported(d.Sync()), d.Close())
}

// How long receipts are kept, and how often old ones are looked for.
const (
	keep       = 90 * 24 * time.Hour
	pruneEvery = 24 * time.Hour
)

// prune removes receipts that nobody will ask for any more. It is a courtesy:
// nothing depends on it, and its errors are nobody's concern.
func prune(private string) {
	mark := filepath.Join(private, "pruned")
	if info, err := os.Stat(mark); err == nil && time.Since(info.ModTime()) < pruneEvery {
		return
	}
	if os.WriteFile(mark, nil, 0o600) != nil {
		return
	}
	now := time.Now()
	_ = os.Chtimes(mark, now, now)
	entries, _ := os.ReadDir(private)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.Name() == "lock" || time.Since(info.ModTime()) < keep {
			continue
		}
		_ = os.Remove(filepath.Join(private, e.Name()))
	}
}
