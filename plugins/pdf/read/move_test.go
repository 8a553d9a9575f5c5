package read

import (
	"os"
	"path/filepath"
	"testing"
)

// From one disk to another, which is what a sandbox makes of two folders.
func TestAFileIsMovedToAnotherDisk(t *testing.T) {
	const shm = "/dev/shm"
	other, err := os.MkdirTemp(shm, "move-")
	if err != nil {
		t.Skipf("there is no second disk at %s: %v", shm, err)
	}
	defer os.RemoveAll(other)
	for _, dir := range []string{t.TempDir(), other} {
		from, to := filepath.Join(t.TempDir(), "a"), filepath.Join(dir, "b")
		if err := os.WriteFile(from, []byte("page"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := move(from, to); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(to); err != nil || string(got) != "page" {
			t.Errorf("got %q, %v", got, err)
		}
		if _, err := os.Lstat(from); !os.IsNotExist(err) {
			t.Errorf("it is still there: %v", err)
		}
	}
}
