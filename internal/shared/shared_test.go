package shared

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestDataAreFoundByNameAndBesideTheProject(t *testing.T) {
	root := t.TempDir()
	data, inside := filepath.Join(root, "shared", "data"), filepath.Join(root, "project", "plugins", "image")
	for _, dir := range []string{data, inside} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	scan := filepath.Join(data, "a.tif")
	if err := os.WriteFile(scan, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TWINLEAF_SHARED", "")
	t.Chdir(inside)
	if got := File(t, "*.tif"); got != scan {
		t.Errorf("beside the project: got %s, want %s", got, scan)
	}
	t.Chdir("/")
	if got, err := Dir(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nowhere: got %s, %v; want that there is none", got, err)
	}
	t.Setenv("TWINLEAF_SHARED", filepath.Join(root, "shared"))
	if got := File(t, "a.tif"); got != scan {
		t.Errorf("by name: got %s, want %s", got, scan)
	}
	t.Setenv("TWINLEAF_SHARED", root)
	if got, err := Dir(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a name without data: got %s, %v; want that there is none", got, err)
	}
}
