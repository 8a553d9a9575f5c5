package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk/ocr/score"
)

// benchFiles are the scans below a folder, told by their extensions, in the order of
// their paths.
func benchFiles(dir string) ([]string, error) {
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, unreadable(dir, err)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, usage("name the folder that holds the scans", "%s is no folder", dir)
	}
	var files []string
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return unreadable(path, err)
		case e.IsDir():
			if depthBelow(root, path) > maxBenchDepth {
				return fs.SkipDir
			}
			return nil
		case !isScan(path) || !isRegular(path):
			return nil
		}
		if files = append(files, path); len(files) > maxBenchFiles {
			return usage("make a folder of fewer", "%s holds more than %d scans", dir, maxBenchFiles)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = usage("scans end in .tif, .jpg, .png, .pnm or .pdf", "there is no scan in %s", dir)
	}
	slices.Sort(files)
	return files, err
}

func depthBelow(root, path string) int {
	rest, err := filepath.Rel(root, path)
	if err != nil || rest == "." {
		return 0
	}
	return 1 + strings.Count(rest, string(filepath.Separator))
}

func isScan(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".tif", ".tiff", ".jpg", ".jpeg", ".png", ".pnm", ".pbm", ".pgm", ".ppm", ".pdf":
		return true
	}
	return false
}

func isRegular(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// findTruths finds the true text of each file that has one, by the file's path. dir may
// be empty: then nothing is compared.
func findTruths(dir, pages string, files []string) (map[string]string, error) {
	if dir == "" {
		return nil, nil
	}
	root, err := filepath.EvalSymlinks(pages)
	if err != nil {
		return nil, unreadable(pages, err)
	}
	truths := map[string]string{}
	for _, file := range files {
		rest, err := filepath.Rel(root, file)
		if err != nil {
			return nil, fmt.Errorf("find the truth of %s: %w", file, err)
		}
		for _, name := range []string{rest, filepath.Base(rest)} {
			path := truthOf(dir, name)
			if path == "" {
				continue
			}
			if info, err := os.Stat(path); err == nil && info.Size() > maxBenchText {
				return nil, usage("take it out of the folder, or part the scan", "%s has %d KiB; texts of up to %d are compared", path, info.Size()>>10, maxBenchText>>10)
			}
			truths[file] = path
			break
		}
	}
	if len(truths) == 0 {
		return nil, usage("the text of scan.tif is scan.tif.gt.txt, scan.gt.txt or scan.txt", "%s has no true text of any scan in %s", dir, pages)
	}
	return truths, nil
}

func truthOf(dir, name string) string {
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	for _, try := range []string{name + ".gt.txt", stem + ".gt.txt", stem + ".txt"} {
		if path := filepath.Join(dir, try); isRegular(path) {
			return path
		}
	}
	return ""
}

// maxBenchText bounds a text that is compared, in bytes: the time to compare two grows
// with the product of their lengths.
const maxBenchText = 256 << 10

// compare scores a recognised text against the truth in a file.
func compare(truth string, recognised io.Reader) (score.Result, error) {
	f, err := os.Open(truth)
	if err != nil {
		return score.Result{}, unreadable(truth, err)
	}
	defer f.Close() // read only
	var texts [2]string
	for i, r := range []io.Reader{f, recognised} {
		raw, err := io.ReadAll(io.LimitReader(r, maxBenchText+1))
		if err == nil && len(raw) > maxBenchText {
			err = errors.New("it is too long to be compared")
		}
		if err != nil {
			return score.Result{}, fmt.Errorf("compare with %s: %w", truth, err)
		}
		texts[i] = string(raw)
	}
	return score.Compare(texts[0], texts[1], score.Options{}), nil
}
