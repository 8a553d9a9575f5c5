package ingest

import (
	"strings"
	"testing"
)

// BenchmarkSniff tells what a file is by its first bytes.
func BenchmarkSniff(b *testing.B) {
	for _, c := range []struct {
		name, head string
		scan       bool
	}{
		{"tiff", "II*\x00\x08\x00\x00\x00" + strings.Repeat("\x00\x01", 2000), true},
		{"pdf", "%PDF-1.7\n" + strings.Repeat("1 0 obj\n", 500), true},
		{"text", strings.Repeat("Dear Sir or Madam. ", 200), false},
	} {
		b.Run(c.name, func(b *testing.B) {
			head := []byte(c.head)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Sniff(head); (err == nil) != c.scan {
					b.Fatal(err)
				}
			}
		})
	}
}
