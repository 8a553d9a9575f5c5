package ocr

import (
	"bytes"
	"testing"
)

// BenchmarkPage is what the text of a dense page costs each time that it crosses a border:
// the server reads and checks it, the assembler reads it again.
func BenchmarkPage(b *testing.B) {
	p, err := ParseHOCR(bytes.NewReader([]byte(densePage())))
	if err != nil {
		b.Fatal(err)
	}
	var raw bytes.Buffer
	if err := p.Encode(&raw); err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"decode", func() error { _, err := Decode(bytes.NewReader(raw.Bytes()), MaxJSON); return err }},
		{"validate", p.Validate},
		{"tilt", func() error { return p.Tilted(1.5, p.Width, p.Height).Validate() }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(raw.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
