package store

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkCheck is what holding a program of 20 MB to its lock costs before a start:
// the first time, and while nothing has changed.
func BenchmarkCheck(b *testing.B) {
	dir := b.TempDir()
	content := make([]byte, 20<<20)
	_, _ = rand.Read(content) // it never fails
	if err := os.WriteFile(filepath.Join(dir, "program"), content, 0o755); err != nil {
		b.Fatal(err)
	}
	h1, files, err := digestOf(dir)
	if err != nil {
		b.Fatal(err)
	}
	pin := &Pin{Entry: Entry{Name: "a", Version: "1.0.0", Hashes: map[string]string{Platform(): h1}}, dir: dir}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			pin.lasting = false
			if err := pin.Check(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		pin.good, pin.lasting = files, files.settled(time.Now().Add(settled))
		for b.Loop() {
			if err := pin.Check(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
