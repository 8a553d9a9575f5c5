package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
)

// The pages are A4 at 300 dpi, in pixels, and white, so that they are as large as
// real ones in memory and next to nothing on disk.
const width, height = 2480, 3508

// white is a white page as G4: one bit a row, then the end of the block.
func white() []byte {
	out := bytes.Repeat([]byte{0xFF}, height/8)
	return append(out, 0xF0, 0x01, 0x00, 0x10)
}

// writeTIFF writes a TIFF of n pages, each with its own bytes.
func writeTIFF(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	strip := white()
	const fields = 10
	space := (len(strip) + 3) &^ 3
	size := space + 8 + 2 + 12*fields + 4 + 2 // strip, resolution, directory; even
	w.WriteString("II*\x00")
	le := func(v any) { _ = binary.Write(w, binary.LittleEndian, v) } // Flush tells
	le(uint32(8 + space + 8))
	for i := range n {
		at := 8 + i*size
		w.Write(append(slices.Clip(strip), make([]byte, space-len(strip))...))
		le([]uint32{300, 1})
		le(uint16(fields))
		for _, e := range [fields][3]uint32{
			{256, 4, width}, {257, 4, height}, {259, 4, 4}, {262, 4, 0}, {273, 4, uint32(at)}, {278, 4, height},
			{279, 4, uint32(len(strip))}, {282, 5, uint32(at + space)}, {283, 5, uint32(at + space)}, {296, 3, 2},
		} {
			le(uint16(e[0]))
			le(uint16(e[1]))
			le(uint32(1))
			le(e[2])
		}
		next := uint32(at + size + space + 8)
		if i == n-1 {
			next = 0
		}
		le(next)
		le(uint16(0))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// writePDF writes a PDF of n pages, each with a line of its own drawing, so that it
// is kept and gets its text as an update.
func writePDF(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := &counter{w: bufio.NewWriter(f)}
	var at []int
	object := func(format string, a ...any) {
		at = append(at, w.n)
		fmt.Fprintf(w, "%d 0 obj\n", len(at))
		fmt.Fprintf(w, format, a...)
		fmt.Fprint(w, "\nendobj\n")
	}
	fmt.Fprint(w, "%PDF-1.7\n")
	object("<</Type/Catalog/Pages 2 0 R>>")
	at = append(at, w.n)
	fmt.Fprintf(w, "2 0 obj\n<</Type/Pages/Count %d/Kids[", n)
	for i := range n {
		fmt.Fprintf(w, "%d 0 R ", 3+2*i)
	}
	fmt.Fprint(w, "]>>\nendobj\n")
	for i := range n {
		object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595.2 841.92]/Resources<<>>/Contents %d 0 R>>", 4+2*i)
		body := fmt.Sprintf("%d %d 20 20 re f", i%500, i/500*25) // no two are alike
		object("<</Length %d>>stream\n%s\nendstream", len(body), body)
	}
	xref := w.n
	fmt.Fprintf(w, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(w, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(w, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	if err := w.w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// counter knows where in the file it stands.
type counter struct {
	w *bufio.Writer
	n int
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}
