package delivertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Folder gives names and contents of what lies in a directory of this machine for
// its readers, for servers that keep their files in one.
func Folder(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		if e.IsDir() && e.Name() == deliver.Private {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(content)
	}
	return got
}

// PlaceIn is a place whose server keeps its files in a directory of this machine.
func PlaceIn(dir string) Place {
	return Place{
		Have: func(t testing.TB) map[string]string { return Folder(t, dir) },
		Put: func(t testing.TB, name, content string) {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		Take: func(t testing.TB, name string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		},
	}
}
