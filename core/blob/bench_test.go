package blob

import (
	"bytes"
	"io"
	"testing"
)

// BenchmarkOpen reads a page image of 50 KB, as a stage or a peer does.
func BenchmarkOpen(b *testing.B) {
	s, err := Open(b.TempDir(), Config{NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ref, size, err := s.Put(b.Context(), bytes.NewReader(make([]byte, 50<<10)), 0)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		f, err := s.Open(ref)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, f)
		if f.Close(); err != nil || n != size {
			b.Fatalf("%d bytes, %v", n, err)
		}
	}
}
