package lept

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestDamageIsToldWithoutThePath(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page.jpg")
	cut := "\xff\xd8\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\xff\xd9" // no tables
	if err := os.WriteFile(path, []byte(cut), 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := Stat(path, 0)
	if err == nil {
		_, err = Read(path, info, 1)
	}
	refused, ok := err.(*sdk.Error)
	if !ok || refused.Code != "damaged" || refused.Remedy == "" {
		t.Fatalf("got %v, want a refusal", err)
	}
	if strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "the page's image") {
		t.Errorf("got %q, want the image named and no path", err)
	}
}
