// Package shared finds the test files that are too large, or not ours, to lie in the
// repository: the folder data in the one that TWINLEAF_SHARED names or, without it, in
// a folder shared beside the project or above.
package shared

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Dir is that folder. It wraps fs.ErrNotExist if there is none.
func Dir() (string, error) {
	if root := os.Getenv("TWINLEAF_SHARED"); root != "" {
		return folder(filepath.Join(root, "data"))
	}
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; at = filepath.Dir(at) {
		if dir, err := folder(filepath.Join(at, "shared", "data")); err == nil {
			return dir, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no folder shared/data beside the project: %w\nhint: set TWINLEAF_SHARED to the folder that holds data/", fs.ErrNotExist)
		}
	}
}

func folder(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder: %w", dir, fs.ErrNotExist)
	}
	return dir, err
}

// Files gives the files that match a pattern, e.g. "mfd/*.pdf", at least one; a test
// without them is skipped.
func Files(t testing.TB, pattern string) []string {
	t.Helper()
	dir, err := Dir()
	if err != nil {
		t.Skipf("shared test data: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatalf("shared test data: %v", err)
	}
	if len(files) == 0 {
		t.Skipf("shared test data: no %s in %s", pattern, dir)
	}
	return files
}

// File is the file that matches a pattern.
func File(t testing.TB, pattern string) string {
	t.Helper()
	return Files(t, pattern)[0]
}
