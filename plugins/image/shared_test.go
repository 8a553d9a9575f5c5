package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// shared finds a file of the shared test data, or skips the test.
func shared(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("TWINLEAF_SHARED")
	for dir, _ := os.Getwd(); root == "" && dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			root = filepath.Join(dir, "..", "shared")
		}
	}
	path := filepath.Join(root, "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("shared test data are not here (TWINLEAF_SHARED): %v", err)
	}
	return path
}

var limits = sdk.Limits{Pages: 10_000, Pixels: 150_000_000}

func inspectFile(t testing.TB, path string, l sdk.Limits) (sdk.Inspection, error) {
	t.Helper()
	return plugintest.Call[sdk.InspectRequest, sdk.Inspection](t, reader(), sdk.OpInspect,
		sdk.InspectRequest{Input: sdk.File{Path: path, Name: filepath.Base(path)}, Limits: l}, nil)
}

func pageOf(t testing.TB, path string, n int) (sdk.PageImage, error) {
	t.Helper()
	return plugintest.Call[sdk.PageRequest, sdk.PageImage](t, reader(), sdk.OpPage,
		sdk.PageRequest{Input: sdk.File{Path: path, Name: filepath.Base(path)}, Page: n, Limits: limits}, nil)
}

// code is the code of a refusal; "" for none.
func code(err error) string {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e.Code
	}
	if err != nil {
		return "other: " + err.Error()
	}
	return ""
}

// answer is what a page came out as, in one line.
func answer(p sdk.PageImage) string {
	s := fmt.Sprintf("%s %dx%d %.0fx%.0f", p.Image.Name, p.Width, p.Height, p.XDPI, p.YDPI)
	if p.Shown != nil {
		s += fmt.Sprintf(" shown %s orient %d", p.Shown.Name, p.Orient)
	}
	if p.Unchanged {
		s += " unchanged"
	}
	return s
}

func TestRealScansComeOutAsExpected(t *testing.T) {
	for _, c := range []struct {
		file  string
		pages []string
	}{
		{"scans-with-truth/eng-book-a023.tif", []string{"image.tif 1850x2621 300x300"}},
	} {
		t.Run(c.file, func(t *testing.T) {
			path := shared(t, c.file)
			got, err := inspectFile(t, path, limits)
			if err != nil || len(got.Pages) != len(c.pages) {
				t.Fatalf("inspect: %d pages, %v; want %d pages", len(got.Pages), err, len(c.pages))
			}
			for i, want := range c.pages {
				p, err := pageOf(t, path, i+1)
				if err != nil || answer(p) != want {
					t.Errorf("page %d: got %s (%v), want %s", i+1, answer(p), err, want)
				}
			}
		})
	}
}

func TestDumpX(t *testing.T) {
	all, _ := filepath.Glob("/work/shared/data/*/*")
	for _, f := range all {
		switch filepath.Ext(f) {
		case ".txt":
			continue
		}
		in, err := inspectFile(t, f, limits)
		fmt.Println("==", f, in, err)
		if err == nil {
			for i := range in.Pages {
				p, err := pageOf(t, f, i+1)
				fmt.Println("   ", answer(p), err)
				if err == nil {
					d := fmt.Sprintf("/tmp/img/%s-%d-%s", filepath.Base(f), i+1, p.Image.Name)
					b, _ := os.ReadFile(p.Image.Path)
					os.WriteFile(d, b, 0o644)
					if p.Shown != nil {
						b, _ := os.ReadFile(p.Shown.Path)
						os.WriteFile(fmt.Sprintf("/tmp/img/%s-%d-%s", filepath.Base(f), i+1, p.Shown.Name), b, 0o644)
					}
				}
			}
		}
	}
}
