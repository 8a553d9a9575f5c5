package bench

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPickTakesTheFilesThatAreNamed(t *testing.T) {
	dir := t.TempDir()
	manifest := "path\tkind\nodd/a.tif\todd\nodd/b.pdf\todd\nmfd/a.pdf\tmfd\n"
	if err := os.WriteFile(filepath.Join(dir, "MANIFEST.tsv"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		names []string
		want  int
	}{{nil, 3}, {[]string{"a."}, 2}, {[]string{"b.pdf", "mfd/"}, 2}, {[]string{"none"}, 0}} {
		from, got, err := Pick(dir, c.names)
		if err != nil || from != dir || len(got) != c.want {
			t.Errorf("%q: %d of %s, %v, want %d", c.names, len(got), from, err, c.want)
		}
	}
	if _, _, err := Pick(t.TempDir(), nil); err == nil {
		t.Error("a folder without a manifest was read")
	}
}
