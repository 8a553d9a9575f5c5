package disk_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/bench/robust/disk"
)

const size = 32 << 20

func TestCutOfPowerKeepsWhatWasSynced(t *testing.T) {
	if err := disk.Possible(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	d, err := disk.Make(t.Context(), filepath.Join(dir, "image"), filepath.Join(dir, "mnt"), size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	write(t, filepath.Join(d.Folder, "synced"), true)
	write(t, filepath.Join(d.Folder, "memory"), false)
	if err := d.Cut(t.Context(), filepath.Join(dir, "cut")); err != nil {
		t.Fatal(err)
	}
	after, err := disk.Mount(t.Context(), filepath.Join(dir, "cut"), filepath.Join(dir, "after"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = after.Close() })
	if text, err := os.ReadFile(filepath.Join(after.Folder, "synced")); string(text) != "text" || err != nil {
		t.Errorf("what was synced is %q (%v)", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(after.Folder, "memory")); string(text) == "text" {
		t.Errorf("what was in memory only is there (%v): the copy is no cut of power", err)
	}
}

func TestFullDiskTakesNothing(t *testing.T) {
	if err := disk.Possible(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	d, err := disk.Make(t.Context(), filepath.Join(dir, "image"), filepath.Join(dir, "mnt"), size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if err := d.Fill(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(d.Folder, "more")
	if err := os.WriteFile(name, make([]byte, 64<<10), 0o644); err == nil {
		t.Error("a full disk took a file")
	}
	if err := d.Free(); err != nil {
		t.Fatal(err)
	}
	write(t, name, true)
}

func write(t *testing.T, name string, sync bool) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("text"); err != nil {
		t.Fatal(err)
	}
	if sync {
		err = f.Sync()
	}
	if err != nil || f.Close() != nil {
		t.Fatal(err)
	}
}
